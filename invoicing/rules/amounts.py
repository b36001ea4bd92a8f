"""Amounts as people and other systems type them."""

from decimal import Decimal

from billing.rules.errors import Invalid
from billing.rules.money import exponent

MOST = Decimal(10) ** 12


def minor_of(amount: Decimal, currency: str, field: str | None = None) -> int:
    """Major units to minor units; Invalid when the currency has fewer decimals than the amount."""
    if not amount.is_finite() or abs(amount) >= MOST:
        raise Invalid("This is no amount of money.", field=field)
    if -int(amount.normalize().as_tuple().exponent) > exponent(currency):
        raise Invalid(f"{currency} amounts have {exponent(currency)} decimals.", field=field)
    return int(amount.scaleb(exponent(currency)))
