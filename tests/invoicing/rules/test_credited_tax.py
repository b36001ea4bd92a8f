"""The taxes of credit notes: hand-checked, and that no order of notes ever takes more than the invoice has."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.rules.tax import Tax, TaxedLine, invoice_taxes
from invoicing.rules.credited_tax import exact_tax, rounded_tax, tax_by_item, within
from invoicing.rules.crediting import (
    Credit,
    CreditableLine,
    credit_everything,
    credit_items,
    credit_tax,
    credit_total,
    left_of,
)

TWENTY, FIVE = ("a", Decimal(20)), ("b", Decimal(5))


def line(id: str, amount: int, *taxes: tuple[str, Decimal], credited: int = 0) -> CreditableLine:
    rate = sum((rate for _, rate in taxes), Decimal(0))
    return CreditableLine(id, amount, Decimal(0), rate, credited, taxes)


def test_the_example() -> None:
    taxes = exact_tax([(1000, [TWENTY]), (500, [FIVE])])
    assert taxes == {"a": Decimal(200), "b": Decimal(25)}
    assert rounded_tax(taxes, {"a": 200, "b": 25}) == {"a": 200, "b": 25}
    assert rounded_tax(taxes, {"a": 80, "b": 25})["a"] == 80


def test_parts_of_a_cent_of_two_taxes_are_rounded_together() -> None:
    # 0.6 and 0.6: 1.2, so 1, not 1 + 1
    assert rounded_tax({"a": Decimal("0.6"), "b": Decimal("0.6")}, {"a": 9, "b": 9}) == {"a": 1, "b": 0}
    assert within(10, {"a": Decimal(3), "b": Decimal(1)}, {"a": 5}) == {"a": 5, "b": 0}
    assert within(0, {}, {}) == {}


def test_items_carry_their_share_of_their_taxes() -> None:
    items = [(1000, [TWENTY]), (500, [TWENTY, FIVE]), (300, [])]
    assert tax_by_item(items, {"a": 300, "b": 25}) == [200, 125, 0]
    assert tax_by_item(items, {"a": 1, "b": 0}) == [1, 0, 0]
    assert tax_by_item([(10, []), (30, [])], {"a": 4}) == [1, 3]  # cents of a tax that is on none of them


LINES = [line("x", 1000, TWENTY), line("y", 500, TWENTY, FIVE), line("z", 300)]
LEFT = {"a": 300, "b": 25}


def test_the_tax_alone() -> None:
    credit = credit_tax(LINES, {"a": 100, "b": 25}, LEFT)
    # 100 over 1000 and 500 at the same rate: 66.67 and 33.33
    assert (credit.items, credit.item_taxes) == ({"x": 0, "y": 0}, {"x": 67, "y": 58})
    assert (credit.net_minor, credit.taxes, credit.total_minor) == (0, {"a": 100, "b": 25}, 125)


def test_the_tax_alone_stands_on_lines_that_nobody_has_credited() -> None:
    lines = [line("x", 1000, TWENTY, credited=1000), line("y", 500, TWENTY)]
    assert credit_tax(lines, {"a": 100}, {"a": 100}).item_taxes == {"y": 100}
    gone = [line("x", 1000, TWENTY, credited=1000), line("y", 500, TWENTY, credited=500)]
    assert credit_tax(gone, {"a": 3}, {"a": 3}).item_taxes == {"x": 2, "y": 1}  # cents that were left over


@pytest.mark.parametrize("wanted", [{"a": 301}, {"b": -1}, {"c": 1}, {"a": 1, "b": 26}])
def test_more_than_is_left_names_the_tax(wanted: dict[str, int]) -> None:
    with pytest.raises(FieldErrors) as error:
        credit_tax(LINES, wanted, LEFT)
    assert error.value.errors[0][0] == f"tax-{next(key for key, n in wanted.items() if n != 1 or key == 'c')}"
    with pytest.raises(Invalid):
        credit_tax(LINES, {"a": 0}, LEFT)


def test_lines_are_credited_without_the_tax_that_is_gone() -> None:
    assert credit_items(LINES, {"x": 1000, "y": 500}, {"a": 0, "b": 25}).taxes == {"a": 0, "b": 25}
    assert credit_items(LINES, {"x": 500}, {"a": 40, "b": 25}).taxes == {"a": 40}
    assert credit_everything(LINES, {"a": 0, "b": 7}).total_minor == 1807
    half = credit_total(LINES, 903, {"a": 0, "b": 7})
    assert (half.net_minor + half.tax_minor, half.tax_minor <= 7) == (903, True)


steps = st.tuples(st.sampled_from(["line", "total", "tax", "rest"]), st.integers(0, 10**6), st.integers(0, 9))
rows = st.tuples(st.integers(1, 10**5), st.sets(st.sampled_from(["20", "7", "5.5", "0.3", "0"]), max_size=3))


@given(st.lists(rows, min_size=1, max_size=5), st.lists(steps, max_size=8))
def test_no_order_of_notes_takes_more_than_the_invoice_has(
    given_rows: list[tuple[int, set[str]]], wanted: list[tuple[str, int, int]]
) -> None:
    """Whatever is asked for, in whatever order; and everything that is left, at the end, is exactly the rest."""
    taxed = [
        TaxedLine(Decimal(amount), tuple(Tax(rate, Decimal(rate)) for rate in sorted(rates)))
        for amount, rates in given_rows
    ]
    taxes = invoice_taxes(taxed)
    whole = {found.tax.code: found.minor for found in taxes.amounts}
    left, credited = dict(whole), Counter[str]()

    def lines() -> list[CreditableLine]:
        return [
            line(
                str(n), int(row.base), *[(tax.code, tax.rate) for tax in row.taxes], credited=credited[str(n)]
            )
            for n, row in enumerate(taxed)
        ]

    def take(credit: Credit) -> None:
        assert credit.total_minor > 0
        for key, minor in credit.items.items():
            assert 0 <= minor <= left_of(lines())[key]
        for key, minor in credit.taxes.items():
            assert 0 <= minor <= left[key]
            left[key] -= minor
        if credit.item_taxes:
            assert sum(credit.item_taxes.values()) == credit.tax_minor
        credited.update(credit.items)

    notes = 0
    for kind, minor, place in wanted:
        keys = sorted(whole)
        try:
            if kind == "line":
                take(credit_items(lines(), {str(place % len(taxed)): minor}, left))
            elif kind == "total":
                take(credit_total(lines(), minor, left))
            elif kind == "tax" and keys:
                take(credit_tax(lines(), {keys[place % len(keys)]: minor}, left))
            elif kind == "rest" and sum(left_of(lines()).values()):
                take(credit_everything(lines(), left))
            notes += 1
        except BillingError:
            continue
    if sum(left_of(lines()).values()):
        take(credit_everything(lines(), left))
        assert not any(left.values())
    assert sum(credited.values()) == sum(amount for amount, _ in given_rows)
    assert all(minor >= 0 for minor in left.values())
