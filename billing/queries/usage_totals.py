"""What was used in a window, read from the hourly roll-ups and, for the edges, from the events themselves.

Law: for any two instants the result equals `billing.rules.aggregation.aggregate` over the events of
[start, end). Whole UTC hours come from the roll-ups, so that a month of ten million events is 720 rows per
metric; the events of a partial first or last hour are read one by one. Unique counts are not additive and
read their events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing.models import Aggregation, Metric
from billing.orm.fields import WIDE
from billing.rules.money import ZERO

HOUR = timedelta(hours=1)
# One subscription, or the ones that followed each other as its plan changed.
Owner = UUID | Sequence[UUID]

# The parts of a window as rows of one shape: roll-ups of whole hours, single events of the edges.
WHOLE_HOURS = """
    SELECT metric_id, hour AS at, events_count, values_count, sum_value, amount_sum, max_value,
           latest_value, latest_at, latest_event
    FROM billing_usagehour
    WHERE subscription_id = ANY(%s) AND metric_id = ANY(%s) AND hour >= %s AND hour < %s
"""
SINGLE_EVENTS = """
    SELECT metric_id, "timestamp" AS at, 1, (value IS NOT NULL)::int, coalesce(value, 0), coalesce(amount, 0),
           value, value, CASE WHEN value IS NOT NULL THEN "timestamp" END, id
    FROM billing_event
    WHERE subscription_id = ANY(%s) AND metric_id = ANY(%s) AND "timestamp" >= %s AND "timestamp" < %s
"""
PART = """AS part(metric_id, at, events_count, values_count, sum_value, amount_sum, max_value,
    latest_value, latest_at, latest_event)"""
TOTALS = """
    count(*), sum(events_count), sum(values_count), sum(sum_value), sum(amount_sum), max(max_value),
    (array_agg(latest_value ORDER BY latest_at DESC, latest_event DESC)
        FILTER (WHERE latest_at IS NOT NULL))[1]
"""
# Grouped twice instead of count(DISTINCT), which would sort every event.
UNIQUE = """
    SELECT metric_id, sum(events), count(*), bool_or(removed) FROM (
        SELECT metric_id, text_value, count(*) AS events, bool_or(removes) AS removed
        FROM billing_event
        WHERE subscription_id = ANY(%s) AND metric_id = ANY(%s) AND "timestamp" >= %s AND "timestamp" < %s
        AND text_value IS NOT NULL
        GROUP BY metric_id, text_value
    ) AS item GROUP BY metric_id
"""
# An item is there at the end when the last thing said about it is not its removal.
PRESENT = """
    SELECT count(*) FROM (
        SELECT DISTINCT ON (text_value) removes FROM billing_event
        WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
        AND text_value IS NOT NULL
        ORDER BY text_value, "timestamp" DESC, id DESC
    ) AS last WHERE NOT removes
"""


@dataclass(frozen=True)
class Measured:
    """`units` by the metric's aggregation; `events_count` events that took part; `events_total` the sum of
    the amounts that events bring themselves; `received` all events, with or without a usable value."""

    units: Decimal = ZERO
    events_count: int = 0
    events_total: Decimal = ZERO
    received: int = 0


def keys_of(owner: Owner) -> list[UUID]:
    """The subscriptions' keys as a query takes them."""
    return [owner] if isinstance(owner, UUID) else list(owner)


@dataclass(frozen=True)
class Window:
    """[start, end) of a subscription or several."""

    owner: Owner
    start: datetime
    end: datetime

    def parts(self, metric_ids: list[UUID]) -> tuple[str, list[Any]]:
        """SQL of all rows that make up the window, and its parameters."""
        first, last = hour_after(self.start), hour_of(self.end)
        if first >= last:
            return SINGLE_EVENTS, [keys_of(self.owner), metric_ids, self.start, self.end]
        texts: list[str] = [WHOLE_HOURS]
        owners = keys_of(self.owner)
        values: list[Any] = [owners, metric_ids, first, last]
        for start, end in ((self.start, first), (last, self.end)):
            if start < end:
                texts.append(SINGLE_EVENTS)
                values += [owners, metric_ids, start, end]
        return " UNION ALL ".join(texts), values


