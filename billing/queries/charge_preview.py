"""A worked example of a price: what some usage costs under a charge model, by the rule that bills it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

from billing.models import Metric
from billing.rules.aggregation import Aggregation, RoundingFunction
from billing.rules.charges.base import Priced, Step, Usage
from billing.rules.charges.registry import charge_model
from billing.rules.errors import Invalid
from billing.rules.event_trial import Measure, Tried, try_events
from billing.rules.money import exact, to_minor

MOST_EVENTS = 1_000
CURVE_POINTS = 48


@dataclass(frozen=True)
class Example:
    """`amount_minor` is the line as it would be billed (rounded once), `steps` how it came about, in major
    units; `assumed` is the number of equal events that were assumed because none were given."""

    amount_minor: int
    currency: str
    units: Decimal
    steps: tuple[Step, ...]
    assumed: int = 0


def work_out(
    model_name: str,
    properties: dict[str, Any],
    *,
    currency: str,
    units: Decimal | None = None,
    events_count: int | None = None,
    event_values: Sequence[Decimal] = (),
    events_total: Decimal = Decimal(0),
) -> Example:
    """Price `units` (default: the sum of `event_values`) with a charge model.

    Models that look at single events get `event_values`, or `events_count` equal ones that make up `units`.
    Raises Invalid or FieldErrors naming chargeModel, units, eventsCount or the property.
    """
    model = charge_model(model_name)
    params = model.parse(properties)
    count = len(event_values) if events_count is None else events_count
    if event_values and events_count not in (None, len(event_values)):
        raise Invalid("Is not the number of eventValues.", field="eventsCount")
    with exact():
        total = sum(event_values, Decimal(0)) if units is None else units
    if total < 0:
        raise Invalid("Must not be negative.", field="units")
    values, assumed = tuple(event_values), 0
    if not values and total and model.needs_event_values(params):
        assumed = count = max(count, 1)
        if count > MOST_EVENTS:
            raise Invalid(f"Use at most {MOST_EVENTS:,} events here.", field="eventsCount")
        with exact():
            values = (total / count,) * count
    priced: Priced = model.price(
        params, Usage(units=total, events_count=count, event_values=values, events_total=events_total)
    )
    return Example(to_minor(priced.total, currency), currency, total, priced.steps, assumed)


def measure_of(metric: Metric) -> Measure:
    """How a metric measures, for trying it."""
    return Measure(
        Aggregation(metric.aggregation),
        metric.field_name,
        metric.expression,
        RoundingFunction(metric.rounding) if metric.rounding else None,
        metric.rounding_precision,
        metric.code,
    )


def work_out_events(
    model_name: str,
    properties: dict[str, Any],
    *,
    currency: str,
    metric: Metric,
    events: Sequence[dict[str, Any]],
    at: datetime,
) -> tuple[Example, Tried]:
    """Price what a metric measures of some events; more taken back than used is nothing used.

    Raises as `work_out` and `try_events` do.
    """
    tried = try_events(measure_of(metric), events, at=at)
    example = work_out(
        model_name,
        properties,
        currency=currency,
        units=max(tried.units, Decimal(0)),
        events_count=tried.events_count,
        event_values=tried.event_values,
        events_total=tried.events_total,
    )
    return example, tried


def curve(
    model_name: str,
    properties: dict[str, Any],
    *,
    currency: str,
    units: Decimal,
    edges: Sequence[Decimal] = (),
) -> list[tuple[Decimal, int]]:
    """[(units, minor units that they cost)] from 0 to `units`, for models that look at the sum alone. `edges`: the
    first units of tiers, before and after which a price is asked, so that its jumps are seen.
    """
    model = charge_model(model_name)
    params = model.parse(properties)
    with exact():
        step = units / CURVE_POINTS
        if units > CURVE_POINTS:
            step = step.to_integral_value(ROUND_CEILING)
        asked = {min(step * number, units) for number in range(CURVE_POINTS + 1)}
        asked |= {one for edge in edges for one in (edge - 1, edge) if 0 <= one <= units}
    return [
        (one, to_minor(model.price(params, Usage(units=one, events_count=0)).total, currency))
        for one in sorted(asked)
    ]
