"""Aggregation: what a metric makes of the events of a window. The spec the SQL is tested against.

Laws. Over the events of the half-open window, in order of (timestamp, order of reception):
- count: their number. sum: of the numeric values (may be negative). max: the highest, 0 without
  any. latest: the value of the last event, not below 0.
- unique_count: per value, "add" after nothing or a "remove" counts +1, "remove" after an "add" -1,
  repeats 0; an event without an operation is an "add".
- weighted_sum: the running value times the seconds it stood, over the seconds of the full period.
- Events whose value is missing or not a number (`-?digits(.digits)?`) do not take part.
- recurring sum and unique_count look at all history before the end of the window (prorated.py: for the days).
Input order never matters.

Example: add a, add b, add a, remove b: 1 + 1 + 0 - 1 = 1. Values 5, -2, 10: sum 13, max 10.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, localcontext
from enum import StrEnum
from numbers import Real
from typing import Any

from billing.rules.errors import Invalid
from billing.rules.money import CONTEXT, ZERO
from billing.rules.periods import Period

# Also the pattern of the SQL side (POSIX, anchored): what does not match is not a number.
NUMBER_PATTERN = r"^-?[0-9]{1,25}(\.[0-9]{1,30})?$"
_NUMBER = re.compile(NUMBER_PATTERN.replace("^", "").replace("$", ""))
_MICROSECOND = timedelta(microseconds=1)
# A value has up to 55 digits; sums of many of them must still be exact, or order would matter.
WIDE = Context(prec=100, rounding=ROUND_HALF_UP, traps=[t for t, on in CONTEXT.traps.items() if on])
_SECOND = Decimal(1_000_000)
_DAY = timedelta(days=1)
_HALF_DAY = timedelta(hours=12)


class Aggregation(StrEnum):
    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE_COUNT = "unique_count"
    LATEST = "latest"
    WEIGHTED_SUM = "weighted_sum"


class RoundingFunction(StrEnum):
    ROUND = "round"
    CEIL = "ceil"
    FLOOR = "floor"


RECURRING_ALLOWED = frozenset({Aggregation.SUM, Aggregation.UNIQUE_COUNT, Aggregation.WEIGHTED_SUM})
PAYABLE_IN_ADVANCE = frozenset({Aggregation.COUNT, Aggregation.SUM, Aggregation.UNIQUE_COUNT})
NEEDS_FIELD = frozenset(Aggregation) - {Aggregation.COUNT}
_ROUNDINGS = {
    RoundingFunction.ROUND: ROUND_HALF_UP,
    RoundingFunction.CEIL: ROUND_CEILING,
    RoundingFunction.FLOOR: ROUND_FLOOR,
}


@dataclass(frozen=True)
class UsageEvent:
    """`value`: the raw property the metric reads (None: absent); `order`: order of reception."""

    timestamp: datetime
    value: Any = None
    order: int = 0
    operation: str = "add"

    @classmethod
    def of(
        cls, timestamp: datetime, properties: Mapping[str, Any], field: str | None, order: int = 0
    ) -> "UsageEvent":
        """The event as a metric on `field` sees it."""
        operation = str(properties.get("operation_type") or "add")
        return cls(timestamp, properties.get(field) if field else None, order, operation)


@dataclass(frozen=True)
class Aggregated:
    """`units` of the window, the number of events that took part, and their numeric values in order."""

    units: Decimal
    events_count: int
    event_values: tuple[Decimal, ...] = ()


def parse_value(raw: Any) -> Decimal | None:
    """The exact number in a property, or None when it is not one.

    Text must match NUMBER_PATTERN: "1e3", "+5", ".5" and "" are not numbers. A JSON number counts
    by its shortest decimal notation, so 0.1 is exactly 0.1.
    """
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, Decimal):
        text = f"{raw:f}"
    elif isinstance(raw, Real):
        text = f"{Decimal(repr(raw)):f}"
    else:
        text = raw if isinstance(raw, str) else ""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def in_order(events: Iterable[UsageEvent]) -> list[UsageEvent]:
    return sorted(events, key=lambda event: (event.timestamp, event.order))


def aggregate(
    kind: Aggregation,
    events: Iterable[UsageEvent],
    window: Period,
    *,
    recurring: bool = False,
    full: Period | None = None,
    initial: Decimal = ZERO,
) -> Aggregated:
    """The units of `events` in `window`.

    `recurring` drops the lower bound (sum, unique_count). `full` (the whole billing period) and
    `initial` (the value carried over) only matter to weighted_sum.
    """
    if recurring and kind not in RECURRING_ALLOWED:
        raise Invalid(f"A {kind} metric cannot be recurring.", field="recurring")
    carries = recurring and kind != Aggregation.WEIGHTED_SUM
    seen = [e for e in in_order(events) if e.timestamp < window.end]
    if not carries:
        seen = [e for e in seen if e.timestamp >= window.start]
    if kind == Aggregation.COUNT:
        return Aggregated(Decimal(len(seen)), len(seen), (Decimal(1),) * len(seen))
    if kind == Aggregation.UNIQUE_COUNT:
        return _unique_count(seen)
    numeric = [(e, value) for e in seen if (value := parse_value(e.value)) is not None]
    values = tuple(value for _, value in numeric)
    with localcontext(WIDE):
        if kind == Aggregation.SUM:
            units = sum(values, ZERO)
        elif kind == Aggregation.MAX:
            units = max(values, default=ZERO)
        elif kind == Aggregation.LATEST:
            units = max(values[-1], ZERO) if values else ZERO
        else:
            moments = [(e.timestamp, value) for e, value in numeric]
            units = _weighted_sum(moments, window, full or window, initial)
    return Aggregated(units, len(values), values)


def unique_steps(events: Iterable[UsageEvent]) -> list[tuple[UsageEvent, str, int]]:
    """Events that name an item, with the item and +1, -1 or 0."""
    present: set[str] = set()
    steps: list[tuple[UsageEvent, str, int]] = []
    for event in events:
        if event.value is None or event.value == "":
            continue
        item, add = str(event.value), event.operation != "remove"
        step = int(item not in present) if add else -int(item in present)
        if add:
            present.add(item)
        else:
            present.discard(item)
        steps.append((event, item, step))
    return steps


def _unique_count(events: Sequence[UsageEvent]) -> Aggregated:
    steps = [Decimal(step) for _, _, step in unique_steps(events)]
    return Aggregated(sum(steps, ZERO), len(steps), tuple(steps))


def _weighted_sum(
    moments: Sequence[tuple[datetime, Decimal]], window: Period, full: Period, initial: Decimal
) -> Decimal:
    total, level, since = ZERO, initial, window.start
    for at, value in [*moments, (window.end, ZERO)]:
        total += level * ((at - since) // _MICROSECOND)
        level, since = level + value, at
    return weighted_units(total / _SECOND, full)


def weighted_units(value_seconds: Decimal, full: Period) -> Decimal:
    """The units of a weighted sum: value times seconds over the seconds of the full period, ceiled to 20 decimals.

    The period has whole days of 86,400 s (to the nearest): a clock change does not alter the weight of a second.
    """
    with localcontext(WIDE):
        seconds = max(1, (full.end - full.start + _HALF_DAY) // _DAY) * (_DAY // _MICROSECOND) / _SECOND
        units = (value_seconds / seconds).quantize(Decimal(1).scaleb(-20), rounding=ROUND_CEILING)
        return units.normalize() + ZERO


def round_units(units: Decimal, function: RoundingFunction | None, precision: int | None = None) -> Decimal:
    """Round a quantity as the metric asks: 123.456 ceil at -2 is 200. No function: unchanged."""
    if function is None:
        return units
    with localcontext(WIDE):
        step = Decimal(1).scaleb(-(precision or 0))
        return units.quantize(step, rounding=_ROUNDINGS[function]) + ZERO
