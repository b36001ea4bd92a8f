"""Taxes: which apply, and that every column of a document adds up."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billing.rules.money import exact, round_half_up
from billing.rules.tax import Tax, TaxedLine, applicable_taxes, invoice_taxes, line_tax

TEN, TWENTY = Tax("ten", Decimal(10)), Tax("twenty", Decimal(20))
TAXES = st.lists(
    st.sampled_from([TEN, TWENTY, Tax("odd", Decimal("7.775")), Tax("none", Decimal(0))]),
    unique=True,
    max_size=3,
).map(tuple)
LINES = st.lists(st.builds(TaxedLine, st.decimals(0, 10**7, places=5), TAXES), max_size=12)


def test_the_first_level_that_names_a_tax_wins() -> None:
    assert applicable_taxes([], [TEN], [TWENTY]) == (TEN,)
    assert applicable_taxes([TWENTY], [TEN], []) == (TWENTY,)
    assert applicable_taxes([], []) == ()


def test_by_hand() -> None:
    assert line_tax(Decimal(1000), [TEN, Tax("twelve", Decimal(12))]) == 220
    both = invoice_taxes([TaxedLine(Decimal(151), (TEN, TWENTY)), TaxedLine(Decimal(279), (TEN, TWENTY))])
    assert [row.minor for row in both.amounts] == [43, 86]
    assert (both.line_minor, both.total_minor, both.rate) == ((45, 84), 129, 30)


def test_small_lines_are_rounded_together() -> None:
    forty = Tax("forty", Decimal(40))
    taxes = invoice_taxes([TaxedLine(Decimal(1), (forty,))] * 8)
    assert (taxes.total_minor, sum(taxes.line_minor), taxes.amounts[0].minor) == (3, 3, 3)


def test_mean_rate() -> None:
    mixed = invoice_taxes([TaxedLine(Decimal(100), (TEN,)), TaxedLine(Decimal(200), ())])
    assert mixed.rate == Decimal("3.33333")
    nothing = invoice_taxes([TaxedLine(Decimal(0), (TEN,)), TaxedLine(Decimal(0), (TEN, TWENTY))])
    assert (nothing.rate, nothing.total_minor) == (20, 0)
    assert invoice_taxes([]).total_minor == 0


@given(LINES)
def test_columns_add_up(lines: list[TaxedLine]) -> None:
    taxes = invoice_taxes(lines)
    with exact():
        true_total = sum((line.exact for line in lines), Decimal(0))
    assert taxes.total_minor == round_half_up(true_total)
    assert sum(row.minor for row in taxes.amounts) == taxes.total_minor
    assert sum(taxes.line_minor) == taxes.total_minor
    for minor, line in zip(taxes.line_minor, lines, strict=True):
        assert minor >= 0
        assert abs(minor - line.exact) < Decimal("1.5")
