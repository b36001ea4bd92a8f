"""Prorated quantities: what outlasts its period counts for the days it was there.

Laws.
- A unit counts days there / days of the full period, both ends included, in calendar days of the customer; the sum is
  exact and rounded up once, to 5 decimals.
- What stood when the window began counts for all days of the window. When a change to another plan ends the window,
  its last day belongs to the new plan: what stood loses that day, what came within the window does not.
- unique_count: an item counts from the day of its add to the day of its remove; a day counts once, however often the
  item comes and goes.
- `units` is the sum of `prorated_values`, `full_units` the sum of `values`: the quantity as if nothing were prorated.

Example: 5 units from before and 12 added on 26 May: 5 x 31 / 31 + 12 x 6 / 31 = 7.32259. Item a added on 2 May and
removed on 30 May, added again on the 31st: 30 days, 30 / 31 = 0.96775.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal, localcontext

from billing.rules.aggregation import WIDE, UsageEvent, in_order, parse_value, unique_steps
from billing.rules.money import ZERO
from billing.rules.periods import Period, days_in, local_date
from billing.rules.proration import Share

_MICROSECOND = timedelta(microseconds=1)
_STEP = Decimal("0.00001")


@dataclass(frozen=True)
class Prorated:
    """`values` and `prorated_values`: what each change adds, full and for its days, in order of time. What stood when
    the window began comes first: one change for a sum, one for each item of a unique count.
    """

    units: Decimal
    full_units: Decimal
    events_count: int
    values: tuple[Decimal, ...]
    prorated_values: tuple[Decimal, ...]


def ceil5(value: Decimal) -> Decimal:
    """Rounded up to 5 decimals, as prorated quantities are."""
    with localcontext(WIDE):
        return value.quantize(_STEP, rounding=ROUND_CEILING)


def share_from(at: datetime, end: datetime, duration_days: int, tz: str) -> Share:
    """The days from that of `at` to the last one before `end`, of the full period."""
    return Share(days_in(Period(min(at, end), end), tz), duration_days)


def prorated_sum(
    events: Iterable[UsageEvent], window: Period, duration_days: int, tz: str, *, upgraded: bool = False
) -> Prorated:
    """A recurring sum of `events` (all history). `duration_days`: length of the full period. `upgraded`: another plan
    took over on the last day of the window.
    """
    before, count, changes = ZERO, 0, []
    with localcontext(WIDE):
        for event in in_order(events):
            value = parse_value(event.value)
            if value is None or event.timestamp >= window.end:
                continue
            count += 1
            if event.timestamp < window.start:
                before += value
            else:
                changes.append((value, days_in(Period(event.timestamp, window.end), tz)))
        if before:
            changes.insert(0, (before, _carried_days(window, tz, upgraded)))
        return _prorated(changes, count, duration_days)


def prorated_unique_count(
    events: Iterable[UsageEvent], window: Period, duration_days: int, tz: str, *, upgraded: bool = False
) -> Prorated:
    """A recurring unique count of `events` (all history), its items for the days they were there."""
    first, last = local_date(window.start, tz), local_date(window.end - _MICROSECOND, tz)
    steps = unique_steps(e for e in in_order(events) if e.timestamp < window.end)
    carried = {item: 0 for _, item, _ in steps}
    for event, item, step in steps:
        if event.timestamp < window.start:
            carried[item] += step
    days_carried = _carried_days(window, tz, upgraded)
    until = {item: first + timedelta(days=days_carried - 1) for item, there in carried.items() if there}
    changes = [(Decimal(1), days_carried) for _ in until]
    paid: dict[str, date] = {}  # the day of an item's last removal: it counts, and counts once
    for event, item, step in steps:
        if event.timestamp < window.start or not step:
            continue
        on = local_date(event.timestamp, tz)
        if step > 0:
            start = max(on, paid.get(item, on - timedelta(days=1)) + timedelta(days=1))
            until[item] = last
            changes.append((Decimal(1), max((last - start).days + 1, 0)))
        else:
            changes.append((Decimal(-1), max((until[item] - on).days, 0)))
            paid[item] = on
    with localcontext(WIDE):
        return _prorated(changes, len(steps), duration_days)


def _carried_days(window: Period, tz: str, upgraded: bool) -> int:
    return max(days_in(window, tz) - upgraded, 0)


def _prorated(changes: list[tuple[Decimal, int]], count: int, duration_days: int) -> Prorated:
    """From (value, days it counts for)."""
    weighted = [value * days for value, days in changes]
    return Prorated(
        units=ceil5(sum(weighted, ZERO) / duration_days),
        full_units=sum((value for value, _ in changes), ZERO),
        events_count=count,
        values=tuple(value for value, _ in changes),
        prorated_values=tuple(part / duration_days for part in weighted),
    )
