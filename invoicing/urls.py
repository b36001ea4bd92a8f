"""The pages of invoices, payments and credit notes."""

from __future__ import annotations

from django.urls import URLPattern, path

from invoicing.views import (
    billing_entities,
    credit_notes,
    crediting,
    documents,
    invoice_acts,
    invoices,
    payments,
    providers,
)

urlpatterns: list[URLPattern] = [
    path("settings/billing-entities", billing_entities.billing_entities, name="billing-entities"),
    path("settings/billing-entities/add", billing_entities.add, name="billing-entity-add"),
    path(
        "settings/billing-entities/number",
        billing_entities.number_preview,
        name="billing-entity-number-preview",
    ),
    path("settings/billing-entities/<pid:id>", billing_entities.edit, name="billing-entity"),
    path("settings/billing-entities/<pid:id>/logo", billing_entities.logo, name="billing-entity-logo"),
    path(
        "settings/billing-entities/<pid:id>/default",
        billing_entities.set_default,
        name="billing-entity-default",
    ),
    path("settings/integrations", providers.integrations, name="integrations"),
    path("settings/integrations/add", providers.add, name="integration-add"),
    path("settings/integrations/strategy", providers.strategy, name="integration-strategy"),
    path("settings/integrations/<pid:id>", providers.integration, name="integration"),
    path("settings/integrations/<pid:id>/edit", providers.edit, name="integration-edit"),
    path("settings/integrations/<pid:id>/test", providers.test, name="integration-test"),
    path("settings/integrations/<pid:id>/up", providers.move, {"steps": -1}, name="integration-up"),
    path("settings/integrations/<pid:id>/down", providers.move, {"steps": 1}, name="integration-down"),
    path(
        "settings/integrations/<pid:id>/activate",
        providers.activate,
        {"active": True},
        name="integration-activate",
    ),
    path(
        "settings/integrations/<pid:id>/deactivate",
        providers.activate,
        {"active": False},
        name="integration-deactivate",
    ),
    path("settings/integrations/<pid:id>/compare", providers.compare, name="integration-compare"),
    path("settings/integrations/<pid:id>/send-all", providers.mirror_all, name="integration-send-all"),
    path("settings/integrations/<pid:id>/delete", providers.delete, name="integration-delete"),
    path("invoices", invoices.invoices, name="invoices"),
    path("invoices/<pid:id>", invoices.invoice, name="invoice"),
    path("invoices/<pid:id>/pdf", documents.invoice_pdf, name="invoice-pdf"),
    path("invoices/<pid:id>/pdf/issued", documents.invoice_pdf_issued, name="invoice-pdf-issued"),
    path("invoices/<pid:id>/document", documents.invoice_document, name="invoice-document"),
    path("invoices/<pid:id>/refresh", invoice_acts.refresh, name="invoice-refresh"),
    path("invoices/<pid:id>/finalize", invoice_acts.finalize, name="invoice-finalize"),
    path("invoices/<pid:id>/payments/add", invoice_acts.pay, name="invoice-pay"),
    path("invoices/<pid:id>/void", invoice_acts.void, name="invoice-void"),
    path("invoices/<pid:id>/delete", invoice_acts.delete, name="invoice-delete"),
    path("invoices/<pid:id>/credit", crediting.credit, name="invoice-credit"),
    path("payments/<pid:id>/refund", crediting.refund, name="payment-refund"),
    path("credit-notes/<pid:id>/void", crediting.void_note, name="credit-note-void"),
    path("payments", payments.payments, name="payments"),
    path("payments/<pid:id>", payments.payment, name="payment"),
    path("credit-notes", credit_notes.credit_notes, name="credit-notes"),
    path("credit-notes/<pid:id>", credit_notes.credit_note, name="credit-note"),
    path("credit-notes/<pid:id>/pdf", documents.credit_note_pdf, name="credit-note-pdf"),
    path("credit-notes/<pid:id>/pdf/issued", documents.credit_note_pdf_issued, name="credit-note-pdf-issued"),
    path("credit-notes/<pid:id>/document", documents.credit_note_document, name="credit-note-document"),
]
