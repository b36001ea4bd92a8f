"""Recurring revenue: what running plans come to in a month.

Law. A plan's price counts with the number of its intervals in a year, over twelve: 1,200.00 a year and
300.00 a quarter are both 100.00 a month; 12.00 a week is 52.00. Usage does not count. The sum is exact
and rounded once, half away from zero.
"""

from collections.abc import Iterable
from fractions import Fraction

from billing.rules.periods import PER_YEAR, Interval


def monthly_recurring(prices: Iterable[tuple[str, int]]) -> int:
    """Minor units per month for (interval, amount in minor units) of one currency."""
    total = sum(
        (Fraction(amount * PER_YEAR[Interval(interval)], 12) for interval, amount in prices), Fraction(0)
    )
    return int(total + Fraction(1, 2)) if total >= 0 else -int(-total + Fraction(1, 2))
