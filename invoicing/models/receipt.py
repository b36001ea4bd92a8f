"""Receipts: what a customer is given for money that came."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import Scoped
from invoicing.models.printed import PdfState, StoredCopy
from invoicing.models.sequence import Numbered


class Receipt(Numbered, Scoped):
    """The receipt of one payment, or of one transfer for several invoices. It never changes: money that goes back
    later is shown beside it.

    `number` comes from a locked counter of the billing entity, in the transaction that records the money. `items` are
    what the money was for, [{"number", "issued_on", "total_minor", "amount_minor", "left_minor"}]: the invoice, its
    total, what this money paid of it, and what was still due of it then (None where that is not known any more);
    what is for no invoice is `on_account_minor`. `seller` and `buyer` are frozen copies.
    """

    PREFIX = "rct"

    billing_entity = models.ForeignKey(
        "billing.BillingEntity", on_delete=models.PROTECT, related_name="receipts"
    )
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="receipts")
    payment = models.OneToOneField(
        "invoicing.Payment", null=True, on_delete=models.PROTECT, related_name="receipt"
    )
    remittance = models.OneToOneField(
        "invoicing.Remittance", null=True, on_delete=models.PROTECT, related_name="receipt"
    )
    number = models.CharField(max_length=60)
    issued_at = models.DateTimeField()
    timezone = models.CharField(max_length=64, default="UTC")
    locale = models.CharField(max_length=10, default="en")
    currency = CurrencyField()
    amount_minor = models.BigIntegerField()
    on_account_minor = MinorField()
    items = models.JSONField(default=list)
    provider = models.CharField(max_length=30)
    reference = models.CharField(max_length=100, blank=True)
    paid_at = models.DateTimeField()
    customer_name = models.CharField(max_length=255)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    pdf = models.FileField(upload_to="receipts/", blank=True, max_length=255)
    pdf_state = models.CharField(max_length=10, choices=PdfState.choices, default=PdfState.NONE)
    pdf_made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-issued_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["billing_entity", "number"], name="receipt_number"),
            models.UniqueConstraint(
                fields=["organization", "series", "series_number"],
                condition=~Q(series=""),
                name="receipt_place_in_series",
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, remittance=None)
                | Q(payment=None, remittance__isnull=False),
                name="receipt_of_one",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, on_account_minor__gte=0), name="receipt_positive"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-issued_at"], name="receipt_by_time"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def issued_copy(self) -> StoredCopy:
        """The file."""
        return StoredCopy("pdf", self.pdf, self.pdf_state, self.pdf_made_at)

    @property
    def current_copy(self) -> StoredCopy:
        """The file: there is only one."""
        return self.issued_copy
