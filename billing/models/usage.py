"""Usage events, the quarantine of those that match nothing, and the hourly roll-ups of those that do.

Laws: an event is stored once per organization, external subscription id and transaction id (database
constraint); the roll-up of an hour equals a recount of its events, because both are written in one
transaction (`usage_store.py`). An event's references are guarded from the other side: a trigger refuses to
remove a subscription or metric that has events. Checking each event's three parents on insert would cost
half the throughput.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import MD5, Cast, Coalesce

from billing.models.catalog import Metric
from billing.models.subscription import Subscription
from billing.orm.fields import ExactField
from billing.orm.scoped import Identified, Scoped, ScopedQuerySet


class Event(Identified):
    """One usage event that counts. Rows are never changed.

    `value` is the metric's field as a number (None when it is absent or no number); `text_value` is it as
    text, for unique counts, where `removes` takes the item away again; `amount` is the price in major units
    that the event itself brings (dynamic charges); `content_hash` tells a harmless repeat from a conflict.
    """

    PREFIX = "evt"

    organization = models.ForeignKey(
        "billing.Organization",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    subscription = models.ForeignKey(
        "billing.Subscription",
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,
        db_constraint=False,
    )
    metric = models.ForeignKey(
        "billing.Metric",
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,
        db_constraint=False,
    )
    external_subscription_id = models.CharField(max_length=255)
    transaction_id = models.CharField(max_length=255)
    timestamp = models.DateTimeField()
    received_at = models.DateTimeField()
    value = ExactField(null=True, max_digits=55, decimal_places=30)
    text_value = models.CharField(max_length=1000, null=True)  # noqa: DJ001 - absent differs from empty
    removes = models.BooleanField(default=False)
    amount = ExactField(null=True)
    properties = models.JSONField(default=dict)
    content_hash = models.BinaryField(max_length=16)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "external_subscription_id", "transaction_id"],
                name="event_transaction_id",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["subscription", "metric", "timestamp"], name="event_by_metric_and_time"),
            models.Index(fields=["organization", "id"], name="event_by_organization"),
            # Events come nearly in the order of their time: a few bytes for each megabyte of them find a day.
            BrinIndex(fields=["timestamp"], name="event_by_time", autosummarize=True),
        ]

    def __str__(self) -> str:
        return self.transaction_id


class QuarantineQuerySet(ScopedQuerySet):
    """Events in quarantine."""

    def matchable(self) -> QuarantineQuerySet:
        """Those whose metric exists by now, and a subscription whose life covers the event's moment."""
        running = (
            Subscription.objects.filter(
                organization=OuterRef("organization"), started_at__lte=OuterRef("timestamp")
            )
            .annotate(ended=Coalesce("terminated_at", "canceled_at"))
            .filter(Q(ended=None) | Q(ended__gt=OuterRef("timestamp")))
        )
        metrics = Metric.objects.kept().filter(organization=OuterRef("organization"), code=OuterRef("code"))
        named = Q(Exists(running.filter(pk=OuterRef("subscription"))), subscription__isnull=False)
        by_external_id = Q(
            Exists(running.filter(external_id=OuterRef("external_subscription_id"))), subscription=None
        )
        return self.filter(named | by_external_id).filter(Exists(metrics))


class QuarantinedEvent(Scoped):
    """An event whose subscription or metric is unknown: kept with the reason until it can be matched.

    `subscription` is set when the event named an existing one by its id; else the external id decides.
    """

    PREFIX = "evt"

    subscription = models.ForeignKey(
        "billing.Subscription", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    external_subscription_id = models.CharField(max_length=255)
    code = models.CharField(max_length=255)
    transaction_id = models.CharField(max_length=255)
    timestamp = models.DateTimeField()
    properties = models.JSONField(default=dict)
    amount = ExactField(null=True)
    content_hash = models.BinaryField(max_length=16)
    reason = models.CharField(
        max_length=30,
        choices=[
            ("unknown_subscription", "Unknown subscription"),
            ("unknown_metric", "Unknown metric"),
            ("outside_subscription", "Outside the subscription's time"),
            ("unreadable_value", "Number with too many digits"),
            ("uncomputable_value", "Expression cannot be computed"),
        ],
    )

    objects = QuarantineQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "external_subscription_id", "transaction_id"],
                name="quarantined_transaction_id",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.transaction_id} ({self.reason})"


class UsageHour(models.Model):
    """The roll-up of one subscription, metric, UTC hour and facet: {property: its text or null} for the dimensions of
    the metric, by which filters and groups of charges are told apart.

    `held` is the sum of each value times the seconds left in its hour, for weighted sums. `latest_value` belongs to
    the greatest (timestamp, event id). Unique counts are not additive and are read from the events themselves.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        "billing.Organization", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    subscription = models.ForeignKey(
        "billing.Subscription", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    metric = models.ForeignKey("billing.Metric", on_delete=models.PROTECT, related_name="+", db_index=False)
    hour = models.DateTimeField()
    facet = models.JSONField(default=dict)
    events_count = models.BigIntegerField(default=0)
    values_count = models.BigIntegerField(default=0)
    sum_value = ExactField(default=0, max_digits=80, decimal_places=30)
    amount_sum = ExactField(default=0, max_digits=80, decimal_places=30)
    held = ExactField(default=0, max_digits=90, decimal_places=36)
    max_value = ExactField(null=True, max_digits=55, decimal_places=30)
    latest_value = ExactField(null=True, max_digits=55, decimal_places=30)
    latest_at = models.DateTimeField(null=True)
    latest_event = models.UUIDField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "subscription",
                "metric",
                "hour",
                MD5(Cast("facet", models.TextField())),
                name="one_roll_up_per_facet",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h"
