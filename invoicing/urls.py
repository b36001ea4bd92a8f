"""The pages of invoices, payments and credit notes."""

from __future__ import annotations

from django.urls import URLPattern, path

from invoicing.views import billing_entities

urlpatterns: list[URLPattern] = [
    path("settings/billing-entities", billing_entities.billing_entities, name="billing-entities"),
    path("settings/billing-entities/add", billing_entities.add, name="billing-entity-add"),
    path(
        "settings/billing-entities/number", billing_entities.number_preview, name="billing-entity-number-preview"
    ),
    path("settings/billing-entities/<pid:id>", billing_entities.edit, name="billing-entity"),
    path("settings/billing-entities/<pid:id>/logo", billing_entities.logo, name="billing-entity-logo"),
    path("settings/billing-entities/<pid:id>/default", billing_entities.set_default, name="billing-entity-default"),
]
