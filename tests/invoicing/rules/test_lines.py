"""Lines: rounded once, and explained."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.charges.base import Usage
from billing.rules.charges.registry import price
from billing.rules.errors import Invalid
from billing.rules.money import from_minor
from billing.rules.periods import BillingTime, Period
from billing.rules.proration import Share, SubscriptionFeeFacts, subscription_fee
from billing.rules.tax import Tax
from invoicing.rules.lines import (
    LineFacts,
    LineKind,
    charge_line,
    credit_line,
    one_off_line,
    subscription_line,
    true_up_line,
)

EUR = LineFacts("Line", "EUR", taxes=(Tax("vat", Decimal(20)),))


@pytest.mark.parametrize(("currency", "minor"), [("EUR", 1235), ("JPY", 12), ("KWD", 12345)])
def test_a_charge_is_rounded_once_to_its_currency(currency: str, minor: int) -> None:
    usage = Usage(Decimal("4.938"), 7)
    line = charge_line(LineFacts("Calls", currency), price("standard", {"amount": "2.5"}, usage), usage)
    assert (line.exact, line.amount_minor, line.events_count) == (Decimal("12.3450"), minor, 7)
    assert (line.kind, line.unit_amount, line.empty) == (LineKind.CHARGE, Decimal("2.5"), False)
    assert sum(step.amount for step in line.steps) == line.exact


def test_negative_usage_is_nothing() -> None:
    usage = Usage(Decimal(-3), 2)
    line = charge_line(EUR, price("standard", {"amount": "2.5"}, usage), usage)
    assert (line.units, line.amount_minor, line.events_count, line.empty) == (0, 0, 2, False)
    idle = Usage(Decimal(0))
    assert charge_line(EUR, price("standard", {"amount": "2.5"}, idle), idle).empty


def test_prorated_usage_shows_full_units() -> None:
    usage = Usage(Decimal(5), 1, full_units=Decimal(10))
    line = charge_line(EUR, price("standard", {"amount": "3"}, usage), usage)
    assert (line.units, line.unit_amount, line.amount_minor) == (10, Decimal("1.5"), 1500)


def test_a_prorated_fee_tells_its_days() -> None:
    march = Period(datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
    started = datetime(2024, 3, 15, tzinfo=UTC)
    facts = SubscriptionFeeFacts(
        amount_minor=10000,
        pay_in_advance=False,
        billing_time=BillingTime.CALENDAR,
        window=Period(started, march.end),
        full=march,
        tz="UTC",
        started_at=started,
    )
    line = subscription_line(EUR, subscription_fee(facts), 10000)
    assert line.amount_minor == 5484
    assert [(step.label, step.units) for step in line.steps] == [("17 of 31 days", 17)]
    whole = SubscriptionFeeFacts(**{**facts.__dict__, "window": march})
    full = subscription_line(EUR, subscription_fee(whole), 10000)
    assert (full.amount_minor, full.unit_amount, full.steps) == (10000, 100, ())


@given(st.decimals("0.001", 10**6, places=3), st.decimals(0, 10**6, places=6))
def test_one_off_amount_is_units_times_price(units: Decimal, unit_amount: Decimal) -> None:
    line = one_off_line(EUR, units, unit_amount)
    assert abs(from_minor(line.amount_minor, "EUR") - units * unit_amount) <= Decimal("0.005")


def test_one_off_refuses_nonsense() -> None:
    for units, price_, field in (("0", "1", "units"), ("-1", "1", "units"), ("1", "-1", "unitAmount")):
        with pytest.raises(Invalid) as refused:
            one_off_line(EUR, Decimal(units), Decimal(price_))
        assert refused.value.field == field


def test_credits_carry_no_tax() -> None:
    line = credit_line(EUR, Decimal(1030), 103, Decimal("0.001"))
    assert (line.amount_minor, line.units, line.facts.taxes) == (103, 1030, ())


def test_true_up() -> None:
    line = true_up_line(EUR, 2000, 200, Share(15, 31))
    assert line is not None
    assert (line.kind, line.amount_minor, line.units) == (LineKind.TRUE_UP, 768, 1)
    assert true_up_line(EUR, 2000, 968, Share(15, 31)) is None
    assert true_up_line(EUR, 0, 0, Share(31, 31)) is None
