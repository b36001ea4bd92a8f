"""Pricing units: charges priced in a unit of their own (credits, tokens) that is worth some money.

Laws. A price in pricing units is rounded to their 2 decimals; then it is converted once, at the rate of the plan
(money for one pricing unit), and rounded to the currency. Every line is converted by itself. A minimum spend is in
pricing units, and so is what it is compared with: only the difference is converted.

Example: 300 units at 1 are 300.00 credits, at 0.5 EUR a credit 150.00 EUR. A minimum of 10.00 with 7.00 used: 3.00
credits, 0.75 EUR at 0.25.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.rules.errors import Invalid
from billing.rules.money import exact, round_half_up, to_minor

DECIMALS = 2


@dataclass(frozen=True)
class Converted:
    """`unit_minor`: hundredths of the pricing unit; `exact` major units of the currency, not rounded; `minor`."""

    unit_minor: int
    exact: Decimal
    minor: int


def convert(amount: Decimal, rate: Decimal, currency: str) -> Converted:
    """A price of `amount` pricing units in money at `rate`."""
    if rate <= 0:
        raise Invalid("A pricing unit must be worth more than 0.", field="conversionRate")
    unit_minor = int(round_half_up(amount.scaleb(DECIMALS)))
    with exact():
        money = Decimal(unit_minor).scaleb(-DECIMALS) * rate
    return Converted(unit_minor, money, to_minor(money, currency))
