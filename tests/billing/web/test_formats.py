"""Amounts and moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.utils import translation

from billing.web.formats import day_text, moment_text, moment_title, money_text, units_text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123456, "EUR", "€1,234.56"),
        (0, "EUR", "€0.00"),
        (-5, "USD", "\u2212$0.05"),
        (18400000, "UGX", "UGX\u00a018,400,000"),
        (98000, "JPY", "¥98,000"),
        (123456, "RSD", "RSD\u00a01,234.56"),  # CLDR would drop the minor unit
        (1234567, "KWD", "KWD\u00a01,234.567"),
        (None, "EUR", "\u2013"),
    ],
)
def test_money(minor: int | None, currency: str, text: str) -> None:
    assert money_text(minor, currency) == text


def test_money_with_the_iso_code_keeps_the_minus_at_the_number() -> None:
    assert money_text(-4900, "EUR", code=True) == "EUR\u00a0\u221249.00"
    with translation.override("de"):
        assert money_text(123456, "EUR", code=True) == "EUR\u00a01.234,56"
        assert money_text(123456, "EUR") == "1.234,56\u00a0€"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1200.50"), "1,200.5"),
        (Decimal("0.000001"), "0.000001"),
        (Decimal("1E+3"), "1,000"),
        (Decimal("-0.10"), "\u22120.1"),
        (0, "0"),
        (None, "\u2013"),
    ],
)
def test_units(value: Decimal | int | None, text: str) -> None:
    assert units_text(value) == text


def test_moments_stand_in_the_zone_asked_for() -> None:
    at = datetime(2026, 11, 21, 22, 5, 12, tzinfo=UTC)
    assert moment_text(at, "Africa/Kampala") == "22 Nov 2026, 01:05"
    assert moment_title(at, "Asia/Kolkata") == "22 Nov 2026, 03:35:12 Asia/Kolkata (UTC+05:30)"
    assert day_text(at.date()) == "21 Nov 2026"
    assert moment_text(at, "Nowhere/At_All") == "21 Nov 2026, 22:05"