def hour_of(moment: datetime) -> datetime:
    """The start of the UTC hour of a moment."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_after(moment: datetime) -> datetime:
    """The first whole UTC hour at or after a moment."""
    start = hour_of(moment)
    return start if start == moment else start + HOUR


def measure(
    owner: Owner, metrics: Collection[Metric], start: datetime, end: datetime
) -> dict[UUID, Measured]:
    """What each metric measured in [start, end), by the metric's id; one or two queries. Of a weighted sum it is
    by how much the value changed; `usage_carried.py` gives it its weight.
    """
    found = dict.fromkeys((metric.pk for metric in metrics), Measured())
    if start >= end or not metrics:
        return found
    window = Window(owner, start, end)
    unique = [metric.pk for metric in metrics if metric.aggregation == Aggregation.UNIQUE_COUNT.value]
    kinds = {metric.pk: metric.aggregation for metric in metrics}
    text, values = window.parts(list(found))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT metric_id, {TOTALS} FROM ({text}) {PART} GROUP BY metric_id", values)  # noqa: S608
        for key, *row in cursor.fetchall():
            found[key] = measured_from(kinds[key], row)
        if unique:
            cursor.execute(UNIQUE, [keys_of(owner), unique, start, end])
            for key, named, distinct, removed in cursor.fetchall():
                if removed:
                    cursor.execute(PRESENT, [keys_of(owner), key, start, end])
                    distinct = cursor.fetchone()[0]
                found[key] = Measured(Decimal(distinct), named, ZERO, found[key].received)
    return found


def received(subscription_id: UUID, metrics: Collection[Metric], start: datetime, end: datetime) -> int:
    """How many events were received for the metrics in [start, end): quick, whatever their number."""
    if start >= end or not metrics:
        return 0
    text, values = Window(subscription_id, start, end).parts([metric.pk for metric in metrics])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT sum(events_count) FROM ({text}) {PART}", values)  # noqa: S608
        return int(cursor.fetchone()[0] or 0)


def measured_from(kind: str, row: Sequence[Any]) -> Measured:
    """What an aggregation makes of a row of TOTALS."""
    _, received, numbers, total, amounts, highest, latest = row
    count = int(received if kind == Aggregation.COUNT.value else numbers)
    units = ZERO
    if kind == Aggregation.COUNT.value:
        units = Decimal(count)
    elif kind in {Aggregation.SUM.value, Aggregation.WEIGHTED_SUM.value}:
        units = tidy(total)
    elif kind == Aggregation.MAX.value:
        units = tidy(highest)
    elif kind == Aggregation.LATEST.value:
        units = max(tidy(latest), ZERO)
    return Measured(units, count, tidy(amounts), int(received))


def tidy(value: Decimal | None) -> Decimal:
    """A number of the database without the zeros that pad it; nothing is 0."""
    if value is None:
        return ZERO
    plain = Decimal(value).normalize(WIDE)
    return plain.quantize(Decimal(1), context=WIDE) if int(plain.as_tuple().exponent) > 0 else plain


def event_values(
    subscription_id: UUID, metric: Metric, start: datetime, end: datetime
) -> tuple[Decimal, ...]:
    """The number on each event of [start, end) in order of (timestamp, reception), for charges that look at
    single events. Events without a number do not take part.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT value FROM billing_event
            WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
            AND value IS NOT NULL ORDER BY "timestamp", id
            """,
            [[subscription_id], metric.pk, start, end],
        )
        return tuple(tidy(row[0]) for row in cursor.fetchall())


def item_steps(subscription_id: UUID, metric: Metric, start: datetime, end: datetime) -> tuple[Decimal, ...]:
    """For a unique count: +1, -1 or 0 for each event that names an item, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT text_value, removes FROM billing_event
            WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
            AND text_value IS NOT NULL ORDER BY "timestamp", id
            """,
            [[subscription_id], metric.pk, start, end],
        )
        return steps_of(cursor.fetchall())


def steps_of(rows: Iterable[tuple[str, bool]]) -> tuple[Decimal, ...]:
    """+1, -1 or 0 for each (item, whether it is taken away)."""
    present: set[str] = set()
    steps: list[Decimal] = []
    for item, removes in rows:
        steps.append(Decimal(-int(item in present) if removes else int(item not in present)))
        (present.discard if removes else present.add)(item)
    return tuple(steps)


@dataclass(frozen=True)
class Day:
    """One local day: units of a metric (or events of all metrics) and the number of events."""

    on: date
    units: Decimal
    events_count: int


def daily(
    subscription_id: UUID,
    metrics: Collection[Metric],
    start: datetime,
    end: datetime,
    tz: str,
    *,
    items: bool = True,
) -> dict[UUID, dict[date, Day]]:
    """Usage of each metric by local day, for charts: days without events are left out.

    The days of a sum or count add up to its total; a maximum, latest value or unique count is that of the day
    by itself. In a zone that is off by half an hour, an hour over midnight belongs to the day it begins in.
    Without `items` the units of unique counts are left at 0: they alone have to read all events.
    """
    found: dict[UUID, dict[date, Day]] = {metric.pk: {} for metric in metrics}
    if start >= end or not metrics:
        return found
    kinds = {metric.pk: metric.aggregation for metric in metrics}
    text, values = Window(subscription_id, start, end).parts(list(kinds))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT metric_id, (at AT TIME ZONE %s)::date, {TOTALS} FROM ({text}) {PART} GROUP BY 1, 2",  # noqa: S608
            [tz, *values],
        )
        for key, on, *row in cursor.fetchall():
            measured = measured_from(kinds[key], row)
            found[key][on] = Day(on, measured.units, measured.received)
        unique = [key for key, kind in kinds.items() if kind == Aggregation.UNIQUE_COUNT.value and items]
        for key in unique:
            cursor.execute(
                """
                SELECT day, count(*) FROM (
                    SELECT ("timestamp" AT TIME ZONE %s)::date AS day, text_value FROM billing_event
                    WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
                    AND text_value IS NOT NULL AND NOT removes GROUP BY 1, 2
                ) AS item GROUP BY day
                """,
                [tz, [subscription_id], key, start, end],
            )
            for on, distinct in cursor.fetchall():
                if on in found[key]:
                    found[key][on] = Day(on, Decimal(distinct), found[key][on].events_count)
    return found


def all_days(days: Iterable[Iterable[Day]]) -> dict[date, Day]:
    """The events of several metrics by day, counted together."""
    total: dict[date, Day] = {}
    for series in days:
        for day in series:
            count = day.events_count + (total[day.on].events_count if day.on in total else 0)
            total[day.on] = Day(day.on, Decimal(count), count)
    return total
