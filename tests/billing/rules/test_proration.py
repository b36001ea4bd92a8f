"""Proration and subscription fees by hand, beyond the published cases."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.periods import BillingTime, Period
from billing.rules.proration import Share, SubscriptionFeeFacts, prorate, share, subscription_fee, trial_end


def day(month: int, number: int, hour: int = 0) -> datetime:
    return datetime(2024, month, number, hour, tzinfo=UTC)


MARCH = Period(day(3, 1), day(4, 1))
FACTS = SubscriptionFeeFacts(
    amount_minor=3100,
    pay_in_advance=False,
    billing_time=BillingTime.CALENDAR,
    window=MARCH,
    full=MARCH,
    tz="UTC",
    started_at=day(1, 10),
)


def test_prorate_is_exact() -> None:
    assert prorate(Decimal(999), 15, 30) == Decimal("499.5")
    assert prorate(Decimal("0.1"), 30, 30) == Decimal("0.1")
    assert share(Period(day(3, 15), day(4, 1)), MARCH, "UTC") == Share(17, 31)
    assert Share(17, 31).take(Decimal(3100)) == 1700


@given(st.integers(0, 10**9), st.integers(0, 366), st.integers(0, 366))
def test_parts_of_a_period_add_up(amount: int, a: int, b: int) -> None:
    whole = a + b
    if not whole:
        return
    parts = prorate(Decimal(amount), a, whole) + prorate(Decimal(amount), b, whole)
    assert abs(parts - amount) < Decimal("1e-15")


@pytest.mark.parametrize(
    ("change", "days"),
    [
        ({}, 31),
        ({"window": Period(day(3, 15), day(4, 1)), "started_at": day(3, 15)}, 17),
        # ended in arrears: the last day is paid, unless an upgrade pays it on the new plan
        ({"window": Period(day(3, 1), day(3, 18, 12)), "terminated": True}, 18),
        (
            {
                "window": Period(day(3, 1), day(3, 18, 12)),
                "terminated": True,
                "upgraded": True,
                "has_next": True,
            },
            17,
        ),
        (
            {
                "window": Period(day(3, 1), day(3, 1, 5)),
                "terminated": True,
                "upgraded": True,
                "has_next": True,
            },
            0,
        ),
        # in advance from the anniversary, or for a start in the past: in full
        (
            {
                "window": Period(day(3, 15), day(4, 1)),
                "pay_in_advance": True,
                "billing_time": BillingTime.ANNIVERSARY,
            },
            31,
        ),
        ({"window": Period(day(3, 15), day(4, 1)), "pay_in_advance": True, "created_at": day(3, 20)}, 31),
        ({"window": Period(day(3, 15), day(4, 1)), "pay_in_advance": True, "created_at": day(1, 10)}, 17),
        # the first fee after an upgrade counts its days even when billed in advance before
        (
            {
                "window": Period(day(3, 15), day(4, 1)),
                "pay_in_advance": True,
                "billing_time": BillingTime.ANNIVERSARY,
                "has_previous": True,
                "after_upgrade": True,
            },
            17,
        ),
        ({"trial_ends_at": day(3, 11), "already_billed": True}, 21),
        ({"trial_ends_at": day(4, 1)}, 0),
        ({"trial_ends_at": day(2, 1)}, 31),
    ],
)
def test_days_of_a_fee(change: dict[str, object], days: int) -> None:
    fee = subscription_fee(replace(FACTS, **change))  # type: ignore[arg-type]
    assert (fee.days, fee.whole_days, fee.amount_minor) == (days, 31, days * 100)
    assert fee.full == (days == 31)


def test_trial_of_a_day_and_a_half() -> None:
    assert trial_end(day(3, 1), Decimal("1.5")) == day(3, 2, 12)
