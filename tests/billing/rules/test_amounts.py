"""Reading amounts: exact or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.amounts import exact_minor, read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.34", "EUR", 1234),
        (" 12 ", "EUR", 1200),
        ("12.50", "EUR", 1250),
        ("1200", "JPY", 1200),
        ("1200.0", "JPY", 1200),
        ("12.345", "KWD", 12345),
        (".5", "USD", 50),
        ("5.", "USD", 500),
        ("0", "UGX", 0),
    ],
)
def test_what_is_read(text: str, currency: str, minor: int) -> None:
    assert read_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "word"),
    [
        ("12.345", "EUR", "two decimals"),
        ("12.5", "JPY", "no decimals"),
        ("12.3456", "KWD", "three decimals"),
        ("-1", "EUR", "negative"),
        ("1,500", "EUR", "point"),
        ("1e3", "EUR", "point"),
        ("NaN", "EUR", "point"),
        ("١٢", "EUR", "point"),
        ("", "EUR", "point"),
        ("1000000000000", "EUR", "large"),
    ],
)
def test_what_is_refused(text: str, currency: str, word: str) -> None:
    with pytest.raises(Invalid, match=word) as caught:
        read_amount(text, currency, field="price")
    assert caught.value.field == "price"


@given(st.integers(0, 10**12 - 1), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_every_amount_that_is_shown_can_be_read_back(minor: int, currency: str) -> None:
    assert exact_minor(from_minor(minor, currency), currency) == minor
    assert read_amount(f"{from_minor(minor, currency):f}", currency) == minor
    assert from_minor(minor, currency) == Decimal(str(from_minor(minor, currency)))
