"""The events behind a figure."""

from __future__ import annotations

from datetime import datetime

from billing.models import Event, Metric, Subscription


def latest_events(
    subscription: Subscription, metric: Metric, start: datetime, end: datetime, limit: int
) -> list[Event]:
    """The last events of a metric in [start, end), newest first, by the index that aggregation uses."""
    rows = Event.objects.filter(
        subscription=subscription, metric=metric, timestamp__gte=start, timestamp__lt=end
    )
    return list(rows.order_by("-timestamp", "-pk")[:limit])
