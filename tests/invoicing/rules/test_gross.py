"""Prices with tax: hand-checked, and the sums for any invoice."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.tax import REVERSE_CHARGE, Tax, TaxedLine, applicable_taxes, invoice_taxes, reverse_charged
from invoicing.rules.gross import Gross, gross, gross_items, with_tax

NINETEEN = Decimal(19)


def test_the_example() -> None:
    found = gross([(1000, NINETEEN), (500, NINETEEN)], [150], 257)
    assert found == Gross((1190, 595), (178,), 1785)
    assert 1785 - 178 == 1000 + 500 - 150 + 257


def test_lines_too_small_for_a_cent_of_tax_each_carry_it_together() -> None:
    found = gross([(1, Decimal(40))] * 8, [], 3)
    assert found.lines_minor == 11 and sorted(found.lines) == [1] * 5 + [2] * 3


def test_nothing_and_no_tax() -> None:
    assert gross([], [], 0) == Gross((), (), 0)
    assert gross([(700, Decimal(0))], [100], 0) == Gross((700,), (100,), 700)
    assert with_tax(Decimal("0.10"), NINETEEN) == Decimal("0.119")


def test_items_of_a_credit_note() -> None:
    # 63.27 and 0.95 of tax: 64.22, so 64; the second has the larger part of a cent.
    assert gross_items([(333, NINETEEN), (5, NINETEEN)], 64) == (396, 6)
    assert gross_items([(1000, NINETEEN), (500, Decimal(0))], 190) == (1190, 500)
    assert gross_items([(700, Decimal(0))], 0) == (700,) and gross_items([], 0) == ()


amounts = st.tuples(st.integers(0, 10**7), st.sampled_from(["0", "5.5", "7", "19", "20", "33.3333"]))


@given(st.lists(amounts, min_size=1, max_size=12), st.lists(st.integers(1, 10**6), max_size=3))
def test_lines_less_coupons_are_the_total_with_tax(rows: list[tuple[int, str]], wanted: list[int]) -> None:
    lines = [(amount, Decimal(rate)) for amount, rate in rows]
    whole = sum(amount for amount, _ in lines)
    coupons = [minor for minor in wanted if sum(wanted) <= whole]
    share = Decimal(sum(coupons)) / whole if whole else Decimal(0)
    taxed = [TaxedLine(amount * (1 - share), (Tax("t", rate),)) for amount, rate in lines]
    taxes = invoice_taxes(taxed).total_minor
    found = gross(lines, coupons, taxes)
    assert sum(found.lines) == found.lines_minor
    assert found.lines_minor - sum(found.coupons) == whole - sum(coupons) + taxes
    assert all(shown >= amount for shown, (amount, _) in zip(found.lines, lines, strict=True))
    assert all(shown >= net for shown, net in zip(found.coupons, coupons, strict=True))


@given(st.lists(amounts, min_size=1, max_size=12), st.integers(0, 10**7))
def test_items_add_up_to_the_credit_note(rows: list[tuple[int, str]], tax: int) -> None:
    items = [(amount, Decimal(rate)) for amount, rate in rows]
    found = gross_items(items, tax)
    assert sum(found) == sum(amount for amount, _ in items) + tax
    assert all(shown >= amount for shown, (amount, _) in zip(found, items, strict=True))


@pytest.mark.parametrize(
    ("seller", "buyer", "number", "kind", "status", "applies"),
    [
        ("DE", "FR", "FR", "business", "valid", True),
        ("DE", "FR", "FR", "business", "manual", True),
        ("DE", "FR", "", "business", "manual", True),
        ("DE", "GR", "GR", "business", "valid", True),
        ("DE", "FR", "DE", "business", "valid", False),  # registered where the seller is
        ("DE", "DE", "DE", "business", "valid", False),
        ("DE", "FR", "FR", "business", "pending", False),
        ("DE", "FR", "FR", "business", "invalid", False),
        ("DE", "FR", "FR", "business", "unvalidated", False),
        ("DE", "FR", "FR", "consumer", "valid", False),
        ("DE", "FR", "FR", "unknown", "valid", False),
        ("DE", "GB", "", "business", "valid", False),
        ("UG", "FR", "FR", "business", "valid", False),
        ("", "FR", "FR", "business", "valid", False),
        ("DE", "", "FR", "business", "valid", False),
    ],
)
def test_reverse_charge(seller: str, buyer: str, number: str, kind: str, status: str, applies: bool) -> None:
    found = reverse_charged(
        seller_country=seller, buyer_country=buyer, number_country=number, kind=kind, vat_status=status
    )
    assert found is applies


def test_levels_of_taxes() -> None:
    charge, plan, customer, entity, usual = ([Tax(str(n), Decimal(n))] for n in range(1, 6))
    levels = [charge, plan, customer, entity, usual]
    for n in range(5):
        assert applicable_taxes(*[[]] * n, *levels[n:]) == tuple(levels[n])
    assert REVERSE_CHARGE.rate == 0
