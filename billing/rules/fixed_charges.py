"""Fixed charges: a number of units that a plan includes, whatever is used (seats, licences).

Laws.
- Units change by events. A later event takes back what was planned for its moment or after it: the last word holds.
- Not prorated: the units that the last event up to the end of the window set, at full price.
- Prorated: every number of units for the days it stood, of the days of the full period, each rounded to 6 decimals. A
  day belongs to what stood at its end.
- In advance: a change within the period is billed for what it adds to what was billed, for the days that are left
  (its own included) when prorated, and priced by itself. Fewer units give nothing back.
- In advance and prorated: a plan that takes over pays what its own days cost, less what the plan before had been paid
  for those days for the same thing; never less than nothing. Not prorated, it pays its full price.

Example: 10 units at 1.00 from 19 July: 10 x 13 / 31 = 4.193548, 4.19. On 21 August another plan has 10 at 10.00:
10 x 11 / 31 at 10.00 is 35.48, less round(1500 x 11 / 31) = 532 for 5 units at 3.00: 30.16.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.rules.money import ZERO, exact, round_half_up
from billing.rules.periods import Period, days_in, local_date, start_of_day
from billing.rules.proration import Share

MOST_UNITS = Decimal(10) ** 12

UNIT_DECIMALS = 6


@dataclass(frozen=True)
class UnitsEvent:
    """From `at` on there are `units`. Pass events in the order in which they were made."""

    units: Decimal
    at: datetime


def timeline(events: Iterable[UnitsEvent]) -> tuple[UnitsEvent, ...]:
    """What holds when, in order of time, after later events have taken back planned ones."""
    kept: list[UnitsEvent] = []
    for event in events:
        kept = [*(earlier for earlier in kept if earlier.at < event.at), event]
    return tuple(kept)


def units_at(events: Iterable[UnitsEvent], end: datetime) -> Decimal:
    """The units of a window that ends (exclusively) at `end`: not prorated."""
    return next((event.units for event in reversed(timeline(events)) if event.at < end), ZERO)


def units_prorated(events: Iterable[UnitsEvent], window: Period, duration_days: int, tz: str) -> Decimal:
    """The units of a window, each number for the days it stood. `duration_days`: length of the full period."""
    held = [event for event in timeline(events) if event.at < window.end]
    total = ZERO
    with exact():
        starts = [start_of_day(local_date(event.at, tz), tz) for event in held]
        for event, start, until in zip(held, starts, [*starts[1:], window.end], strict=False):
            if max(start, window.start) < until:
                days = days_in(Period(max(start, window.start), until), tz)
                total += round_half_up(Share(days, duration_days).take(event.units), UNIT_DECIMALS)
    return total


def added_units(units: Decimal, billed_units: Decimal, left: Share | None = None) -> Decimal:
    """What a change within a period that was billed in advance is billed for. `left`: the days left, if prorated."""
    with exact():
        more = max(units - billed_units, ZERO)
        return round_half_up(left.take(more), UNIT_DECIMALS) if left else more


def paid_before_minor(fee_minor: int, covered_days: int, left_days: int) -> int:
    """What of a fee in advance, paid for `covered_days`, was for the `left_days` that another plan takes over."""
    return int(round_half_up(Share(min(left_days, covered_days), covered_days).take(Decimal(fee_minor))))


def less_paid(amount_minor: int, paid_minor: int) -> int:
    """The first fee of the plan that takes over, after what was paid before."""
    return max(amount_minor - paid_minor, 0)


def units_from(events: Iterable[UnitsEvent], at: datetime) -> Decimal:
    """The units that hold from a moment on, for a window that is billed when it begins."""
    return next((event.units for event in reversed(timeline(events)) if event.at <= at), ZERO)


def most_units(events: Iterable[UnitsEvent], start: datetime, before: datetime) -> Decimal:
    """The most units that a period was billed for in advance: those at its start, and those set before a moment."""
    found = timeline(events)
    inside = [event.units for event in found if start < event.at < before]
    return max([units_from(found, start), *inside])
