"""Events that came too late for their invoice."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.orm.scoped import ScopedQuerySet


class LateEvent(models.Model):
    """An event whose usage was on a final invoice already when it came (`Subscription.usage_closed_until`): no
    invoice asks for it. `settled_at`: a person has decided that it stays so. `timestamp` is the event's.

    Its parents are guarded by its event; a constraint would make taking in events wait for others.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(
        "billing.Organization",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    subscription = models.ForeignKey(
        "billing.Subscription",
        on_delete=models.CASCADE,
        related_name="late_events",
        db_index=False,
        db_constraint=False,
    )
    event_id = models.UUIDField(unique=True)
    timestamp = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["subscription", "timestamp"], name="late_event_by_time"),
            models.Index(fields=["organization", "event_id"], name="late_event_listed"),
            models.Index(fields=["organization"], condition=Q(settled_at=None), name="late_event_open"),
        ]

    def __str__(self) -> str:
        return str(self.event_id)
