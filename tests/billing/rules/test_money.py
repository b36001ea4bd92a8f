"""Money: rounding by hand, conversion and splitting by property."""

from decimal import Decimal

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import Invalid
from billing.rules.money import (
    EXPONENTS,
    Money,
    allocate,
    allocate_minor,
    exact,
    exponent,
    from_minor,
    is_currency,
    round_half_up,
    settled,
    to_minor,
)

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CLF"])


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.345", "EUR", 1235),
        ("-12.345", "EUR", -1235),
        ("12.3449999999", "EUR", 1234),
        ("0.5", "JPY", 1),
        ("-0.5", "JPY", -1),
        ("1.2345", "KWD", 1235),
        ("0.005", "EUR", 1),
        ("2.675", "EUR", 268),
        ("99999999999999999999.995", "EUR", 10**22),
    ],
)
def test_to_minor(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("value", "places", "rounded"),
    [
        ("0.125", 2, "0.13"),
        ("-0.125", 2, "-0.13"),
        ("1250", -2, "1300"),
        ("2.5", 0, "3"),
        ("12.3", 2, "12.30"),
    ],
)
def test_round_half_up(value: str, places: int, rounded: str) -> None:
    assert str(round_half_up(Decimal(value), places)) == rounded


@given(st.integers(-(10**18), 10**18), CURRENCIES)
def test_minor_and_back(minor: int, currency: str) -> None:
    major = from_minor(minor, currency)
    assert to_minor(major, currency) == minor
    assert -int(major.as_tuple().exponent) == exponent(currency)


def test_table_agrees_with_the_standard() -> None:
    official = {c.code: c.exponent for c in iso4217.Currency if c.exponent is not None}
    assert official == EXPONENTS
    assert is_currency("EUR")
    assert not is_currency("eur")
    with pytest.raises(Invalid) as refused:
        exponent("XYZ")
    assert refused.value.field == "currency"


def test_arithmetic_keeps_to_one_currency() -> None:
    a, b = Money(1000, "EUR"), Money(250, "EUR")
    assert (a + b, a - b, -a) == (Money(1250, "EUR"), Money(750, "EUR"), Money(-1000, "EUR"))
    assert b < a
    assert a >= a
    assert Money.of(Decimal("12.345"), "EUR") == Money(1235, "EUR")
    assert a.major == Decimal("10.00")
    for mixed in (lambda: a + Money(1, "USD"), lambda: a < Money(1, "USD")):
        with pytest.raises(Invalid) as refused:
            mixed()
        assert refused.value.code == "currency_mismatch"


def test_allocate_by_hand() -> None:
    assert [part.minor for part in allocate(Money(1000, "EUR"), [1, 1, 1])] == [334, 333, 333]
    assert allocate_minor(-10, [1, 1, 1]) == [-4, -3, -3]
    assert allocate_minor(5, [0, 0]) == [3, 2]
    assert allocate_minor(3, [Decimal("0.4")] * 8) == [1, 1, 1, 0, 0, 0, 0, 0]
    assert allocate_minor(0, []) == []
    with pytest.raises(Invalid):
        allocate_minor(1, [])
    with pytest.raises(Invalid):
        allocate_minor(1, [2, -1])


@given(
    st.integers(-(10**15), 10**15),
    st.lists(st.decimals(0, 10**9, places=5), min_size=1, max_size=20),
)
def test_allocate_loses_nothing(total: int, weights: list[Decimal]) -> None:
    parts = allocate_minor(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * whole - total * weight) <= whole  # within one unit of the exact share


def test_dust_of_divisions_is_dropped() -> None:
    with exact():
        whole = Decimal(1) / 3 * 3
    assert whole != 1
    assert settled(whole) == 1
    assert settled(Decimal("123.456")) == Decimal("123.456")
