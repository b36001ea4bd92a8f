"""Payments received for invoices."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Scoped


class Payment(Scoped):
    """Money received. `key` makes recording it twice harmless."""

    PREFIX = "pay"

    invoice = models.ForeignKey("invoicing.Invoice", on_delete=models.PROTECT, related_name="payments")
    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="payments")
    amount_minor = models.BigIntegerField()
    currency = CurrencyField()
    status = models.CharField(
        max_length=20,
        choices=[
            ("pending", "Pending"),
            ("processing", "Processing"),
            ("successful", "Successful"),
            ("failed", "Failed"),
        ],
        default="successful",
    )
    provider = models.CharField(max_length=30, default="manual")
    reference = models.CharField(max_length=100, blank=True)
    paid_at = models.DateTimeField()
    key = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["-paid_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "key"], name="payment_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_positive"),
        ]

    def __str__(self) -> str:
        return self.reference or self.provider
