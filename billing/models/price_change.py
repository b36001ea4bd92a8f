"""Versions of a plan's prices, and moving subscriptions from one to another."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import Scoped
from billing.rules.price_versions import OWN


class Follow(models.TextChoices):
    """When the subscriptions that exist pay changed prices."""

    RENEWAL = "renewal", "From their next period on"
    NOW = "now", "From their running period on"
    NEVER = "never", "Never: they keep their prices"


class PlanVersion(Scoped):
    """The prices of a plan as they were before a change; those that count now stand on the plan itself, under the
    number `Plan.price_version`. `terms` is what `billing/queries/versions.py:snapshot` has read. With a
    `subscription` they are the terms of that one alone (billing/queries/own_terms.py), numbered from OWN on.
    """

    PREFIX = "pvr"

    plan = models.ForeignKey("billing.Plan", on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    subscription = models.ForeignKey(
        "billing.Subscription",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="own_versions",
    )
    terms = models.JSONField()
    replaced_at = models.DateTimeField()
    replaced_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_version_number"),
            models.CheckConstraint(
                condition=Q(subscription=None, number__lt=OWN)
                | Q(subscription__isnull=False, number__gte=OWN),
                name="own_version_has_its_subscription",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan}, version {self.number}"


class PriceMove(Scoped):
    """From `since` on a subscription pays another version. Rows are added, never changed."""

    PREFIX = "pmv"

    subscription = models.ForeignKey(
        "billing.Subscription", on_delete=models.PROTECT, related_name="price_moves"
    )
    from_version = models.PositiveIntegerField()
    to_version = models.PositiveIntegerField()
    since = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.from_version} to {self.to_version} from {self.since:%Y-%m-%d}"


class PriceChange(Scoped):
    """Moving the subscriptions of a plan to its changed prices: one row for each, done by a job."""

    PREFIX = "pch"

    plan = models.ForeignKey("billing.Plan", on_delete=models.CASCADE, related_name="price_changes")
    version = models.PositiveIntegerField()
    follow = models.CharField(max_length=8, choices=Follow.choices)
    made_by = models.JSONField(default=list)
    at = models.DateTimeField()
    total = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "version"], name="one_price_change_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.plan}, prices of version {self.version}"


class PriceChangeRow(Scoped):
    """What came of one subscription; the fee of a full period before and after, in its currency."""

    PREFIX = "pcr"

    change = models.ForeignKey(PriceChange, on_delete=models.CASCADE, related_name="rows")
    subscription = models.ForeignKey("billing.Subscription", on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(
        max_length=8,
        choices=[("waiting", "Waiting"), ("moved", "Moved"), ("skipped", "Skipped"), ("failed", "Failed")],
        default="waiting",
    )
    note = models.CharField(max_length=500, blank=True)
    currency = CurrencyField(blank=True)
    before_minor = MinorField()
    after_minor = MinorField()
    since = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["change", "subscription"], name="price_change_row_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["change", "outcome"], name="price_change_by_outcome")]

    def __str__(self) -> str:
        return self.outcome
