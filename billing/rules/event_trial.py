"""What a metric would measure of a list of events that somebody types or sends to try a price.

Laws. Each event is read as it would be on its way in, its value is what the metric would take from it (a property,
or what its expression computes), and the whole is aggregated and rounded as the metric says. Nothing is stored. The
window is the calendar month (UTC) of the earliest moment that an event names, else of `at`; an event without a moment
stands at its start, in the order of the list. Nothing is carried over from before.

Example: lines `12`, `{"gb": 7.5}` and `{"properties": {"gb": "x"}}` for a sum of gb are 19.5 units of 2 events.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.rules.aggregation import Aggregation, RoundingFunction, UsageEvent, aggregate, round_units
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.events import IncomingEvent, Refused, read_event
from billing.rules.expressions import EventFacts, NotComputable, plain_text, read_expression
from billing.rules.money import ZERO
from billing.rules.periods import Period

MOST_EVENTS = 1_000
_OF_AN_EVENT = frozenset(
    {"properties", "timestamp", "code", "transactionId", "subscriptionId", "preciseTotalAmount"}
)
_TELLING = frozenset({"properties", "timestamp", "code", "preciseTotalAmount"})


@dataclass(frozen=True)
class Measure:
    """How a metric measures: `field_name` or `expression`, and `rounding` to `precision` decimals."""

    aggregation: Aggregation
    field_name: str = ""
    expression: str = ""
    rounding: RoundingFunction | None = None
    precision: int = 0
    code: str = "sample"


@dataclass(frozen=True)
class Tried:
    """`units` to be priced, of `events_count` events that took part (with `event_values`), out of `sent`.
    `events_total` is the sum of the amounts that the events bring themselves, in major units.
    """

    units: Decimal
    events_count: int
    event_values: tuple[Decimal, ...]
    events_total: Decimal
    sent: int
    window: Period


def read_lines(text: str, field_name: str) -> list[dict[str, Any]]:
    """Events from a text: a line each, a value of the metric's property or a JSON object; or one JSON list.

    Raises Invalid (field events) that names the line.
    """
    if text.lstrip().startswith("["):
        found = _json(text, "The list")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise Invalid("The list: enter JSON objects in it.", field="events")
        return found
    events: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        typed = line.strip()
        if not typed:
            continue
        if not typed.startswith("{"):
            events.append({"properties": {field_name: typed} if field_name else {}})
            continue
        found = _json(typed.rstrip(","), f"Line {number}")
        if not isinstance(found, dict):
            raise Invalid(f"Line {number}: enter a value or a JSON object.", field="events")
        events.append(found)
    return events


def sample_event(raw: dict[str, Any], code: str, at: datetime) -> IncomingEvent | Refused:
    """A sample as an event of a metric: as it is sent, of which all but the properties may be left out, or its
    properties alone.
    """
    whole = raw if raw.keys() & _TELLING and raw.keys() <= _OF_AN_EVENT else {"properties": raw}
    return read_event({"transactionId": "sample", "subscriptionId": "sample", "code": code} | whole, at)


def try_events(measure: Measure, events: Sequence[dict[str, Any]], *, at: datetime) -> Tried:
    """What the metric makes of some events. Raises Invalid (events) or FieldErrors (events[2].properties.gb)."""
    if not events:
        raise Invalid("There are no events.", code="no_events", field="events")
    if len(events) > MOST_EVENTS:
        raise Invalid(f"Use at most {MOST_EVENTS:,} events here.", field="events")
    ready = read_expression(measure.expression) if measure.expression else None
    read, errors, total = [], [], ZERO
    for index, raw in enumerate(events):
        event = sample_event(raw, measure.code, at)
        if isinstance(event, Refused):
            errors.append((f"events[{index}]" + (f".{event.field}" if event.field else ""), event.message))
            continue
        value = event.properties.get(measure.field_name) if measure.field_name else None
        if ready:
            try:
                value = plain_text(
                    ready.value(EventFacts(event.code, event.timestamp or at, event.properties))
                )
            except NotComputable as problem:
                errors.append((f"events[{index}].{problem.field}", problem.message))
        total += event.amount or ZERO
        read.append((event, value))
    if errors:
        raise FieldErrors(errors)
    window = month_of(min((event.timestamp for event, _ in read if event.timestamp), default=at))
    found = aggregate(
        measure.aggregation,
        [
            UsageEvent(
                event.timestamp or window.start,
                value,
                order,
                str(event.properties.get("operation_type") or "add"),
            )
            for order, (event, value) in enumerate(read)
        ],
        window,
    )
    units = round_units(found.units, measure.rounding, measure.precision)
    return Tried(units, found.events_count, found.event_values, total, len(events), window)


def month_of(moment: datetime) -> Period:
    """The calendar month (UTC) of a moment."""
    first = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = first.year * 12 + first.month
    return Period(first, first.replace(year=months // 12, month=months % 12 + 1))


def _json(text: str, where: str) -> Any:
    """JSON with exact numbers."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        reason = f": {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid(f"{where} is not valid JSON{reason}.", field="events") from None
