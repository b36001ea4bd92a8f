"""Back office: customers, for looking up."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from billing.web.back_office import BackOffice
from customers.models import Customer


@admin.register(Customer)
class CustomerAdmin(BackOffice):
    """Names, IDs and locked fields are changed on the customer's own page, which keeps the search in step."""

    list_display: ClassVar = [
        "name",
        "external_id",
        "email",
        "currency",
        "status",
        "organization",
        "deleted_at",
    ]
    search_fields: ClassVar = ["name", "external_id", "email", "organization__name"]
    list_filter: ClassVar = ["status", "customer_type", "currency"]
    list_select_related = ("organization",)
    editable = ("net_payment_term_days", "grace_period_days", "preferred_provider")
