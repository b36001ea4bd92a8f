"""Payments received for invoices."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Scoped

RECEIVED = ("successful", "partially_refunded", "refunded")  # the money came, whatever went back later


class Payment(Scoped):
    """Money received for an invoice. `key` makes recording it twice harmless. `remittance`: the transfer of which it
    is a part. `refunded_minor` of it went back; `refunding_minor` is on its way back, and nobody can give it twice.
    """

    PREFIX = "pay"

    invoice = models.ForeignKey("invoicing.Invoice", on_delete=models.PROTECT, related_name="payments")
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="payments")
    remittance = models.ForeignKey(
        "invoicing.Remittance", null=True, on_delete=models.PROTECT, related_name="payments"
    )
    amount_minor = models.BigIntegerField()
    currency = CurrencyField()
    status = models.CharField(
        max_length=20,
        choices=[
            ("pending", "Pending"),
            ("processing", "Processing"),
            ("successful", "Successful"),
            ("failed", "Failed"),
            ("refunded", "Refunded"),
            ("partially_refunded", "Partially refunded"),
        ],
        default="successful",
    )
    provider = models.CharField(max_length=30, default="manual")
    reference = models.CharField(max_length=100, blank=True)
    refunded_minor = models.BigIntegerField(default=0)
    refunding_minor = models.BigIntegerField(default=0, db_default=0)
    paid_at = models.DateTimeField()
    key = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["-paid_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "key"], name="payment_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_positive"),
            models.CheckConstraint(
                condition=Q(
                    refunded_minor__gte=0,
                    refunding_minor__gte=0,
                    amount_minor__gte=F("refunded_minor") + F("refunding_minor"),
                ),
                name="payment_refunded_at_most_once",
            ),
        ]

    def __str__(self) -> str:
        return self.reference or self.provider

    @property
    def left_minor(self) -> int:
        """What of it can still be given back."""
        return int(self.amount_minor - self.refunded_minor - self.refunding_minor)


class Refund(Scoped):
    """Money given back of a payment, or of what is on account of a transfer (by a provider alone; what was sent by
    hand is a `RemittanceReturn` at once). `key` makes a repeat harmless; payment or transfer count what was refunded.

    `account` is the provider that sends it back, None for money that was sent by hand. Such a refund is pending until
    the provider says that it is done or will not be; `external_id` is its id there, `failure` why it failed or what
    is in the way, `tries` how often it was begun anew. `next_at`: when the provider is asked next.
    """

    PREFIX = "ref"

    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="refunds")
    remittance = models.ForeignKey(
        "invoicing.Remittance", null=True, on_delete=models.PROTECT, related_name="refunds"
    )
    credit_note = models.ForeignKey(
        "invoicing.CreditNote", null=True, on_delete=models.PROTECT, related_name="refunds"
    )
    account = models.ForeignKey(
        "invoicing.PaymentProvider", null=True, on_delete=models.PROTECT, related_name="refunds"
    )
    amount_minor = models.BigIntegerField()
    currency = CurrencyField()
    status = models.CharField(
        max_length=12,
        choices=[("pending", "Pending"), ("successful", "Successful"), ("failed", "Failed")],
        default="successful",
    )
    reason = models.CharField(max_length=500, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    external_id = models.CharField(max_length=255, blank=True, db_default="")
    failure = models.CharField(max_length=500, blank=True, db_default="")
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    asked_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    refunded_at = models.DateTimeField()
    key = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["-refunded_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["payment", "key"], name="refund_once"),
            models.UniqueConstraint(fields=["remittance", "key"], name="refund_of_transfer_once"),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, remittance=None)
                | Q(payment=None, remittance__isnull=False, account__isnull=False),
                name="refund_of_one",
            ),
            models.UniqueConstraint(
                fields=["account", "external_id", "payment"],
                condition=~Q(external_id=""),
                name="refund_there_once",
            ),
            models.UniqueConstraint(
                fields=["account", "external_id"],
                condition=~Q(external_id="") & Q(payment=None),
                name="refund_of_transfer_there_once",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="refund_due"),
            models.Index(fields=["organization"], condition=Q(status="failed"), name="refund_failed"),
        ]

    def __str__(self) -> str:
        return self.reference or self.reason

    @property
    def source(self) -> Any:
        """What it gives back of: a Payment or a Remittance."""
        return self.remittance if self.payment_id is None else self.payment

    @property
    def known_as(self) -> str:
        """What the provider knows it by; begun anew it is another one."""
        return f"tarn-{self.pk.hex}{f'-{self.tries}' if self.tries else ''}"
