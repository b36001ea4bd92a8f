"""Back office: invoices, payments, credit notes and counters, for looking up."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from billing.web.back_office import BackOffice
from invoicing.models import CreditNote, Invoice, InvoiceReview, Mail, Payment, Remittance, Sequence, WriteOff
from invoicing.rules.states import InvoiceStatus


@admin.register(Invoice)
class InvoiceAdmin(BackOffice):
    """A draft's notes can be corrected; an invoice that was issued is never touched."""

    list_display: ClassVar = [
        "__str__",
        "customer_name",
        "status",
        "payment_status",
        "total_minor",
        "currency",
    ]
    search_fields: ClassVar = ["number", "customer_name", "organization__name"]
    list_filter: ClassVar = ["status", "payment_status", "type", "currency"]
    editable = ("notes", "purchase_order")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Drafts only."""
        draft = obj is None or getattr(obj, "status", "") == InvoiceStatus.DRAFT.value
        return draft and super().has_change_permission(request, obj)


@admin.register(CreditNote)
class CreditNoteAdmin(BackOffice):
    """Corrections."""

    list_display: ClassVar = ["number", "customer", "status", "issuing_on", "organization"]
    search_fields: ClassVar = ["number", "customer__name", "organization__name"]
    list_filter: ClassVar = ["status"]
    list_select_related = ("customer", "organization")


@admin.register(Payment)
class PaymentAdmin(BackOffice):
    """Money received."""

    list_display: ClassVar = ["invoice", "customer", "amount_minor", "currency", "status", "paid_at"]
    search_fields: ClassVar = ["reference", "invoice__number", "customer__name"]
    list_filter: ClassVar = ["status", "provider"]
    list_select_related = ("invoice", "customer")


@admin.register(Remittance)
class RemittanceAdmin(BackOffice):
    """Transfers for several invoices, or for more than was due."""

    list_display: ClassVar = ["__str__", "customer", "amount_minor", "applied_minor", "currency", "paid_at"]
    search_fields: ClassVar = ["reference", "customer__name"]
    list_filter: ClassVar = ["provider"]
    list_select_related = ("customer",)


@admin.register(WriteOff)
class WriteOffAdmin(BackOffice):
    """What was given up of invoices."""

    list_display: ClassVar = ["invoice", "kind", "amount_minor", "currency", "written_off_at", "undone_at"]
    search_fields: ClassVar = ["reason", "invoice__number"]
    list_select_related = ("invoice",)


@admin.register(InvoiceReview)
class InvoiceReviewAdmin(BackOffice):
    """Invoices that a change of type put in question."""

    list_display: ClassVar = ["invoice", "asked_on", "reviewed_at", "reviewer_label", "organization"]
    search_fields: ClassVar = ["invoice__number", "organization__name"]
    list_select_related = ("invoice", "organization")


@admin.register(Mail)
class MailAdmin(BackOffice):
    """E-mails to customers."""

    list_display: ClassVar = ["subject", "kind", "customer", "state", "sent_at", "organization"]
    search_fields: ClassVar = ["subject", "customer__name", "organization__name"]
    list_filter: ClassVar = ["kind", "state"]
    list_select_related = ("customer", "organization")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mail]:
        """Without the letters, which a list does not show."""
        return super().get_queryset(request).defer("text", "html")


@admin.register(Sequence)
class SequenceAdmin(BackOffice):
    """Counters of document numbers."""

    list_display: ClassVar = ["key", "last", "organization", "updated_at"]
    search_fields: ClassVar = ["key", "organization__name"]
    list_select_related = ("organization",)
