"""Percentage: a rate of the quantity, and perhaps a fixed amount per event.

Laws.
- total = (units - free units) x rate / 100 + (events - free events) x fixed amount.
- Free units: the first `free_units_per_events` events, or the first
  `free_units_per_total_aggregation` units, whichever ends first. An event is free of the fixed
  amount while it is among those events and the running total including it stays below that limit;
  the event that reaches the limit pays the whole fixed amount.
- With a minimum or maximum per transaction each event is priced on its own, in time order, and
  clamped. An event is free while either allowance lasts; the one that uses up the free amount pays
  on the excess and ends both allowances.
- No units: nothing is due.

Example: 1.3 %, 2 per event, first 3 events free but not above 250. Events 50, 100, 250, 400:
(800 - 250) x 1.3 % = 7.15, two events are free (50 and 150 are below 250), 2 x 2 = 4: 11.15.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from billing.rules.charges.base import ChargeModel, Priced, Properties, Step, Usage, plain
from billing.rules.charges.reading import Reader, number_out
from billing.rules.money import ZERO

_AMOUNTS = {
    "fixedAmount": "fixed_amount",
    "freeUnitsPerTotalAggregation": "free_amount",
    "perTransactionMinAmount": "minimum",
    "perTransactionMaxAmount": "maximum",
}


@dataclass(frozen=True)
class Percentage:
    """`rate` in percent, the rest in major units (or units of the metric); None: not used."""

    rate: Decimal
    fixed_amount: Decimal | None = None
    free_events: int | None = None
    free_amount: Decimal | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None


def parse(properties: Properties) -> Percentage:
    reader = Reader(properties)
    params = Percentage(
        rate=reader.amount("rate"),
        fixed_amount=reader.optional_amount("fixedAmount"),
        free_events=reader.optional_count("freeUnitsPerEvents", minimum=1),
        # No free amount and a free amount of 0 are the same.
        free_amount=reader.optional_amount("freeUnitsPerTotalAggregation") or None,
        minimum=reader.optional_amount("perTransactionMinAmount"),
        maximum=reader.optional_amount("perTransactionMaxAmount"),
    )
    if params.minimum is not None and params.maximum is not None and params.minimum > params.maximum:
        reader.problem("perTransactionMaxAmount", "Must not be below the minimum per transaction.")
    reader.done()
    return params


def serialize(params: Percentage) -> Properties:
    out: Properties = {"rate": number_out(params.rate)}
    for name, attribute in _AMOUNTS.items():
        value = getattr(params, attribute)
        if value is not None:
            out[name] = number_out(value)
    if params.free_events is not None:
        out["freeUnitsPerEvents"] = params.free_events
    return out


def needs_event_values(params: Percentage) -> bool:
    return any(
        value is not None
        for value in (params.free_events, params.free_amount, params.minimum, params.maximum)
    )


def free_of(params: Percentage, values: Iterable[Decimal]) -> tuple[Decimal, int]:
    """Free units and free events of a charge without limits per transaction."""
    units, events = ZERO, 0
    if params.free_events is None and params.free_amount is None:
        return units, events
    for position, total in enumerate(accumulate(values), start=1):
        if params.free_events is not None and position > params.free_events:
            break
        units = total
        if params.free_amount is not None and total >= params.free_amount:
            return params.free_amount, events
        events += 1
    return units, events


@dataclass(frozen=True)
class _Parts:
    """What was charged for: units and events paid, lifted to the minimum, cut to the maximum."""

    paid_units: Decimal
    paid_events: int
    lifted: Decimal = ZERO
    lifted_events: int = 0
    cut: Decimal = ZERO
    cut_events: int = 0


def _by_quantity(params: Percentage, usage: Usage) -> _Parts:
    free_units, free_events = free_of(params, usage.event_values)
    return _Parts(max(usage.units - free_units, ZERO), max(usage.events_count - free_events, 0))


def _by_event(params: Percentage, usage: Usage) -> _Parts:
    events_left, amount_left = params.free_events or 0, params.free_amount or ZERO
    paid_units, paid_events = ZERO, 0
    lifted, lifted_events, cut, cut_events = ZERO, 0, ZERO, 0
    for value in usage.event_values:
        paid = value
        if events_left > 0 or amount_left > 0:
            exhausts = amount_left > 0 and value >= amount_left
            if not exhausts:
                events_left -= 1
                amount_left = max(amount_left - value, ZERO)
                continue
            paid = value - amount_left
            events_left, amount_left = 0, ZERO
        paid_units += paid
        paid_events += 1
        amount = paid * params.rate / 100 + (params.fixed_amount or ZERO)
        if params.minimum is not None and amount < params.minimum:
            lifted, lifted_events = lifted + params.minimum - amount, lifted_events + 1
        elif params.maximum is not None and amount > params.maximum:
            cut, cut_events = cut + amount - params.maximum, cut_events + 1
    return _Parts(paid_units, paid_events, lifted, lifted_events, cut, cut_events)


def compute(params: Percentage, usage: Usage) -> Priced:
    limited = params.minimum is not None or params.maximum is not None
    if not usage.units:
        parts = _Parts(ZERO, 0)
    else:
        parts = _by_event(params, usage) if limited else _by_quantity(params, usage)
    steps: list[Step] = []
    free_units = usage.units - parts.paid_units
    if free_units > 0:
        steps.append(Step(kind="free", label="Free", units=free_units, amount=ZERO))
    steps.append(
        Step(
            kind="percentage",
            label=f"{plain(params.rate)} % of the quantity",
            units=parts.paid_units,
            rate=params.rate,
            amount=parts.paid_units * params.rate / 100,
        )
    )
    if params.fixed_amount:
        events = Decimal(parts.paid_events)
        steps.append(
            Step(
                kind="fixed",
                label="Fixed amount per event",
                units=events,
                unit_amount=params.fixed_amount,
                amount=events * params.fixed_amount,
            )
        )
    if parts.lifted_events:
        label = "Raised to the minimum per transaction"
        steps.append(
            Step(kind="minimum", label=label, units=Decimal(parts.lifted_events), amount=parts.lifted)
        )
    if parts.cut_events:
        label = "Reduced to the maximum per transaction"
        steps.append(Step(kind="maximum", label=label, units=Decimal(parts.cut_events), amount=-parts.cut))
    return Priced.of(*steps)


MODEL = ChargeModel(
    "percentage",
    "Percentage",
    parse,
    serialize,
    compute,
    needs_event_values=needs_event_values,
    refused_aggregations=frozenset({"latest"}),
)
