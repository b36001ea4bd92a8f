"""Subscriptions: a customer on a plan, through time."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import CurrencyField, MinorField
from billing.orm.scoped import Scoped, ScopedQuerySet
from billing.rules.periods import BillingTime
from billing.rules.price_versions import is_own
from billing.rules.states import BILLABLE, ENDED, LIVE, SubscriptionStatus


class SubscriptionQuerySet(ScopedQuerySet):
    """Subscriptions by the business's questions."""

    def live(self) -> SubscriptionQuerySet:
        """Started and not ended: usage counts, paused ones included."""
        return self.filter(status__in=[status.value for status in LIVE])

    def due(self, at: datetime) -> SubscriptionQuerySet:
        """Billable ones whose running period has ended at that moment."""
        billable = [status.value for status in BILLABLE]
        return self.filter(status__in=billable, next_billing_at__lte=at)

    def starting(self, at: datetime) -> SubscriptionQuerySet:
        """Pending ones whose start has come; what follows another one starts with that one's end."""
        pending = self.filter(status=SubscriptionStatus.PENDING.value, previous=None)
        return pending.filter(subscription_at__lte=at)


class Subscription(Scoped):
    """A customer on a plan.

    `subscription_at` anchors anniversary periods; `started_at` is when usage begins to count;
    `next_billing_at` is the end of the running period (or month, where the plan bills something monthly) in the
    customer's timezone, an instant, kept so that the billing run finds what is due by an index. `ending_at` is when
    it ends by itself; once its cancellation was asked for (`cancel_requested_at`) that is the end of the period,
    and `end_before_cancel` the end that stands again when it is kept after all. While it is paused, `paused_at` is
    since when, and `resumes_at` when it goes on by itself; `has_paused`: its fees have pauses (model Pause) to leave
    out. A change of plan ends it (`plan_changed`: the day of the change belongs to the other plan) and starts another
    one of the same external ID, whose `previous` it is and whose `first` began them all; while that one waits,
    its `takes_over_at` is the end of the period here.
    `historical_usage_minor` was used before the subscription came here; `progressive_billing` says whether usage
    thresholds make invoices, `progressively_billed` that they have made one. `billed_by_event`: it has fees of
    charges in advance.
    """

    PREFIX = "sub"

    # Whether a change of its plan waits, where a query has answered that along with the row (None: not asked).
    changes_plan: bool | None = None
    # And whether other systems want to know that it goes on into its next period.
    renewal_heard: bool | None = None

    customer = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey("billing.Plan", on_delete=models.PROTECT, related_name="subscriptions")
    previous = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="successors", editable=False
    )
    first = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="line", editable=False
    )
    takes_over_at = models.DateTimeField(null=True, blank=True, editable=False)
    plan_changed = models.BooleanField(default=False, editable=False)
    external_id = models.CharField("external ID", max_length=255)
    name = models.CharField(max_length=200, blank=True)
    # What it is billed in, one of the plan's currencies; and its fee for a full period there, for lists and figures
    # over many: an invoice computes from the prices themselves (billing/queries/terms.py).
    currency = CurrencyField(blank=True)
    amount_minor = MinorField()
    # Which version of its plan's prices it pays, and since when it was moved there (billing/queries/versions.py).
    price_version = models.PositiveIntegerField(default=1)
    price_since = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=12, choices=[(status.value, status.value) for status in SubscriptionStatus]
    )
    billing_time = models.CharField(
        max_length=12,
        choices=[(time.value, time.value.title()) for time in BillingTime],
        default=BillingTime.CALENDAR.value,
    )
    subscription_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    trial_ends_at = models.DateTimeField(null=True, blank=True)
    ending_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    end_before_cancel = models.DateTimeField(null=True, blank=True, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    resumes_at = models.DateTimeField(null=True, blank=True, editable=False)
    has_paused = models.BooleanField(default=False, editable=False)
    separate_invoice = models.BooleanField("invoice of its own", default=False)
    next_billing_at = models.DateTimeField(null=True, blank=True)
    terminated_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    progressive_billing = models.BooleanField(default=True)
    progressively_billed = models.BooleanField(default=False)
    billed_by_event = models.BooleanField(default=False)
    historical_usage_minor = MinorField()
    # Up to where usage is on final invoices: an event before it comes too late (`LateEvent`). Kept by a trigger.
    usage_closed_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=Q(status__in=["trialing", "active", "paused", "past_due"])
                | Q(status="pending", previous=None),
                name="subscription_external_id",
            ),
            models.UniqueConstraint(
                fields=["previous"], condition=Q(status="pending"), name="one_scheduled_change"
            ),
            models.CheckConstraint(
                condition=Q(status="pending", previous__isnull=False, takes_over_at__isnull=False)
                | Q(takes_over_at=None) & (Q(previous=None) | ~Q(status="pending")),
                name="scheduled_change_has_its_moment",
            ),
            models.CheckConstraint(
                condition=~Q(status="terminated") | Q(terminated_at__isnull=False),
                name="terminated_subscription_has_its_moment",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "canceled"]) | Q(started_at__isnull=False),
                name="live_subscription_has_started",
            ),
            models.CheckConstraint(
                condition=Q(cancel_requested_at=None) | Q(ending_at__isnull=False),
                name="canceled_subscription_has_its_end",
            ),
            models.CheckConstraint(
                condition=Q(status="paused", paused_at__isnull=False)
                | ~Q(status="paused") & Q(paused_at=None, resumes_at=None),
                name="paused_subscription_has_its_moment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_billing_at"],
                condition=Q(status__in=["trialing", "active", "past_due"]),
                name="subscription_due",
            ),
            models.Index(fields=["organization", "external_id"], name="subscription_lookup"),
            models.Index(
                fields=["organization", "customer"],
                condition=Q(status__in=["trialing", "active", "past_due", "paused"]),
                name="subscription_live",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id

    @property
    def begins_at(self) -> datetime:
        """When it has begun, or is to begin."""
        return self.started_at or self.takes_over_at or self.subscription_at

    @property
    def has_own_terms(self) -> bool:
        """Whether prices were agreed with it alone (billing/queries/own_terms.py)."""
        return is_own(self.price_version)

    @property
    def is_live(self) -> bool:
        """Started and not ended."""
        return SubscriptionStatus(self.status) in LIVE

    @property
    def is_ended(self) -> bool:
        """Over, or called off before it began."""
        return SubscriptionStatus(self.status) in ENDED

    @property
    def is_canceling(self) -> bool:
        """Running still, and canceled at the end of its period."""
        return self.is_live and self.cancel_requested_at is not None


class Pause(Scoped):
    """A stretch of a subscription's life that its fee leaves out, [started_at, ended_at); open until it goes on."""

    PREFIX = "pau"

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="pauses")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["started_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(ended_at=None), name="one_open_pause"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=models.F("started_at")), name="pause_forward"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d} to {self.ended_at:%Y-%m-%d}" if self.ended_at else "open"
