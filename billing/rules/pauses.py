"""Pauses: days on which a subscription costs nothing.

Law: a local day is paused when the whole of it, as far as it belongs to the window that is charged, lies in
one pause. So the day on which a pause begins and the day on which it ends are charged, like every day that
was begun. A pause that lasts less than a whole day changes nothing. Usage counts throughout.

Example: October is charged, the pause goes from the 10th 15:00 to the 20th 09:00: the 11th to the 19th are
paused, 9 days; 22 of 31 are charged.
"""

from collections.abc import Iterable
from datetime import timedelta

from billing.rules.periods import Period, local_date, start_of_day

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


def paused_days(window: Period, pauses: Iterable[Period], tz: str) -> int:
    """Local days of the window that are paused. The pauses do not overlap."""
    return sum(_whole_days(window, pause, tz) for pause in pauses)


def _whole_days(window: Period, pause: Period, tz: str) -> int:
    covered = window.overlap(pause)
    if covered is None:
        return 0
    first, last = local_date(covered.start, tz), local_date(covered.end - _MICROSECOND, tz)
    if covered.start > max(start_of_day(first, tz), window.start):
        first += _DAY
    if covered.end < min(start_of_day(last + _DAY, tz), window.end):
        last -= _DAY
    return max(0, (last - first).days + 1)
