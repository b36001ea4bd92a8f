"""Amounts with tax of single lines: hand-checked, and that a note is over exactly what was typed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import FieldErrors, Invalid
from billing.rules.tax import Tax, TaxedLine, invoice_taxes
from invoicing.rules.credited_gross import credit_gross, gross_left
from invoicing.rules.crediting import CreditableLine, left_of

VAT, LEVY = ("vat", Decimal(19)), ("levy", Decimal(5))


def line(id: str, amount: int, *taxes: tuple[str, Decimal], credited: int = 0) -> CreditableLine:
    return CreditableLine(
        id, amount, Decimal(0), sum((rate for _, rate in taxes), Decimal(0)), credited, taxes
    )


def test_the_example() -> None:
    lines = [line("x", 1000, VAT), line("y", 500, VAT)]
    assert gross_left(lines, {"vat": 285}) == {"x": 1190, "y": 595}
    first = credit_gross(lines, {"x": 400}, {"vat": 285})
    assert (first.items, first.taxes, first.total_minor) == ({"x": 336}, {"vat": 64}, 400)
    lines = [line("x", 1000, VAT, credited=336), line("y", 500, VAT)]
    assert gross_left(lines, {"vat": 221}) == {"x": 790, "y": 595}
    rest = credit_gross(lines, {"x": 790, "y": 595}, {"vat": 221})
    assert (rest.items, rest.item_taxes) == ({"x": 664, "y": 500}, {"x": 126, "y": 95})


def test_several_rates_stay_with_their_lines() -> None:
    lines = [line("x", 1000, VAT, LEVY), line("y", 500, LEVY), line("z", 300)]
    left = {"vat": 190, "levy": 75}
    assert gross_left(lines, left) == {"x": 1240, "y": 525, "z": 300}
    # 620 is half of the first: 500, 95, 25
    credit = credit_gross(lines, {"x": 620, "y": 105, "z": 300}, left)
    assert credit.items == {"x": 500, "y": 100, "z": 300}
    assert (credit.taxes, credit.total_minor) == ({"vat": 95, "levy": 30}, 1025)


def test_lines_without_the_tax_that_is_gone() -> None:
    lines = [line("x", 1000, VAT), line("y", 500, LEVY)]
    assert gross_left(lines, {"vat": 0, "levy": 25}) == {"x": 1000, "y": 525}
    assert credit_gross(lines, {"x": 400}, {"vat": 0, "levy": 25}).taxes == {}


@pytest.mark.parametrize("wanted", [{"x": 1191}, {"x": -1}, {"unknown": 1}])
def test_more_than_is_left_names_the_line(wanted: dict[str, int]) -> None:
    with pytest.raises(FieldErrors) as refused:
        credit_gross([line("x", 1000, VAT)], wanted, {"vat": 190})
    assert refused.value.errors[0][0] == f"line-{next(iter(wanted))}"
    with pytest.raises(Invalid):
        credit_gross([line("x", 1000, VAT)], {"x": 0}, {"vat": 190})


rows = st.tuples(
    st.integers(1, 10**5), st.sets(st.sampled_from(["150", "20", "7", "5.5", "0.3"]), max_size=3)
)


@given(
    st.lists(rows, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9999)), max_size=8),
)
def test_notes_are_over_what_was_typed_and_take_all_in_the_end(
    given_rows: list[tuple[int, set[str]]], wanted: list[tuple[int, int]]
) -> None:
    taxed = [
        TaxedLine(Decimal(amount), tuple(Tax(rate, Decimal(rate)) for rate in sorted(rates)))
        for amount, rates in given_rows
    ]
    found = invoice_taxes(taxed)
    left = {amount.tax.code: amount.minor for amount in found.amounts}
    credited = Counter[str]()

    def take(lines: list[CreditableLine], typed: dict[str, int]) -> None:
        credit = credit_gross(lines, typed, left)
        assert credit.total_minor == sum(typed.values())
        for key, minor in credit.items.items():
            assert 0 < minor <= left_of(lines)[key]
            assert minor + credit.item_taxes[key] == typed[key]
        for key, minor in credit.taxes.items():
            assert 0 <= minor <= left[key]
            left[key] -= minor
        assert sum(credit.item_taxes.values()) == credit.tax_minor
        credited.update(credit.items)

    for place, minor in [*wanted, (-1, 0)]:
        lines = [
            line(
                str(n), int(row.base), *[(tax.code, tax.rate) for tax in row.taxes], credited=credited[str(n)]
            )
            for n, row in enumerate(taxed)
        ]
        open_lines = [key for key, rest in left_of(lines).items() if rest]
        most = gross_left(lines, left)
        if place < 0:
            rest = {key: most[key] for key in open_lines}
            if rest:
                take(lines, rest)
                assert not any(left.values())
        elif open_lines:
            key = open_lines[place % len(open_lines)]
            take(lines, {key: min(minor, most[key])})
    assert sum(credited.values()) == sum(amount for amount, _ in given_rows)
