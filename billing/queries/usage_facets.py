"""What was used by facet (the values of a metric's dimensions), and by part of a charge with filters or groups.

Laws. Every part equals `billing.rules.aggregation.aggregate` over the events that `billing.rules.filters`
sorts into it. Whole hours come from the roll-ups, so that filters and groups cost as little as the plain
total; while a metric's hours are being divided anew (`rolled` is false) its events are read instead, which is
slower and just as right. Unique counts are not additive over facets and read their events, sorted into parts
by the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from billing.models import Aggregation, Charge, Metric
from billing.orm.fields import WIDE
from billing.queries.usage_carried import BEGINNING, area_of, stays_in_use
from billing.queries.usage_totals import Measured, Owner, hour_after, hour_of, keys_of, measured_from
from billing.rules.aggregation import weighted_units
from billing.rules.filters import Bucket, Facet
from billing.rules.money import ZERO
from billing.rules.periods import Period
from billing.rules.prorated import Prorated

HOURS = """
    SELECT facet, hour + interval '1 hour' AS until, events_count, values_count, sum_value, amount_sum, held,
           max_value, latest_value, latest_at, latest_event
    FROM billing_usagehour WHERE subscription_id = ANY(%s) AND metric_id = %s AND hour >= %s AND hour < %s
"""
EVENTS = """
    SELECT usage_facet(properties, %s), "timestamp", 1, (value IS NOT NULL)::int, coalesce(value, 0),
           coalesce(amount, 0), 0, value, value, CASE WHEN value IS NOT NULL THEN "timestamp" END, id
    FROM billing_event WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
