"""What a credit note may take back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import FieldErrors, Invalid
from invoicing.rules.crediting import (
    CreditableLine,
    credit_everything,
    credit_items,
    credit_total,
    left_of,
    refundable,
)


def line(id: str, amount: int, rate: str = "19", coupon: str = "0", credited: int = 0) -> CreditableLine:
    return CreditableLine(id, amount, Decimal(coupon), Decimal(rate), credited)


def test_a_part_and_then_the_rest_add_up_to_the_invoice() -> None:
    first = credit_items([line("a", 1000), line("b", 500)], {"a": 333}, 285)
    assert (first.net_minor, first.tax_minor, first.total_minor) == (333, 63, 396)
    rest = credit_everything([line("a", 1000, credited=333), line("b", 500)], 285 - 63)
    assert rest.items == {"a": 667, "b": 500}
    assert (rest.tax_minor, rest.total_minor) == (222, 1389)


def test_coupons_lower_what_can_be_credited() -> None:
    # 101 - 33.3 and 100 - 66.7: 67.7 and 33.3, whole units that sum to 101
    assert left_of([line("a", 101, coupon="33.3"), line("b", 100, coupon="66.7")]) == {"a": 68, "b": 33}


@pytest.mark.parametrize("minor", [1001, -1])
def test_more_than_is_left_names_the_line(minor: int) -> None:
    with pytest.raises(FieldErrors) as error:
        credit_items([line("a", 1000)], {"a": minor}, 190)
    assert error.value.errors[0][0] == "line-a"


def test_nothing_is_refused() -> None:
    with pytest.raises(Invalid):
        credit_items([line("a", 1000)], {"a": 0}, 190)


@pytest.mark.parametrize(
    ("total", "net", "tax"),
    [(119, 100, 19), (1190, 1000, 190), (1, 1, 0), (1189, 999, 190)],
)
def test_an_amount_with_tax_is_split(total: int, net: int, tax: int) -> None:
    credit = credit_total([line("a", 1000)], total, 190)
    assert (credit.net_minor, credit.tax_minor) == (net, tax)


def test_more_than_everything_is_refused() -> None:
    with pytest.raises(Invalid):
        credit_total([line("a", 1000)], 1191, 190)


@pytest.mark.parametrize(("total", "received", "most"), [(100, 40, 40), (100, 400, 100), (100, 0, 0)])
def test_money_goes_back_up_to_what_was_received(total: int, received: int, most: int) -> None:
    assert refundable(total, received) == most


amounts = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["0", "7", "19", "20.5"])), min_size=1, max_size=5
)


@given(amounts, st.data())
def test_two_notes_never_exceed_the_invoice(rows: list[tuple[int, str]], data: st.DataObject) -> None:
    lines = [line(str(i), amount, rate) for i, (amount, rate) in enumerate(rows)]
    tax = int(sum(Decimal(amount) * Decimal(rate) / 100 for amount, rate in rows))
    everything = sum(amount for amount, _ in rows) + tax
    if not sum(amount for amount, _ in rows):
        return
    first = credit_total(lines, data.draw(st.integers(1, everything)), tax)
    assert first.net_minor == sum(first.items.values())
    assert first.net_minor + first.tax_minor == first.total_minor <= everything
    assert 0 <= first.tax_minor <= tax
    taken = [
        CreditableLine(row.id, row.amount_minor, row.coupon, row.rate, first.items.get(row.id, 0))
        for row in lines
    ]
    if sum(left_of(taken).values()):
        rest = credit_everything(taken, tax - first.tax_minor)
        assert first.total_minor + rest.total_minor == everything
