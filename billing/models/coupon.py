"""Coupons, and their application to customers."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField
from billing.orm.scoped import Kept, Scoped, ScopedQuerySet


class CouponKind(models.TextChoices):
    """What is taken off."""

    FIXED_AMOUNT = "fixed_amount", "Fixed amount"
    PERCENTAGE = "percentage", "Percentage"


class Frequency(models.TextChoices):
    """How often a coupon lowers an invoice."""

    ONCE = "once", "Once"
    RECURRING = "recurring", "For a number of invoices"
    FOREVER = "forever", "Forever"


class Discount(models.Model):
    """The terms of a discount; a copy of the coupon's terms stands on each application."""

    kind = models.CharField(max_length=20, choices=CouponKind.choices)
    amount_minor = models.BigIntegerField(null=True, blank=True)
    currency = CurrencyField(blank=True)
    percentage = models.DecimalField(
        max_digits=8,
        decimal_places=5,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    frequency = models.CharField(max_length=20, choices=Frequency.choices, default=Frequency.ONCE)
    periods = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        abstract = True


def terms_are_whole(name: str) -> models.CheckConstraint:
    """Fixed coupons have an amount and a currency, percentages a rate; only recurring ones have periods."""
    fixed = Q(kind="fixed_amount", amount_minor__gt=0, percentage=None) & ~Q(currency="")
    percentage = Q(kind="percentage", amount_minor=None, currency="", percentage__gt=0, percentage__lte=100)
    periods = Q(frequency="recurring", periods__gt=0) | (~Q(frequency="recurring") & Q(periods=None))
    return models.CheckConstraint(condition=(fixed | percentage) & periods, name=name)


class Coupon(Kept, Discount):
    """A discount that can be given to customers: on everything, or limited to some plans or some metrics."""

    PREFIX = "cpn"

    name = models.CharField(max_length=100)
    code = models.SlugField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    reusable = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    terminated_at = models.DateTimeField(null=True, blank=True, editable=False)
    plans = models.ManyToManyField("billing.Plan", blank=True, related_name="+")
    metrics = models.ManyToManyField("billing.Metric", blank=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code"], condition=Q(deleted_at=None), name="coupon_code"
            ),
            terms_are_whole("coupon_terms"),
        ]

    def __str__(self) -> str:
        return self.name


class AppliedCouponQuerySet(ScopedQuerySet):
    """Applications by state."""

    def active(self) -> AppliedCouponQuerySet:
        """Those that will still lower an invoice."""
        return self.filter(status="active")


class AppliedCoupon(Scoped, Discount):
    """A coupon given to a customer: its own copy of the terms and what is left of them.

    `remaining_minor` is for fixed amounts used once, `periods_remaining` for recurring ones.
    """

    PREFIX = "acp"

    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, related_name="applications")
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.PROTECT, related_name="applied_coupons"
    )
    status = models.CharField(
        max_length=12, choices=[("active", "Active"), ("terminated", "Terminated")], default="active"
    )
    remaining_minor = models.BigIntegerField(null=True, blank=True)
    periods_remaining = models.PositiveSmallIntegerField(null=True, blank=True)
    applied_at = models.DateTimeField()
    terminated_at = models.DateTimeField(null=True, blank=True)

    objects = AppliedCouponQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-applied_at"]
        constraints: ClassVar = [
            terms_are_whole("applied_coupon_terms"),
            models.CheckConstraint(
                condition=Q(remaining_minor=None) | Q(remaining_minor__gte=0),
                name="applied_coupon_rest_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(status="active", terminated_at=None)
                | Q(status="terminated", terminated_at__isnull=False),
                name="applied_coupon_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon} for {self.customer}"
