"""Totals: the order of things by hand, and that documents add up whatever is on them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.coupons import Coupon, CouponKind, Frequency
from billing.rules.errors import Invalid
from billing.rules.money import from_minor
from billing.rules.tax import Tax
from billing.rules.wallets import WalletFacts
from invoicing.rules.lines import Line, LineFacts, one_off_line
from invoicing.rules.totals import CreditNoteFacts, compute_totals

TEN, TWENTY = Tax("ten", Decimal(10)), Tax("twenty", Decimal(20))


def line(minor: int, currency: str = "EUR", **facts: Any) -> Line:
    return one_off_line(LineFacts("Line", currency, **facts), Decimal(1), from_minor(minor, currency))


def test_by_hand() -> None:
    lines = [line(151, taxes=(TEN, TWENTY)), line(379, taxes=(TEN, TWENTY), plan_id="p")]
    coupon = Coupon("c", CouponKind.FIXED, Frequency.ONCE, 100, "EUR", plan_ids=frozenset({"p"}))
    totals = compute_totals(
        lines, [coupon], [WalletFacts("w", 300)], [CreditNoteFacts("n", 59)], currency="EUR"
    )
    assert (totals.lines_minor, totals.coupons_minor, totals.sub_total_minor) == (530, 100, 430)
    assert (totals.tax_minor, totals.total_with_tax_minor) == (129, 559)
    assert (totals.credit_notes, totals.wallets, totals.total_minor) == ((("n", 59),), (("w", 300),), 200)
    assert [row.base for row in totals.lines] == [151, 279]
    assert [row.tax_minor for row in totals.lines] == [45, 84]


def test_credit_notes_come_before_wallets_and_oldest_first() -> None:
    notes = [CreditNoteFacts("old", 70), CreditNoteFacts("new", 70)]
    totals = compute_totals([line(100)], wallets=[WalletFacts("w", 500)], credit_notes=notes, currency="EUR")
    assert totals.credit_notes == (("old", 70), ("new", 30))
    assert (totals.wallets, totals.total_minor) == ((), 0)


def test_a_wallet_for_usage_leaves_the_subscription() -> None:
    lines = [line(1000, taxes=(TWENTY,)), line(500, taxes=(TWENTY,), metric_id="calls")]
    wallet = WalletFacts("w", 9999, metric_ids=frozenset({"calls"}))
    totals = compute_totals(lines, wallets=[wallet], currency="EUR")
    assert (totals.wallets, totals.total_minor) == ((("w", 600),), 1200)


def test_an_empty_invoice() -> None:
    totals = compute_totals([], [Coupon("c", CouponKind.PERCENTAGE, Frequency.ONCE)], currency="EUR")
    assert (totals.total_minor, totals.coupons, totals.taxes.amounts) == (0, (), ())


def test_foreign_and_negative_lines_are_refused() -> None:
    with pytest.raises(Invalid, match="USD"):
        compute_totals([line(1, "USD")], currency="EUR")
    negative = Line(line(1).kind, line(1).facts, Decimal(1), Decimal(-1), Decimal(-1), -100)
    with pytest.raises(Invalid, match="negative"):
        compute_totals([negative], currency="EUR")


@st.composite
def invoices(draw: st.DrawFn) -> dict[str, Any]:
    currency = draw(st.sampled_from(["EUR", "JPY", "KWD"]))
    rates = st.sampled_from(["0", "5.5", "7.775", "19", "20", "40"])
    taxes = draw(st.lists(rates, max_size=3, unique=True))
    facts = st.builds(
        LineFacts,
        description=st.just("Line"),
        currency=st.just(currency),
        taxes=st.lists(st.sampled_from(taxes or ["0"]), max_size=3, unique=True).map(
            lambda codes: tuple(Tax(code, Decimal(code)) for code in codes)
        ),
        plan_id=st.sampled_from([None, "p"]),
        metric_id=st.sampled_from([None, "m"]),
    )
    units = st.decimals("0.001", 999, places=3)
    prices = st.decimals(0, 99, places=4)
    coupons = st.builds(
        Coupon,
        id=st.uuids().map(str),
        kind=st.sampled_from(CouponKind),
        frequency=st.sampled_from(Frequency),
        amount_minor=st.integers(0, 20_000),
        currency=st.sampled_from([currency, "USD"]),
        rate=st.sampled_from(["0", "10", "33.33333", "100"]).map(Decimal),
        plan_ids=st.sampled_from([frozenset(), frozenset({"p"})]),
        metric_ids=st.sampled_from([frozenset(), frozenset({"m"})]),
    )
    wallets = st.builds(
        WalletFacts,
        id=st.uuids().map(str),
        balance_minor=st.integers(0, 30_000),
        priority=st.integers(1, 50),
        fee_types=st.sampled_from([frozenset(), frozenset({"one_off"})]),
        metric_ids=st.sampled_from([frozenset(), frozenset({"m"})]),
    )
    notes = st.builds(CreditNoteFacts, st.uuids().map(str), st.integers(0, 5_000))
    return {
        "lines": draw(st.lists(st.builds(one_off_line, facts, units, prices), max_size=6)),
        "coupons": draw(st.lists(coupons, max_size=3)),
        "wallets": draw(st.lists(wallets, max_size=3)),
        "credit_notes": draw(st.lists(notes, max_size=3)),
        "currency": currency,
    }


@given(invoices())
def test_documents_add_up(invoice: dict[str, Any]) -> None:
    totals = compute_totals(**invoice)
    lines_minor = sum(line.amount_minor for line in invoice["lines"])
    credits = totals.credit_notes_minor + totals.wallets_minor
    assert lines_minor - totals.coupons_minor + totals.tax_minor - credits == totals.total_minor
    for figure in (totals.sub_total_minor, totals.tax_minor, totals.total_minor, credits):
        assert figure >= 0
    # Every column of the paper sums to its foot.
    assert sum(row.amount_minor for row in totals.lines) == totals.lines_minor
    assert sum(row.coupons for row in totals.lines) == totals.coupons_minor
    assert sum(row.base for row in totals.lines) == totals.sub_total_minor
    assert sum(row.tax_minor for row in totals.lines) == totals.tax_minor
    assert sum(row.minor for row in totals.taxes.amounts) == totals.tax_minor
    assert all(row.base >= 0 for row in totals.lines)
    # Nobody gives more than they have.
    balances = {note.id: note.balance_minor for note in invoice["credit_notes"]}
    balances |= {wallet.id: wallet.balance_minor for wallet in invoice["wallets"]}
    for source, minor in (*totals.credit_notes, *totals.wallets):
        assert 0 < minor <= balances[source]


@given(invoices())
def test_the_same_input_gives_the_same_document(invoice: dict[str, Any]) -> None:
    assert compute_totals(**invoice) == compute_totals(**invoice)
