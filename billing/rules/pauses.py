"""Pauses: days on which a subscription costs nothing.

Law: a local day is paused when the whole of it, as far as it belongs to the window that is charged, lies in
one pause. So the day on which a pause begins and the day on which it ends are charged, like every day that
was begun. A pause that lasts less than a whole day changes nothing. Usage counts throughout.

Example: October is charged, the pause goes from the 10th 15:00 to the 20th 09:00: the 11th to the 19th are
paused, 9 days; 22 of 31 are charged.

Fixed charges follow: by days, they leave paused days out; in full, they cost nothing only for a period that was
paused from its first day to its last. What was paid in advance for them before the pause stays paid, as when a
subscription ends.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from billing.rules.periods import Period, local_date, start_of_day

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


def paused_days(window: Period, pauses: Iterable[Period], tz: str) -> int:
    """Local days of the window that are paused. The pauses do not overlap."""
    return sum(_whole_days(window, pause, tz) for pause in pauses)


def charged_parts(window: Period, pauses: Iterable[Period], tz: str) -> list[Period]:
    """The window without its paused days. The pauses do not overlap."""
    parts, start = [], window.start
    for pause in sorted(pauses, key=lambda one: one.start):
        days = _days(window, pause, tz)
        if days is None:
            continue
        begins, ends = (
            max(start_of_day(days[0], tz), start),
            min(start_of_day(days[1] + _DAY, tz), window.end),
        )
        if start < begins:
            parts.append(Period(start, begins))
        start = ends
    return [*parts, Period(start, window.end)] if start < window.end else parts


def _whole_days(window: Period, pause: Period, tz: str) -> int:
    days = _days(window, pause, tz)
    return (days[1] - days[0]).days + 1 if days else 0


def _days(window: Period, pause: Period, tz: str) -> tuple[date, date] | None:
    """The first and the last paused day of the window."""
    covered = window.overlap(pause)
    if covered is None:
        return None
    first, last = local_date(covered.start, tz), local_date(covered.end - _MICROSECOND, tz)
    if covered.start > max(start_of_day(first, tz), window.start):
        first += _DAY
    if covered.end < min(start_of_day(last + _DAY, tz), window.end):
        last -= _DAY
    return (first, last) if first <= last else None
