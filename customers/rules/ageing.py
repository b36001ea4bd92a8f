"""How late money is, in the four buckets that collections use, and how an amount has changed.

Laws. An invoice is one day late on the day after its due date; one without a due date is never late. Every late
invoice is in exactly one bucket. A change in per cent needs something to compare with; it is rounded half away from
zero to one decimal.

Example, on 31 March: due 30 March is 1 day late (1 to 30), due 1 March is 30 (1 to 30), due 28 February is 31 (31 to
60), due 30 December is 91 (over 90). From 80.00 to 100.00 is +25.0; from 0.00 to 5.00 there is no percentage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing.rules.money import exact, round_half_up


@dataclass(frozen=True)
class Bucket:
    """From so many days late up to so many; `last` None: without an end."""

    name: str
    label: str
    first: int
    last: int | None

    def due_days(self, today: date) -> tuple[date | None, date]:
        """(from, to): the due dates of what is in the bucket today, both included."""
        earliest = None if self.last is None else today - timedelta(days=self.last)
        return earliest, today - timedelta(days=self.first)


BUCKETS = (
    Bucket("late_30", "1–30 days", 1, 30),
    Bucket("late_60", "31–60 days", 31, 60),
    Bucket("late_90", "61–90 days", 61, 90),
    Bucket("late_more", "90+ days", 91, None),
)


def change_percent(now_minor: int, before_minor: int) -> Decimal | None:
    """By how much an amount has changed; None when there was nothing before."""
    if before_minor <= 0:
        return None
    with exact():
        return round_half_up(Decimal(now_minor - before_minor) * 100 / before_minor, 1)
