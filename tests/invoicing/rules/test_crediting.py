"""What a credit note may take back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import FieldErrors, Invalid
from invoicing.rules.crediting import (
    CreditableLine,
    credit_before_coupons,
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


def test_an_amount_before_coupons_loses_them_in_proportion() -> None:
    # A third of 300 with 30 of coupons: 100 - 10 = 90 and 19 % of it, 17.1.
    credit = credit_before_coupons([line("a", 300, coupon="30"), line("b", 500)], {"a": 100}, 146)
    assert (credit.items, credit.net_minor, credit.tax_minor) == ({"a": 90}, 90, 17)
    assert (credit.coupons, credit.tax_exact) == (Decimal(10), Decimal("17.1"))


def test_parts_of_a_cent_of_several_items_are_rounded_together() -> None:
    # 10 - 3.4 and 10 - 3.2: 13.4 is 13, not 7 + 7.
    lines = [line("a", 10, "20", "3.4"), line("b", 10, "20", "3.2"), line("c", 100, "20")]
    credit = credit_before_coupons(lines, {"a": 10, "b": 10}, 23)
    assert (credit.net_minor, credit.tax_minor, credit.total_minor) == (13, 3, 16)


def test_the_last_note_takes_the_rounding_of_those_before() -> None:
    # 2 x 6833 at 20 % are 2733.2, so 2733; the first note had 1367.
    lines = [line("a", 6833, "20", credited=6833), line("b", 6833, "20")]
    credit = credit_before_coupons(lines, {"b": 6833}, 2733 - 1367)
    assert (credit.tax_minor, credit.tax_exact) == (1366, Decimal("1366.2"))


@pytest.mark.parametrize("wanted", [{"a": 1001}, {"x": 1}, {"a": -5}])
def test_more_than_a_line_before_coupons_names_it(wanted: dict[str, int]) -> None:
    with pytest.raises(FieldErrors) as error:
        credit_before_coupons([line("a", 1000, coupon="10")], wanted, 188)
    assert error.value.errors[0][0] == f"line-{next(iter(wanted))}"


@given(
    st.lists(st.tuples(st.integers(1, 10**5), st.integers(0, 100)), min_size=1, max_size=5),
    st.sampled_from(["0", "7", "19", "20.5"]),
)
def test_everything_before_coupons_is_everything(rows: list[tuple[int, int]], rate: str) -> None:
    lines = [
        line(str(i), amount, rate, str(Decimal(amount * share) / 100))
        for i, (amount, share) in enumerate(rows)
    ]
    net = sum(left_of(lines).values())
    if not net:
        return
    tax = int(sum((row.amount_minor - row.coupon for row in lines), Decimal(0)) * Decimal(rate) / 100)
    credit = credit_before_coupons(lines, {row.id: row.amount_minor for row in lines}, tax)
    assert (credit.net_minor, credit.tax_minor) == (net, tax)
    assert credit.items == {key: minor for key, minor in left_of(lines).items() if minor}
