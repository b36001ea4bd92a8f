"""Monthly recurring revenue of a plan's fee.

Law: a yearly fee counts a twelfth, a half-yearly one a sixth, a quarterly one a third, a weekly one 52/12 of itself,
rounded half away from zero to whole minor units.

Example: `monthly_minor(1000, "weekly")` is 4333; `monthly_minor(12000, "yearly")` is 1000.
"""

from __future__ import annotations

from decimal import Decimal

from billing.rules.money import exact, round_half_up

MONTHS = {"monthly": (1, 1), "quarterly": (1, 3), "semiannual": (1, 6), "yearly": (1, 12), "weekly": (52, 12)}


def monthly_minor(amount_minor: int, interval: str) -> int:
    """The fee of one `interval` as an amount per month, in minor units."""
    times, months = MONTHS[interval]
    with exact():
        return int(round_half_up(Decimal(amount_minor) * times / months))
