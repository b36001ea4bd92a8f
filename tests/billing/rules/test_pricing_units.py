"""Pricing units by hand and by property."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import Invalid
from billing.rules.money import round_half_up
from billing.rules.pricing_units import Converted, convert


@pytest.mark.parametrize(
    ("amount", "rate", "currency", "units", "minor"),
    [
        ("300", "0.5", "EUR", 30000, 15000),
        ("3", "0.25", "EUR", 300, 75),
        ("1.005", "1", "EUR", 101, 101),  # rounded to hundredths of the unit first
        ("0.004", "100", "EUR", 0, 0),
        ("12.34", "0.5", "JPY", 1234, 6),
        ("12.34", "0.5", "KWD", 1234, 6170),
    ],
)
def test_by_hand(amount: str, rate: str, currency: str, units: int, minor: int) -> None:
    found = convert(Decimal(amount), Decimal(rate), currency)
    assert (found.unit_minor, found.minor) == (units, minor)


def test_the_rest_to_a_cent_is_kept_unrounded() -> None:
    assert convert(Decimal("0.01"), Decimal("0.333"), "EUR") == Converted(1, Decimal("0.00333"), 0)


def test_a_worthless_unit_is_refused() -> None:
    with pytest.raises(Invalid, match="more than 0"):
        convert(Decimal(1), Decimal(0), "EUR")


@given(st.decimals(0, 10**9, places=4), st.decimals("0.0001", 1000, places=4))
def test_at_one_to_one_it_is_the_rounded_price(amount: Decimal, rate: Decimal) -> None:
    assert convert(amount, Decimal(1), "EUR").minor == round_half_up(amount * 100)
    found = convert(amount, rate, "EUR")
    assert abs(found.minor - found.unit_minor * rate) <= Decimal("0.5")
