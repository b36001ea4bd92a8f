"""Amounts that people and programs send: major units of a currency, read exactly or refused.

Laws. An amount has no more decimals than its currency's minor unit: 12.5 is fine in EUR, 12.5 JPY and
12.3456 KWD are refused rather than rounded, because nobody meant the rounded price. Text is digits with at
most one point; thousands separators are refused, because "1,500" is fifteen hundred to one reader and one and
a half to another. Amounts are not negative and below a million million of the major unit.

Example: `read_amount("12.345", "KWD")` -> 12345, `read_amount("12.345", "EUR")` raises Invalid.
"""

import re
from decimal import Decimal

from billing.rules.errors import Invalid
from billing.rules.money import exact, exponent

MOST = Decimal(10) ** 12
_TEXT = re.compile(r"-?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})", re.ASCII)
_HOW = {0: "no decimals", 1: "one decimal", 2: "two decimals", 3: "three decimals", 4: "four decimals"}


def example(currency: str) -> str:
    """How an amount of this currency is written: "1200.50" EUR, "1200" JPY, "1200.500" KWD."""
    places = exponent(currency)
    return "1200." + "5".ljust(places, "0") if places else "1200"


def exact_minor(amount: Decimal, currency: str, *, field: str = "amount") -> int:
    """Major to minor units without rounding. Raises Invalid (naming `field`) when that is not possible."""
    places = exponent(currency)
    if amount < 0:
        raise Invalid("Must not be negative.", field=field)
    if amount >= MOST:
        raise Invalid("This amount is too large.", field=field)
    with exact():
        minor = amount.scaleb(places)
        if minor != minor.to_integral_value():
            raise Invalid(f"{currency} has {_HOW[places]}, like {example(currency)}.", field=field)
        return int(minor)


def read_amount(text: str, currency: str, *, field: str = "amount") -> int:
    """A person's text to minor units. Raises Invalid (naming `field`) when it is no such amount."""
    plain = text.strip()
    if not _TEXT.fullmatch(plain):
        raise Invalid(f"Use digits and a point for decimals, like {example(currency)}.", field=field)
    return exact_minor(Decimal(plain), currency, field=field)
