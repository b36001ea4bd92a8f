"""Top-ups that a wallet gets again and again: by the calendar, or when its ongoing balance comes down to a threshold.
Those below a mark of the balance itself: `Wallet.auto_top_up_minor`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.fields import ExactField
from billing.orm.scoped import Scoped, ScopedQuerySet

EVERY = [
    ("weekly", "Every week"),
    ("monthly", "Every month"),
    ("quarterly", "Every quarter"),
    ("semiannual", "Every half-year"),
    ("yearly", "Every year"),
]


class TopUpScheduleQuerySet(ScopedQuerySet):
    """Schedules by what they will do."""

    def running(self) -> TopUpScheduleQuerySet:
        """Those that will buy or give something by themselves: not ended, of a wallet and a customer that live on."""
        return self.filter(
            next_at__isnull=False,
            wallet__status="active",
            wallet__customer__deleted_at=None,
            wallet__customer__deleting_at=None,
        )

    def watching(self, at: datetime) -> TopUpScheduleQuerySet:
        """Those that wait for the ongoing balance to come down."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at), trigger="threshold")


class TopUpSchedule(Scoped):
    """What a wallet gets at each interval, counted from the day of `started_at`, that day itself left out; or each
    time its ongoing credits, with those on their way, come down to `threshold_credits`.

    Fixed: `paid_credits` are sold and `granted_credits` given. Target: what is missing to `target_credits`, with what
    is on its way, is sold, or given when `grants_target`. `next_at` is empty once it has ended (`expires_at`) and
    for a threshold. `armed`: the next crossing counts; `fired`: the last moments at which a threshold was answered.
    """

    PREFIX = "tus"

    wallet = models.OneToOneField("billing.Wallet", on_delete=models.PROTECT, related_name="top_up_schedule")
    name = models.CharField(max_length=100, blank=True)
    trigger = models.CharField(
        max_length=9,
        choices=[("interval", "By the calendar"), ("threshold", "At a threshold")],
        default="interval",
    )
    interval = models.CharField(max_length=12, choices=EVERY, blank=True)
    threshold_credits = ExactField(null=True, blank=True)
    method = models.CharField(
        max_length=8, choices=[("fixed", "The same each time"), ("target", "Up to a target")]
    )
    paid_credits = ExactField(default=0)
    granted_credits = ExactField(default=0)
    target_credits = ExactField(default=0)
    grants_target = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    armed = models.BooleanField(default=True, editable=False)
    firings = models.PositiveIntegerField(default=0, editable=False)
    fired = models.JSONField(default=list, editable=False)

    objects = TopUpScheduleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(paid_credits__gte=0, granted_credits__gte=0, target_credits__gte=0)
                & (
                    Q(method="target", target_credits__gt=0)
                    | Q(method="fixed", paid_credits__gt=0)
                    | Q(method="fixed", granted_credits__gt=0)
                ),
                name="top_up_schedule_has_credits",
            ),
            models.CheckConstraint(
                condition=Q(trigger="interval", threshold_credits=None) & ~Q(interval="")
                | Q(trigger="threshold", threshold_credits__isnull=False, interval="", next_at=None),
                name="top_up_schedule_has_a_trigger",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="top_up_schedule_due"),
        ]

    def __str__(self) -> str:
        return self.name or self.get_interval_display() or self.get_trigger_display()
