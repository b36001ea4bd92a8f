"""Credit notes: what an issued invoice turned out to be too much."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import ScopedQuerySet
from invoicing.models.printed import Printed
from invoicing.models.sequence import Numbered


class CreditNoteQuerySet(ScopedQuerySet):
    """Credit notes by state."""

    def available(self) -> CreditNoteQuerySet:
        """Those with a balance that later invoices may use."""
        return self.filter(status="finalized", balance_minor__gt=0)


class CreditNote(Numbered, Printed):
    """total = net + tax; `refund_minor` of it goes back as money, `offset_minor` lowers what is due of its own
    invoice, the rest is credit: `balance_minor` is what later invoices may still use of it, `withdrawn_minor` what
    was taken out of it by hand after a part had been used.

    `items` is [{"description", "amount_minor", "tax_minor", "line"}], in `amount_minor` before tax: 0 in a note over
    the tax alone. Notes of old have no `tax_minor`.
    """

    PREFIX = "cn"

    invoice = models.ForeignKey("invoicing.Invoice", on_delete=models.PROTECT, related_name="credit_notes")
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=80)
    status = models.CharField(
        max_length=12, choices=[("finalized", "Finalized"), ("voided", "Voided")], default="finalized"
    )
    reason = models.CharField(max_length=40, default="order_cancellation")
    description = models.CharField(max_length=500, blank=True)
    currency = CurrencyField()
    issuing_on = models.DateField()
    customer_name = models.CharField(max_length=255)
    items = models.JSONField(default=list)
    taxes = models.JSONField(default=list)
    net_minor = MinorField()
    tax_minor = MinorField()
    total_minor = MinorField()
    refund_minor = MinorField()
    offset_minor = MinorField()
    balance_minor = MinorField()
    withdrawn_minor = MinorField()
    key = models.CharField(max_length=200)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=500, blank=True)
    pdf = models.FileField(upload_to="credit_notes/", blank=True, max_length=255)
    void_pdf = models.FileField("voided PDF", upload_to="credit_notes/", blank=True, max_length=255)

    objects = CreditNoteQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-issuing_on", "-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "number"], name="credit_note_number"),
            models.UniqueConstraint(
                fields=["organization", "series", "series_number"],
                include=["status"],
                condition=~Q(series=""),
                name="credit_note_place_in_series",
            ),
            models.UniqueConstraint(fields=["organization", "key"], name="credit_note_once"),
            models.CheckConstraint(
                condition=Q(total_minor=F("net_minor") + F("tax_minor"), net_minor__gte=0, tax_minor__gte=0),
                name="credit_note_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(
                    balance_minor__gte=0,
                    refund_minor__gte=0,
                    offset_minor__gte=0,
                    withdrawn_minor__gte=0,
                    balance_minor__lte=F("total_minor")
                    - F("refund_minor")
                    - F("offset_minor")
                    - F("withdrawn_minor"),
                ),
                name="credit_note_balance",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def untouched(self) -> bool:
        """In force, with nothing used, given back or taken off its invoice: it may be voided."""
        return self.status == "finalized" and self.balance_minor == self.total_minor

    @property
    def credit_minor(self) -> int:
        """What went to the customer's balance."""
        return int(self.total_minor - self.refund_minor - self.offset_minor)

    @property
    def used_minor(self) -> int:
        """What later invoices took of it; of a voided note nothing."""
        if self.status == "voided":
            return 0
        return int(self.credit_minor - self.withdrawn_minor - self.balance_minor)

    @property
    def only_tax(self) -> bool:
        """Whether it takes back tax and nothing of the lines."""
        return not self.net_minor and self.tax_minor > 0