"""
PART = """AS part(facet, until, events_count, values_count, sum_value, amount_sum, held, max_value, latest_value,
    latest_at, latest_event)"""
LAST = "ORDER BY latest_at DESC, latest_event DESC) FILTER (WHERE latest_at IS NOT NULL))[1]"
TOTALS = f"""
    facet, sum(events_count), sum(values_count), sum(sum_value), sum(amount_sum), max(max_value),
    (array_agg(latest_value {LAST}, (array_agg(latest_at {LAST}, (array_agg(latest_event {LAST},
    sum(held + sum_value * extract(epoch FROM (%s - until)))
"""
# The events of a unique count with the number of their part.
SORTED = """
    FROM billing_event JOIN unnest(%s::jsonb[], %s::int[]) AS place(facet, part)
        ON place.facet = usage_facet(properties, %s)
    WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
    AND text_value IS NOT NULL
"""
UNIQUE = f"""
    SELECT part, sum(events), count(*) FILTER (WHERE NOT last_removes) FROM (
        SELECT part, text_value, count(*) AS events,
               (array_agg(removes ORDER BY "timestamp" DESC, id DESC))[1] AS last_removes
        {SORTED} GROUP BY part, text_value
    ) AS item GROUP BY part
"""  # noqa: S608 - our own texts


@dataclass(frozen=True)
class Total:
    """The events of a facet, before the metric's aggregation; `area` is value times seconds up to the
    window's end."""

    received: int = 0
    numbers: int = 0
    total: Decimal = ZERO
    amounts: Decimal = ZERO
    highest: Decimal | None = None
    latest: Decimal | None = None
    latest_at: tuple[datetime, UUID] | None = None
    area: Decimal = ZERO

    def plus(self, other: Total) -> Total:
        """Both together."""
        later = self if (self.latest_at or ()) > (other.latest_at or ()) else other
        highs = [value for value in (self.highest, other.highest) if value is not None]
        return Total(
            self.received + other.received,
            self.numbers + other.numbers,
            WIDE.add(self.total, other.total),
            WIDE.add(self.amounts, other.amounts),
            max(highs, default=None),
            later.latest,
            later.latest_at,
            WIDE.add(self.area, other.area),
        )

    def measured(self, kind: str) -> Measured:
        """What the aggregation makes of it."""
        row = [None, self.received, self.numbers, self.total, self.amounts, self.highest, self.latest]
        return measured_from(kind, row)


@dataclass(frozen=True)
class Part:
    """A part of a charge, what it measured, the facets of its events; what it measured by days, if it is prorated."""

    bucket: Bucket
    measured: Measured
    facets: Sequence[Facet] = ()
    prorated: Prorated | None = None


def facet_totals(owner: Owner, metric: Metric, start: datetime, end: datetime) -> dict[Facet, Total]:
    """The events of [start, end) by facet."""
    if start >= end:
        return {}
    text, values = rows_of(owner, metric, start, end)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {TOTALS} FROM ({text}) {PART} GROUP BY facet", [end, *values])  # noqa: S608
        found: dict[Facet, Total] = {}
        for facet, received, numbers, total, amounts, highest, latest, at, event, area in cursor.fetchall():
            given = orjson.loads(facet)
            key = tuple(given.get(name) for name in metric.dimensions)
            moment = None if at is None else (at, event)
            found[key] = Total(
                int(received), int(numbers), total, amounts, highest, latest, moment, area or ZERO
            )
        return found


def rows_of(owner: Owner, metric: Metric, start: datetime, end: datetime) -> tuple[str, list[Any]]:
    """SQL of all rows that make up the window, and its parameters."""
    own = [keys_of(owner), metric.pk]
    first, last = hour_after(start), hour_of(end)
    if first >= last or not metric.rolled:
        return EVENTS, [metric.dimensions, *own, start, end]
    texts, values = [HOURS], [*own, first, last]
    for since, until in ((start, first), (last, end)):
        if since < until:
            texts.append(EVENTS)
            values += [metric.dimensions, *own, since, until]
    return " UNION ALL ".join(texts), values


def charge_parts(
    subscription_id: UUID,
    charge: Charge,
    start: datetime,
    end: datetime,
    whole: Period,
    line: Sequence[UUID] | None = None,
) -> list[Part]:
    """Every part of a charge with filters or groups in [start, end), also those without usage, in the order of the
    invoice. `whole`: the full period that the window lies in; `line`: the subscription and those that it
    follows.
    """
    metric, sorting = charge.metric, charge.sorting
    line = line or [subscription_id]
    window = facet_totals(subscription_id, metric, start, end)
    carries = metric.recurring and start <= end
    before = facet_totals(line, metric, BEGINNING, start) if carries else {}
    facets = sorting.spread(window | before, metric.dimensions)
    kind = metric.aggregation
    parts: list[Part] = []
    items: dict[Bucket, tuple[int, Decimal]] = {}
    if kind == Aggregation.UNIQUE_COUNT.value:
        since = BEGINNING if carries else start
        items = unique_items(line if carries else subscription_id, metric, facets, since, end)
    for bucket in sorting.buckets(facets):
        own = facets.get(bucket, [])
        now = added(window[facet] for facet in own if facet in window)
        earlier = added(before[facet] for facet in own if facet in before)
        measured = now.measured(kind)
        if kind == Aggregation.UNIQUE_COUNT.value:
            named, units = items.get(bucket, (0, ZERO))
            measured = replace(measured, units=units, events_count=named, events_total=ZERO)
            if carries:
                named = unique_items(subscription_id, metric, {bucket: own}, start, end).get(
                    bucket, (0, ZERO)
                )[0]
                measured = replace(measured, events_count=named)
        elif kind == Aggregation.WEIGHTED_SUM.value:
            area = area_of(now.area, earlier.total if metric.recurring else ZERO, start, end)
            measured = replace(measured, units=weighted_units(area, whole))
        elif stays_in_use(metric):
            measured = replace(measured, units=now.plus(earlier).measured(kind).units)
        parts.append(Part(bucket, measured, own))
    return parts


def added(totals: Iterable[Total]) -> Total:
    """Several facets together."""
    sum_ = Total()
    for total in totals:
        sum_ = sum_.plus(total)
    return sum_


def unique_items(
    owner: Owner, metric: Metric, facets: dict[Bucket, list[Facet]], start: datetime, end: datetime
) -> dict[Bucket, tuple[int, Decimal]]:
    """For each part the events that name an item, and the items that are there at the end."""
    if start >= end or not facets:
        return {}
    buckets = list(facets)
    texts = [facet_json(metric, facet) for bucket in buckets for facet in facets[bucket]]
    places = [at for at, bucket in enumerate(buckets) for _ in facets[bucket]]
    values: list[Any] = [texts, places, metric.dimensions, keys_of(owner), metric.pk, start, end]
    with connection.cursor() as cursor:
        cursor.execute(UNIQUE, values)
        return {buckets[at]: (int(named), Decimal(there)) for at, named, there in cursor.fetchall()}


def facet_json(metric: Metric, facet: Facet) -> str:
    """A facet as the roll-ups hold it."""
    return orjson.dumps(dict(zip(metric.dimensions, facet, strict=True))).decode()


def event_rows(
    subscription_id: UUID, metric: Metric, facets: Sequence[Facet], start: datetime, end: datetime
) -> list[tuple[Decimal | None, str | None, bool]]:
    """(value, text, removes) of each event of some facets in [start, end), in order of (timestamp, reception)."""
    texts = [facet_json(metric, facet) for facet in facets]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT value, text_value, removes FROM billing_event
            WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
            AND usage_facet(properties, %s) = ANY(%s::jsonb[]) ORDER BY "timestamp", id
            """,
            [[subscription_id], metric.pk, start, end, metric.dimensions, texts],
        )
        return cursor.fetchall()
