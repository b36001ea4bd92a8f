"""What is sold besides plans: once on a one-off invoice, or a number of units within a plan."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.models.catalog import CODE_HELP
from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import Kept, Scoped


class AddOn(Kept):
    """A thing with a price: a set-up, a training day, a seat. The price is what an invoice line starts from."""

    PREFIX = "add"

    name = models.CharField(max_length=100)
    code = models.SlugField(max_length=100, help_text=CODE_HELP)
    description = models.CharField(max_length=500, blank=True)
    invoice_display_name = models.CharField(max_length=200, blank=True)
    amount_minor = MinorField()
    currency = CurrencyField()
    taxes = models.ManyToManyField("billing.Tax", blank=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = "add-on"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code"], condition=Q(deleted_at=None), name="add_on_code"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="add_on_amount_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def invoice_name(self) -> str:
        """What stands on an invoice."""
        return self.invoice_display_name or self.name


class AddOnPrice(Scoped):
    """What an add-on costs in one more currency."""

    PREFIX = "adp"

    add_on = models.ForeignKey(AddOn, on_delete=models.CASCADE, related_name="prices")
    currency = CurrencyField()
    amount_minor = MinorField()

    class Meta:
        ordering: ClassVar = ["currency"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["add_on", "currency"], name="one_add_on_price_per_currency"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="add_on_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.add_on} in {self.currency}"
