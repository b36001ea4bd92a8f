"""Prices of a plan in other currencies than its own."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import Scoped


class PlanPrice(Scoped):
    """What a plan costs per period in one more currency, and what it promises at the least there.

    The price in the plan's own currency stands on the plan. What usage costs in this currency stands in
    `ChargePrice`; a charge without one there keeps the plan from being sold in it.
    """

    PREFIX = "prc"

    plan = models.ForeignKey("billing.Plan", on_delete=models.CASCADE, related_name="prices")
    currency = CurrencyField()
    amount_minor = MinorField()
    commitment_minor = MinorField()

    class Meta:
        ordering: ClassVar = ["currency"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "currency"], name="one_price_per_currency"),
            models.CheckConstraint(
                condition=Q(amount_minor__gte=0, commitment_minor__gte=0), name="plan_price_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} in {self.currency}"


class ChargePrice(Scoped):
    """The properties of a charge in one more currency; the model is that of the charge. `filters` [{"values",
    "properties"}]: those of its filters, told by their values; one that is missing costs what the charge does.
    """

    PREFIX = "chp"

    charge = models.ForeignKey("billing.Charge", on_delete=models.CASCADE, related_name="prices")
    currency = CurrencyField()
    properties = models.JSONField(default=dict)
    filters = models.JSONField(default=list, blank=True)
    min_amount_minor = MinorField()

    class Meta:
        ordering: ClassVar = ["currency"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["charge", "currency"], name="one_charge_price_per_currency"),
            models.CheckConstraint(
                condition=Q(min_amount_minor__gte=0), name="charge_price_minimum_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.charge} in {self.currency}"
