"""Fixed charges: a number of units of an add-on that a plan includes, whatever is used."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField, ExactField
from billing.orm.scoped import Kept, Scoped


class FixedModel(models.TextChoices):
    """How units of a fixed charge are priced."""

    STANDARD = "standard", "Standard"
    GRADUATED = "graduated", "Graduated"
    VOLUME = "volume", "Volume"


class FixedCharge(Kept):
    """`units` of an add-on, priced by the charge model. `pay_in_advance`: billed when the period begins, else when it
    is over. `prorated`: by the days that a number of units stood. What they cost elsewhere: `FixedChargePrice`.
    """

    PREFIX = "fxc"

    plan = models.ForeignKey("billing.Plan", on_delete=models.PROTECT, related_name="fixed_charges")
    add_on = models.ForeignKey("billing.AddOn", on_delete=models.PROTECT, related_name="fixed_charges")
    position = models.PositiveSmallIntegerField(default=0)
    charge_model = models.CharField(max_length=30, choices=FixedModel.choices, default=FixedModel.STANDARD)
    properties = models.JSONField(default=dict)
    units = ExactField(default=1)
    pay_in_advance = models.BooleanField(default=False)
    prorated = models.BooleanField(default=False)
    invoice_display_name = models.CharField(max_length=200, blank=True)
    taxes = models.ManyToManyField("billing.Tax", blank=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["position", "id"]
        verbose_name = "fixed charge"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["plan", "add_on"], condition=Q(deleted_at=None), name="one_fixed_charge_per_add_on"
            ),
            models.CheckConstraint(condition=Q(units__gte=0), name="fixed_charge_units_not_negative"),
            models.CheckConstraint(
                condition=Q(pay_in_advance=False)
                | Q(charge_model="standard")
                | Q(charge_model="graduated", prorated=False),
                name="fixed_charge_in_advance_models",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan}: {self.invoice_name}"

    @property
    def invoice_name(self) -> str:
        """What stands on an invoice."""
        return self.invoice_display_name or self.add_on.invoice_name


class FixedChargePrice(Scoped):
    """The properties of a fixed charge in one more currency."""

    PREFIX = "fxp"

    fixed_charge = models.ForeignKey(FixedCharge, on_delete=models.CASCADE, related_name="prices")
    currency = CurrencyField()
    properties = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["currency"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["fixed_charge", "currency"], name="one_fixed_charge_price_per_currency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fixed_charge} in {self.currency}"


class UnitsChange(Scoped):
    """From `at` on a subscription has this number of units. Rows are added, never changed: a later row takes back
    what was planned for its moment or after it (billing/rules/fixed_charges.py).
    """

    PREFIX = "uch"

    subscription = models.ForeignKey(
        "billing.Subscription", on_delete=models.PROTECT, related_name="units_changes"
    )
    fixed_charge = models.ForeignKey(FixedCharge, on_delete=models.PROTECT, related_name="units_changes")
    units = ExactField()
    at = models.DateTimeField()
    made_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(units__gte=0), name="changed_units_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.units:f} from {self.at:%Y-%m-%d}"
