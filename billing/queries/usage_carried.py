"""What outlasts its period: units of recurring metrics, and values that count by the time they stood.

Laws. A recurring sum or unique count looks at everything before the end of the window, so that what was used stays in
use until events take it away. A weighted sum is the running value times the seconds it stood, over the seconds of
the full period; a recurring one begins with the value that the window found. Both equal
`billing.rules.aggregation.aggregate` over the events. Whole hours come from the roll-ups.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from billing.models import Aggregation, Metric, Subscription
from billing.orm.fields import WIDE
from billing.queries.usage_totals import Measured, hour_after, hour_of, measure
from billing.rules.aggregation import weighted_units
from billing.rules.money import ZERO
from billing.rules.periods import Period

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # no event is older
_MICROSECOND = timedelta(microseconds=1)

HELD = "metric_id, sum(held + value * extract(epoch FROM (%s - until)))"
HELD_HOURS = """
    SELECT metric_id, hour + interval '1 hour' AS until, sum_value AS value, held FROM billing_usagehour
    WHERE subscription_id = %s AND metric_id = ANY(%s) AND hour >= %s AND hour < %s
"""
HELD_EVENTS = """
    SELECT metric_id, "timestamp" AS until, value, 0 AS held FROM billing_event
    WHERE subscription_id = %s AND metric_id = ANY(%s) AND "timestamp" >= %s AND "timestamp" < %s
    AND value IS NOT NULL
"""


def stays_in_use(metric: Metric) -> bool:
    """Whether the same units count in every window: billing two windows of a period would bill them twice."""
    return metric.recurring and metric.aggregation != Aggregation.WEIGHTED_SUM.value


def line_of(subscription: Subscription) -> list[UUID]:
    """The subscription and those that it follows, as its plan changed: what was in use goes on. A query only then."""
    if subscription.first_id is None:
        return [subscription.pk]
    rows = Subscription.objects.filter(Q(pk=subscription.first_id) | Q(first=subscription.first_id))
    begun = rows.filter(started_at__lte=subscription.started_at) if subscription.started_at else rows
    return [subscription.pk, *begun.exclude(pk=subscription.pk).values_list("pk", flat=True)]


def carry(
    found: dict[UUID, Measured],
    subscription_id: UUID,
    metrics: Collection[Metric],
    start: datetime,
    end: datetime,
    whole: Period,
    line: Sequence[UUID],
) -> dict[UUID, Measured]:
    """What `measure` found in [start, end), with the units that came before and the weight of time. `whole`: the
    full period that the window lies in; `line`: the subscription and those before it. The numbers of events stay
    those of the window.
    """
    weighted = [metric for metric in metrics if metric.aggregation == Aggregation.WEIGHTED_SUM.value]
    kept = [metric for metric in metrics if stays_in_use(metric)]
    if start > end or not (weighted or kept):
        return found
    units: dict[UUID, Decimal] = {}
    if kept:
        units |= {key: one.units for key, one in measure(line, kept, BEGINNING, end).items()}
    if weighted and start < end:
        units |= weigh(subscription_id, weighted, start, end, whole, line)
    return {key: replace(one, units=units.get(key, one.units)) for key, one in found.items()}


def weigh(
    subscription_id: UUID,
    metrics: Collection[Metric],
    start: datetime,
    end: datetime,
    whole: Period,
    line: Sequence[UUID],
) -> dict[UUID, Decimal]:
    """The weighted sums of a window."""
    keys = [metric.pk for metric in metrics]
    recurring = [metric for metric in metrics if metric.recurring]
    before = measure(line, recurring, BEGINNING, start) if recurring else {}
    text, values = held_parts(subscription_id, start, end, keys)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {HELD} FROM ({text}) AS part GROUP BY metric_id", [end, *values])  # noqa: S608
        held: dict[UUID, Decimal] = dict(cursor.fetchall())
    found = {}
    for key in keys:
        level = before[key].units if key in before else ZERO
        found[key] = weighted_units(area_of(held.get(key) or ZERO, level, start, end), whole)
    return found


def area_of(held: Decimal, level: Decimal, start: datetime, end: datetime) -> Decimal:
    """Value times seconds of a window that begins at a level."""
    seconds = Decimal((end - start) // _MICROSECOND).scaleb(-6)
    return WIDE.add(held, WIDE.multiply(level, seconds))


def held_parts(
    subscription_id: UUID, begin: datetime, stop: datetime, keys: list[UUID]
) -> tuple[str, list[Any]]:
    """SQL of the values of a window with the moment from which they count, and its parameters."""
    first, last = hour_after(begin), hour_of(stop)
    if first >= last:
        return HELD_EVENTS, [subscription_id, keys, begin, stop]
    texts, values = [HELD_HOURS], [subscription_id, keys, first, last]
    for start, end in ((begin, first), (last, stop)):
        if start < end:
            texts.append(HELD_EVENTS)
            values += [subscription_id, keys, start, end]
    return " UNION ALL ".join(texts), values
