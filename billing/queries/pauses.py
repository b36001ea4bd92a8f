"""The pauses that a subscription's fee leaves out."""

from __future__ import annotations

from billing.models import Pause, Subscription
from billing.rules.periods import Period


def pauses_of(subscription: Subscription) -> list[Period]:
    """The pauses that are over, in order: an open one is left out of the fee once it is known how long it lasted.
    No query for a subscription that never paused.
    """
    if not subscription.has_paused:
        return []
    rows = Pause.objects.filter(subscription=subscription, ended_at__isnull=False).order_by("started_at")
    return [Period(row.started_at, row.ended_at) for row in rows if row.ended_at]
