"""The SQL that counts events again: what the roll-ups of some hours should be, whether they are, and writing them.

A comparison is one statement and so sees events and roll-ups as of one moment; they are written in one
transaction, so it needs no lock. Rewriting does: the caller owns the metric's roll-ups (`usage_locks.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from billing.models.usage_store import TOTALS

COLUMNS = """hour, facet, events_count, values_count, sum_value, amount_sum, held, max_value, latest_value,
latest_at,
    latest_event"""
COUNTED = f"""
    SELECT date_trunc('hour', "timestamp", 'UTC') AS hour, usage_facet(properties, %s) AS facet, {TOTALS}
    FROM billing_event
    WHERE subscription_id = %s AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
    GROUP BY 1, 2
"""  # noqa: S608 - our own texts
ROLLED = f"""
    SELECT {COLUMNS} FROM billing_usagehour
    WHERE subscription_id = %s AND metric_id = %s AND hour >= %s AND hour < %s
"""  # noqa: S608
DIFFERENT = f"""
    WITH counted({COLUMNS}) AS MATERIALIZED ({COUNTED}), rolled AS MATERIALIZED ({ROLLED})
    SELECT DISTINCT hour FROM (
        (TABLE counted EXCEPT ALL TABLE rolled) UNION ALL (TABLE rolled EXCEPT ALL TABLE counted)
    ) AS row ORDER BY hour
"""  # noqa: S608
WRITE = f"""
    INSERT INTO billing_usagehour (organization_id, subscription_id, metric_id, {COLUMNS})
    SELECT %s, %s, %s, counted.* FROM ({COUNTED}) AS counted ORDER BY hour, facet
"""  # noqa: S608
CLEAR = (
    "DELETE FROM billing_usagehour WHERE subscription_id = %s AND metric_id = %s AND hour >= %s AND hour < %s"
)
# Whose events or roll-ups there are, and from when to when. The first and last moment come from the index.
PAIRS = """
    SELECT subscription.id, metric.id, least(first_event, first_hour), greatest(last_event, last_hour)
    FROM billing_subscription AS subscription
    JOIN billing_metric AS metric ON metric.organization_id = subscription.organization_id
    LEFT JOIN LATERAL (
        SELECT min("timestamp") AS first_event, max("timestamp") AS last_event FROM billing_event
        WHERE subscription_id = subscription.id AND metric_id = metric.id
    ) AS event ON true
    LEFT JOIN LATERAL (
        SELECT min(hour) AS first_hour, max(hour) AS last_hour FROM billing_usagehour
        WHERE subscription_id = subscription.id AND metric_id = metric.id
    ) AS roll ON true
    WHERE subscription.organization_id = %s AND metric.id = ANY(%s)
    AND coalesce(first_event, first_hour) IS NOT NULL
    ORDER BY metric.id, subscription.id
"""


class Pair(NamedTuple):
    """A subscription and a metric with usage, whose first and last events or hours are these."""

    subscription_id: UUID
    metric_id: UUID
    first: datetime
    last: datetime


def pairs_of(organization_id: UUID, metric_ids: Sequence[UUID]) -> list[Pair]:
    """All usage there is of some metrics."""
    with connection.cursor() as cursor:
        cursor.execute(PAIRS, [organization_id, list(metric_ids)])
        return [Pair(*row) for row in cursor.fetchall()]


def different_hours(
    subscription_id: UUID, metric_id: UUID, dimensions: Sequence[str], start: datetime, end: datetime
) -> list[datetime]:
    """The hours of [start, end), whole hours, whose roll-ups are not what their events come to."""
    window: list[Any] = [subscription_id, metric_id, start, end]
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT, [list(dimensions), *window, *window])
        return [row[0] for row in cursor.fetchall()]


def rewrite_hours(
    organization_id: UUID,
    subscription_id: UUID,
    metric_id: UUID,
    dimensions: Sequence[str],
    start: datetime,
    end: datetime,
) -> None:
    """Replace the roll-ups of [start, end), whole hours, by a count of their events."""
    window: list[Any] = [subscription_id, metric_id, start, end]
    with connection.cursor() as cursor:
        cursor.execute(CLEAR, window)
        cursor.execute(WRITE, [organization_id, subscription_id, metric_id, list(dimensions), *window])
