"""Alerts: which steps a value has crossed since it was looked at last.

Laws. A rising alert crosses a threshold t when previous < t <= current; a falling one when previous > t >= current.
The recurring step goes on beyond the last threshold: upwards from the largest, downwards from the smallest (from zero
without any). A value that stays or moves the other way crosses nothing. The previous value is always the one of the
last check, so a value that falls back and rises again crosses again.

Example: rising, thresholds 10, 30, 50 and every 100 after: from 8 to 260 crosses 10, 30, 50, 150, 250.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from billing.rules.money import exact

MOST_STEPS = 1000  # of a recurring step in one check: more tell nobody anything


class Direction(StrEnum):
    """Usage rises to its thresholds, a balance falls to them."""

    INCREASING = "increasing"
    DECREASING = "decreasing"


@dataclass(frozen=True)
class Steps:
    """The thresholds of an alert in any order, and the step that goes on after the last one."""

    once: tuple[Decimal, ...] = ()
    recurring: Decimal | None = None


def crossed(steps: Steps, direction: Direction, previous: Decimal, current: Decimal) -> tuple[Decimal, ...]:
    """The steps crossed on the way from `previous` to `current`, in the order in which they were met."""
    if direction is Direction.INCREASING:
        return _rising(steps, previous, current)
    mirrored = Steps(tuple(-value for value in steps.once), steps.recurring)
    # A fall from p to c mirrors a rise from -p to -c, but for its ends: t = p is not crossed, t = c is.
    return tuple(-value for value in _rising(mirrored, -previous, -current))


def _rising(steps: Steps, previous: Decimal, current: Decimal) -> tuple[Decimal, ...]:
    if current <= previous:
        return ()
    once = sorted(value for value in set(steps.once) if previous < value <= current)
    return (*once, *_recurring(steps, previous, current))


def _recurring(steps: Steps, previous: Decimal, current: Decimal) -> Iterator[Decimal]:
    step = steps.recurring
    if step is None or step <= 0:
        return
    start = max(steps.once, default=Decimal(0))
    with exact():
        first = max(int((previous - start) // step), 0) + 1
        last = int((current - start) // step)
        if current < start:
            return
        found = [start + step * count for count in range(max(first, last - MOST_STEPS + 1), last + 1)]
    yield from (value for value in found if previous < value <= current)
