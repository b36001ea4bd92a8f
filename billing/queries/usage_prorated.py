"""What stays in use, for the days it was there: the quantities of charges that are prorated.

Law: each part equals `billing.rules.prorated` over the events that `billing.rules.filters` sorts into it. It is
measured over the whole period up to its end (or that of the subscription), whatever was billed in between, so that
splitting a period changes nothing. Only what stood when the period began comes from the roll-ups; the events of the
period are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from billing.models import Aggregation, Charge, Metric, Subscription
from billing.queries.usage_carried import BEGINNING
from billing.queries.usage_facets import Part, facet_json, facet_totals
from billing.queries.usage_totals import measure
from billing.rules.aggregation import UsageEvent
from billing.rules.filters import Facet
from billing.rules.money import ZERO
from billing.rules.periods import Period, days_in, local_date, start_of_day
from billing.rules.prorated import prorated_sum, prorated_unique_count

_MICROSECOND = timedelta(microseconds=1)
FACET = " AND usage_facet(properties, %s) = ANY(%s::jsonb[])"
CHANGES = """
    SELECT "timestamp", value, text_value, removes FROM billing_event
    WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s{facet}
    ORDER BY "timestamp", id
"""
# The items of which the last thing that was said is not their removal.
STANDING = """
    SELECT text_value FROM (
        SELECT DISTINCT ON (text_value) text_value, removes FROM billing_event
        WHERE subscription_id = ANY(%s) AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s{facet}
        AND text_value IS NOT NULL ORDER BY text_value, "timestamp" DESC, id DESC
    ) AS last WHERE NOT removes ORDER BY text_value
"""


@dataclass(frozen=True)
class Lived:
    """The days of a period that count: `window` of a full period of `duration` days, of the subscriptions of `line`.
    `until`: the end of the events, also of those ahead of the subscription's end; `upgraded`: another plan has the
    last day.
    """

    window: Period
    until: datetime
    duration: int
    tz: str
    line: Sequence[UUID]
    upgraded: bool = False


def end_of(subscription: Subscription, end: datetime) -> datetime:
    """The end of a window, or that of its subscription, whatever came ahead of its time."""
    ended = subscription.terminated_at
    return ended if ended is not None and end > ended else end


def lived(subscription: Subscription, end: datetime, whole: Period, line: Sequence[UUID], tz: str) -> Lived:
    """What counts in a window up to `end`. `whole`: the full period in which it ends."""
    last = end_of(subscription, end)
    start = max(whole.start, subscription.started_at or subscription.subscription_at)
    changed = subscription.plan_changed and last == subscription.terminated_at
    upgraded = changed and last != start_of_day(local_date(last, tz), tz)
    return Lived(Period(min(start, last), last), end, days_in(whole, tz), tz, line, upgraded)


def prorate(charge: Charge, part: Part, days: Lived) -> Part:
    """The part with its quantities by days."""
    metric = charge.metric
    facets = None if charge.sorting.plain else part.facets
    unique = metric.aggregation == Aggregation.UNIQUE_COUNT.value
    rule = prorated_unique_count if unique else prorated_sum
    events = [*stood(metric, facets, days), *changes(metric, facets, days)]
    found = rule(events, days.window, days.duration, days.tz, upgraded=days.upgraded)
    return replace(part, prorated=found)


def stood(metric: Metric, facets: Sequence[Facet] | None, days: Lived) -> list[UsageEvent]:
    """What was there when the window began, as events just before it."""
    start = days.window.start
    before = start - _MICROSECOND
    if metric.aggregation == Aggregation.UNIQUE_COUNT.value:
        text, values = sql_of(STANDING, metric, facets, days.line, BEGINNING, start)
        with connection.cursor() as cursor:
            cursor.execute(text, values)
            return [UsageEvent(before, item, at) for at, (item,) in enumerate(cursor.fetchall())]
    if facets is None:
        total = measure(days.line, [metric], BEGINNING, start)[metric.pk].units
    else:
        found = facet_totals(days.line, metric, BEGINNING, start)
        total = sum((found[facet].total for facet in facets if facet in found), ZERO)
    return [UsageEvent(before, total, 0)] if total else []


def changes(metric: Metric, facets: Sequence[Facet] | None, days: Lived) -> list[UsageEvent]:
    """The events of the window in order. What came ahead of the end counts on the last day."""
    unique = metric.aggregation == Aggregation.UNIQUE_COUNT.value
    text, values = sql_of(CHANGES, metric, facets, days.line, days.window.start, days.until)
    last = max(days.window.end - _MICROSECOND, days.window.start)
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        rows = cursor.fetchall()
    return [
        UsageEvent(min(at, last), item if unique else value, order, "remove" if removes else "add")
        for order, (at, value, item, removes) in enumerate(rows)
    ]


def sql_of(
    text: str,
    metric: Metric,
    facets: Sequence[Facet] | None,
    line: Sequence[UUID],
    start: datetime,
    end: datetime,
) -> tuple[str, list[Any]]:
    """A query for some facets of a metric (None: for all its events), and its parameters."""
    values: list[Any] = [list(line), metric.pk, start, end]
    if facets is None:
        return text.format(facet=""), values
    own = [facet_json(metric, facet) for facet in facets]
    return text.format(facet=FACET), [*values, metric.dimensions, own]
