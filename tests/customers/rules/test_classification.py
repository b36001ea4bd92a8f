"""What type and mode decide, by hand-checked tables."""

from __future__ import annotations

from datetime import date

import pytest

from customers.rules.classification import TypeEffects, available, needs_review, review_from, type_effects


@pytest.mark.parametrize(
    ("kind", "own", "consumer_term", "expected"),
    [
        ("business", None, 7, TypeEffects(30, False, True, False)),
        ("unknown", None, 7, TypeEffects(30, False, False, False)),
        ("consumer", None, 7, TypeEffects(7, True, False, True)),
        ("consumer", None, None, TypeEffects(30, True, False, True)),
        ("consumer", 0, 7, TypeEffects(0, True, False, True)),
        ("business", 14, 7, TypeEffects(14, False, True, False)),
    ],
)
def test_effects(kind: str, own: int | None, consumer_term: int | None, expected: TypeEffects) -> None:
    assert type_effects(kind, own_term=own, term=30, consumer_term=consumer_term) == expected


@pytest.mark.parametrize(
    ("old", "new", "country", "expected"),
    [
        ("unknown", "business", "DE", True),
        ("unknown", "business", "GR", True),
        ("unknown", "business", "UG", False),
        ("unknown", "business", "GB", False),
        ("unknown", "business", "", False),
        ("consumer", "business", "DE", False),
        ("unknown", "consumer", "DE", False),
        ("business", "unknown", "DE", False),
    ],
)
def test_which_flips_put_invoices_in_question(old: str, new: str, country: str, expected: bool) -> None:
    assert needs_review(old, new, country) is expected


def test_twelve_months_back() -> None:
    assert review_from(date(2026, 3, 15)) == date(2025, 3, 15)
    assert review_from(date(2024, 2, 29)) == date(2023, 2, 28)


@pytest.mark.parametrize(
    ("mode", "balance", "limit", "expected"),
    [
        ("prepaid", 5000, 2000, 5000),
        ("postpaid", 5000, 2000, 7000),
        ("prepaid", -2000, 5000, 0),
        ("postpaid", -2000, 5000, 3000),
        ("postpaid", -5000, 5000, 0),
    ],
)
def test_available(mode: str, balance: int, limit: int, expected: int) -> None:
    assert available(mode, balance, limit) == expected
