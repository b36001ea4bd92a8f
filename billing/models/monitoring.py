"""Watching usage: thresholds that bill before the period ends, and alerts that tell when something is crossed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import ExactField
from billing.orm.scoped import Kept, Scoped, ScopedQuerySet


class UsageThreshold(Scoped):
    """An amount of lifetime usage, in minor units without tax, at which an invoice is made. It stands on a plan, or
    on one subscription, whose own thresholds replace those of its plan. At most one of them recurs.
    """

    PREFIX = "uth"

    plan = models.ForeignKey(
        "billing.Plan", null=True, blank=True, on_delete=models.CASCADE, related_name="thresholds"
    )
    subscription = models.ForeignKey(
        "billing.Subscription", null=True, blank=True, on_delete=models.CASCADE, related_name="thresholds"
    )
    amount_minor = models.BigIntegerField()
    name = models.CharField(max_length=100, blank=True)
    recurring = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["recurring", "amount_minor"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="threshold_positive"),
            models.CheckConstraint(
                condition=Q(plan__isnull=False, subscription=None) | Q(plan=None, subscription__isnull=False),
                name="threshold_of_a_plan_or_a_subscription",
            ),
            models.UniqueConstraint(fields=["plan", "recurring", "amount_minor"], name="plan_threshold_once"),
            models.UniqueConstraint(
                fields=["subscription", "recurring", "amount_minor"], name="subscription_threshold_once"
            ),
            models.UniqueConstraint(
                fields=["plan"], condition=Q(recurring=True), name="one_recurring_threshold_of_a_plan"
            ),
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(recurring=True),
                name="one_recurring_threshold_of_a_subscription",
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.amount_minor)


class ThresholdPassing(Scoped):
    """A threshold that a subscription has passed, and the invoice that followed. A fixed one is passed once."""

    PREFIX = "utp"

    subscription = models.ForeignKey(
        "billing.Subscription", on_delete=models.PROTECT, related_name="threshold_passings"
    )
    amount_minor = models.BigIntegerField()
    recurring = models.BooleanField(default=False)
    lifetime_minor = models.BigIntegerField()
    invoice = models.ForeignKey(
        "invoicing.Invoice", null=True, on_delete=models.PROTECT, related_name="threshold_passings"
    )
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscription", "amount_minor"],
                condition=Q(recurring=False),
                name="fixed_threshold_passed_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.amount_minor)


class UsageActivity(models.Model):
    """A subscription that thresholds or alerts watch has new events. Rows are only added and taken away, never
    changed: an event that comes while its subscription is being looked at has a row of its own.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        "billing.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    subscription = models.ForeignKey("billing.Subscription", on_delete=models.CASCADE, related_name="+")

    objects = ScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.subscription_id)


class AlertKind(models.TextChoices):
    """What an alert looks at. Usage rises to its thresholds, a balance falls to them."""

    USAGE_AMOUNT = "current_usage_amount", "Usage this period, amount"
    METRIC_AMOUNT = "billable_metric_current_usage_amount", "Usage of a metric this period, amount"
    METRIC_UNITS = "billable_metric_current_usage_units", "Usage of a metric this period, units"
    LIFETIME_AMOUNT = "lifetime_usage_amount", "Usage since the start, amount"
    METRIC_LIFETIME_UNITS = "billable_metric_lifetime_usage_units", "Usage of a metric since the start, units"
    WALLET_AMOUNT = "wallet_balance_amount", "Balance, amount"
    WALLET_CREDITS = "wallet_credits_balance", "Balance, credits"
    ONGOING_AMOUNT = "wallet_ongoing_balance_amount", "Ongoing balance, amount"
    ONGOING_CREDITS = "wallet_credits_ongoing_balance", "Ongoing balance, credits"


OF_ONGOING = (AlertKind.ONGOING_AMOUNT.value, AlertKind.ONGOING_CREDITS.value)
OF_WALLET = (AlertKind.WALLET_AMOUNT.value, AlertKind.WALLET_CREDITS.value, *OF_ONGOING)
OF_METRIC = (
    AlertKind.METRIC_AMOUNT.value,
    AlertKind.METRIC_UNITS.value,
    AlertKind.METRIC_LIFETIME_UNITS.value,
)


class Alert(Kept):
    """Tells once per crossing. `steps`: [{"value": exact decimal as text, "code"}], in major units or units;
    `recurring` goes on after the last one. `previous_value` is that of the last look (None: not looked at yet).
    """

    PREFIX = "alr"

    subscription = models.ForeignKey(
        "billing.Subscription", null=True, blank=True, on_delete=models.CASCADE, related_name="alerts"
    )
    wallet = models.ForeignKey(
        "billing.Wallet", null=True, blank=True, on_delete=models.CASCADE, related_name="alerts"
    )
    metric = models.ForeignKey(
        "billing.Metric", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=40, choices=AlertKind.choices)
    code = models.SlugField(max_length=100)
    name = models.CharField(max_length=100, blank=True)
    steps = models.JSONField(default=list)
    recurring = ExactField(null=True, blank=True)
    previous_value = ExactField(null=True, blank=True, max_digits=55, decimal_places=30)
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=OF_WALLET, wallet__isnull=False, subscription=None)
                | (~Q(kind__in=OF_WALLET) & Q(wallet=None, subscription__isnull=False)),
                name="alert_target",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=OF_METRIC, metric__isnull=False)
                | (~Q(kind__in=OF_METRIC) & Q(metric=None)),
                name="alert_metric",
            ),
            models.CheckConstraint(
                condition=Q(recurring=None) | Q(recurring__gt=0), name="alert_step_positive"
            ),
            models.UniqueConstraint(
                fields=["subscription", "kind", "metric"],
                condition=Q(deleted_at=None, wallet=None),
                nulls_distinct=False,
                name="one_alert_per_kind",
            ),
            models.UniqueConstraint(
                fields=["wallet", "kind"],
                condition=Q(deleted_at=None, subscription=None),
                name="one_wallet_alert_per_kind",
            ),
            models.UniqueConstraint(
                fields=["organization", "subscription", "wallet", "code"],
                condition=Q(deleted_at=None),
                nulls_distinct=False,
                name="alert_code",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code


class AlertCrossing(Scoped):
    """One look that crossed something: [{"value", "code", "recurring"}], and who has seen the notice."""

    PREFIX = "alc"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="crossings")
    previous_value = ExactField(max_digits=55, decimal_places=30)
    value = ExactField(max_digits=55, decimal_places=30)
    crossed = models.JSONField(default=list)
    at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(
        "billing.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "-at"], condition=Q(seen_at=None), name="alert_crossing_unseen"
            )
        ]

    def __str__(self) -> str:
        return f"{self.alert}: {self.value}"
