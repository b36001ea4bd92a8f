"""Aggregations over the events of a period, plain, prorated, grouped, and of one event in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from billing.rules.advance import Mark, advance, paid_units, paid_units_prorated
from billing.rules.aggregation import (
    Aggregated,
    Aggregation,
    RoundingFunction,
    UsageEvent,
    aggregate,
    in_order,
    parse_value,
    round_units,
    unique_steps,
)
from billing.rules.money import ZERO
from billing.rules.periods import Period, days_in
from billing.rules.prorated import Prorated, prorated_sum, prorated_unique_count, share_from
from billing.rules.proration import Share
from tests.cases.comparing import Answers, Keyed
from tests.cases.given import Given, NotOffered, end_moment, moment
from tests.cases.registry import area

KINDS = ("count_agg", "sum_agg", "max_agg", "latest_agg", "unique_count_agg", "weighted_sum_agg")
GROUPS = ("pricing_group_keys", "presentation_group_keys", "grouped_by")


@dataclass(frozen=True)
class Asked:
    """What a case asks, for all its events or for those of a group."""

    kind: Aggregation
    field: str | None
    window: Period
    duration: int
    tz: str
    recurring: bool
    prorated: bool
    in_advance: bool
    current: bool
    mark: Mark | None
    initial: Decimal
    rounding: RoundingFunction | None
    precision: int | None
    free_events: int
    free_total: Decimal
    estimated: dict[str, Any] | None
    advance_event: dict[str, Any] | None


@area(*(f"aggregation.{kind}" for kind in KINDS))
@area("aggregation.prorated_sum", "aggregation.prorated_unique_count")
def aggregation(given: Given) -> Answers:
    """The figures of all events, and those of each group."""
    asked = asked_of(given)
    events = [row for row in given.get("events", []) if matching(row, given.get("matching_filters", {}))]
    keys = [key if isinstance(key, str) else key["value"] for name in GROUPS for key in given.get(name, [])]
    answers = figures(asked, events)
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in events:
        groups.setdefault(tuple(properties(row).get(key) for key in keys), []).append(row)
    rows = [
        dict(zip(keys, names, strict=True)) | figures(asked, own)
        for names, own in (groups or {(None,) * len(keys): []}).items()
    ]
    return answers | {"groups": Keyed(rows, keys), "breakdowns": Keyed(rows, keys)}


@area("aggregation.custom_agg")
def custom(given: Given) -> Answers:
    """Aggregations that a program of the seller works out."""
    raise NotOffered("aggregations written in Ruby")


@area("aggregation.rounding")
def rounding(given: Given) -> Answers:
    """A quantity as the metric rounds it."""
    function = given.get("rounding_function")
    rounded = round_units(
        given.number("units"),
        RoundingFunction(function) if function else None,
        given.get("rounding_precision"),
    )
    return {"units": rounded}


def properties(row: dict[str, Any]) -> dict[str, Any]:
    """The properties of an event, given by themselves or inline."""
    found: dict[str, Any] = row.get("properties", row)
    return found


def matching(row: dict[str, Any], filters: dict[str, list[Any]]) -> bool:
    own = properties(row)
    return all(str(own.get(key)) in {str(value) for value in values} for key, values in filters.items())


def asked_of(given: Given) -> Asked:
    """Everything but the events."""
    given.ignore("subscription_started_at", "weighted_interval")
    period, free = given.part("period"), given.part("free_units")
    window = Period(period.moment("from"), end_moment(period["to"]))
    tz = given.get("timezone", "UTC")
    cached = given.part("cached_aggregation") if given.get("cached_aggregation") else None
    before = [
        parse_value(properties(row).get(given.get("field_name")))
        for row in given.get("previous_subscription_events", [])
    ]
    function = given.get("rounding_function")
    return Asked(
        kind=Aggregation(given["aggregation_type"].removesuffix("_agg")),
        field=given.get("field_name"),
        window=window,
        duration=int(period.get("charges_duration_days", days_in(window, tz))),
        tz=tz,
        recurring=given.get("recurring", False),
        prorated=given.get("prorated", False),
        in_advance=given.get("pay_in_advance", False),
        current=given.get("current_usage", False),
        mark=Mark(
            cached.number("current_aggregation"),
            cached.number("max_aggregation"),
            cached.number("max_aggregation_with_proration"),
        )
        if cached
        else None,
        initial=given.number("previous_period_value", sum((value for value in before if value), ZERO)),
        rounding=RoundingFunction(function) if function else None,
        precision=given.get("rounding_precision"),
        free_events=int(free.get("free_units_per_events", 0)),
        free_total=free.number("free_units_per_total_aggregation"),
        estimated=given.get("estimated_event"),
        advance_event=given.get("pay_in_advance_event"),
    )


def figures(asked: Asked, rows: Sequence[dict[str, Any]]) -> Answers:
    """The answers for these events."""
    events = [
        UsageEvent.of(moment(row["timestamp"]), properties(row), asked.field, i) for i, row in enumerate(rows)
    ]
    if asked.estimated is not None:
        last = asked.window.end - timedelta(microseconds=1)
        events.append(UsageEvent.of(last, properties(asked.estimated), asked.field, len(events)))
    found = counted(asked, events)
    units, full_units = usage_of(asked, found, events)
    values = found.event_values
    last_at = [event.timestamp for event in in_order(events) if event.timestamp in asked.window]
    answers: Answers = {
        "aggregation": units,
        "units": units,
        "full_units_number": full_units,
        "current_usage_units": full_units,
        "count": found.events_count,
        "running_total": running(asked, values),
        "per_event_aggregation": values,
        "variation": sum(values, ZERO),
        "total_aggregated_units": asked.initial + sum(values, ZERO),
        "recurring_updated_at": last_at[-1] if last_at else asked.window.start,
    }
    if asked.kind in (Aggregation.MAX, Aggregation.LATEST):
        answers.pop("per_event_aggregation")  # we keep no view of a maximum by event
    return answers | in_advance(asked, events)


def counted(asked: Asked, events: Sequence[UsageEvent]) -> Aggregated:
    """The plain aggregation, and for a prorated one the events that took part."""
    full = Period(asked.window.start, asked.window.start + timedelta(days=asked.duration))
    whole = full if asked.kind is Aggregation.WEIGHTED_SUM else None
    initial = asked.initial if asked.recurring else ZERO
    return aggregate(asked.kind, events, asked.window, recurring=asked.recurring, full=whole, initial=initial)


def usage_of(asked: Asked, found: Aggregated, events: Sequence[UsageEvent]) -> tuple[Decimal, Decimal]:
    """The quantity that is priced, and the one that is shown, both as the metric rounds them."""
    units = full = found.units
    if asked.prorated:
        prorated = prorate(asked, events)
        units, full = prorated.units, prorated.full_units
        if asked.in_advance and not asked.current:
            units = full  # on a billing date what stays in use is billed whole
    if asked.in_advance and asked.current:
        mark = asked.mark or Mark()
        if asked.prorated:
            share = Share(days_in(asked.window, asked.tz), asked.duration)
            units = paid_units_prorated(mark, full, share)
        elif asked.mark:
            units = paid_units(mark, full)
    if asked.current:
        units, full = max(units, ZERO), max(full, ZERO)
    return tuple(round_units(one, asked.rounding, asked.precision) for one in (units, full))  # type: ignore[return-value]


def prorate(asked: Asked, events: Sequence[UsageEvent]) -> Prorated:
    rule = prorated_sum if asked.kind is Aggregation.SUM else prorated_unique_count
    return rule(events, asked.window, asked.duration, asked.tz)


def running(asked: Asked, values: Sequence[Decimal]) -> list[Decimal]:
    """The cumulated values that free units look at."""
    totals = list(accumulate(values))
    if asked.kind is Aggregation.UNIQUE_COUNT:
        totals = [Decimal(place) for place, _ in enumerate(values, start=1)]
    if asked.free_events:
        return totals[: asked.free_events]
    if not asked.free_total:
        return []
    beyond = next((place for place, total in enumerate(totals) if total > asked.free_total), len(totals))
    return totals[: beyond + 1]


def in_advance(asked: Asked, events: Sequence[UsageEvent]) -> Answers:
    """What one event is billed for when it comes."""
    if asked.advance_event is None:
        return {}
    row = dict(asked.advance_event)
    at = moment(row.pop("timestamp"))
    event = UsageEvent.of(at, properties(row), asked.field, len(events))
    if asked.kind is Aggregation.COUNT:
        change = Decimal(1)
    elif asked.kind is Aggregation.UNIQUE_COUNT:
        known = [replace(one) for one in in_order(events) if asked.recurring or one.timestamp in asked.window]
        steps = unique_steps([*known, event])
        change = Decimal(steps[-1][2]) if steps and steps[-1][0] is event else ZERO
    else:
        change = parse_value(event.value) or ZERO
    share = share_from(at, asked.window.end, asked.duration, asked.tz) if asked.prorated else None
    found = advance(asked.mark or Mark(), change, share)
    return {
        "pay_in_advance_aggregation": found.priced_units,
        "units_applied": found.shown,
        "full_units_number": found.units,
    }
