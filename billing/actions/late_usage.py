"""Events that came after their invoice was final: a person decides that they stay unbilled."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.models import LateEvent, Subscription
from billing.orm.actor import Actor


@transaction.atomic
def leave_unbilled(
    subscription: Subscription, start: datetime, end: datetime, *, by: Actor, at: datetime
) -> int:
    """The late events of [start, end) need nobody any more; how many that were. Twice changes nothing."""
    customer = lock_customer_of(subscription)
    rows = LateEvent.objects.filter(subscription=subscription, timestamp__gte=start, timestamp__lt=end)
    settled = rows.filter(settled_at=None).update(settled_at=at)
    if settled:
        changes = {"late_events": (settled, 0), "period": (None, f"{start:%Y-%m-%d} to {end:%Y-%m-%d}")}
        audit.record(
            subscription.organization,
            "subscription.late_usage_left",
            subscription,
            by=by,
            at=at,
            customer=customer,
            changes=changes,
        )
    return settled
