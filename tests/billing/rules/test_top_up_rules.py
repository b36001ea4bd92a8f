"""Top-up rules by hand and by property."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.periods import Interval, local_date
from billing.rules.top_up_rules import (
    Limits,
    Method,
    TopUp,
    TopUpRule,
    Trigger,
    due_on,
    limits_of,
    next_due,
    starts,
    top_up,
    upcoming,
)

FIXED = TopUpRule(
    Trigger.THRESHOLD, Method.FIXED, threshold=Decimal(10), paid=Decimal(50), granted=Decimal(10)
)
TARGET = TopUpRule(Trigger.INTERVAL, Method.TARGET, target=Decimal(200))
LIMITS = Limits(least=Decimal(50), most=Decimal(100))
CREDITS = st.decimals(-1000, 1000, places=2)


@pytest.mark.parametrize(
    ("rule", "ongoing", "pending", "limits", "paid", "granted"),
    [
        (FIXED, "4", "0", None, "50", "10"),
        (FIXED, "-50", "0", None, "100", "10"),  # a gap of exactly one purchase buys two
        (FIXED, "-49.99", "0", None, "50", "10"),
        (FIXED, "-50", "1", None, "50", "10"),
        (FIXED, "-429.8", "0", None, "450", "10"),
        (FIXED, "-429.8", "0", LIMITS, "100", "10"),
        (replace(FIXED, ignore_limits=True), "-429.8", "0", LIMITS, "450", "10"),
        (replace(FIXED, trigger=Trigger.INTERVAL), "-429.8", "0", LIMITS, "50", "10"),
        (replace(FIXED, paid=Decimal(0)), "-429.8", "0", None, "0", "10"),
        (TARGET, "200", "0", LIMITS, "0", "0"),
        (TARGET, "199", "0", LIMITS, "50", "0"),
        (TARGET, "199", "0", None, "1", "0"),
        (replace(TARGET, ignore_limits=True), "199", "0", LIMITS, "1", "0"),
        (TARGET, "-50", "0", LIMITS, "250", "0"),
        (replace(TARGET, grants_target=True), "199", "0", LIMITS, "0", "1"),
    ],
)
def test_by_hand(
    rule: TopUpRule, ongoing: str, pending: str, limits: Limits | None, paid: str, granted: str
) -> None:
    found = top_up(rule, Decimal(ongoing), Decimal(pending), limits)
    assert found == TopUp(Decimal(paid), Decimal(granted))


def test_a_threshold_starts_at_it_and_waits_for_what_is_on_its_way() -> None:
    assert starts(FIXED, Decimal(10))
    assert not starts(FIXED, Decimal("10.01"))
    assert not starts(FIXED, Decimal(4), Decimal(50))
    assert not starts(replace(FIXED, trigger=Trigger.INTERVAL), Decimal(0))


def test_limits_in_money() -> None:
    assert limits_of(Decimal("0.5"), "EUR", least_minor=2500, most_minor=10000) == Limits(
        Decimal(50), Decimal(200)
    )
    assert limits_of(Decimal(1), "EUR") == Limits()


@given(CREDITS, st.decimals("0.01", 100, places=2), st.decimals(0, 50, places=2), CREDITS)
def test_a_fixed_rule_lands_above_its_threshold(
    threshold: Decimal, paid: Decimal, granted: Decimal, ongoing: Decimal
) -> None:
    rule = TopUpRule(Trigger.THRESHOLD, Method.FIXED, threshold=threshold, paid=paid, granted=granted)
    if not starts(rule, ongoing):
        return
    found = top_up(rule, ongoing)
    after = ongoing + found.paid + found.granted
    assert after > threshold
    assert found.paid % paid == 0
    # One purchase fewer would not have been enough.
    assert found.paid == paid or after - paid <= threshold


@given(CREDITS, CREDITS)
def test_a_target_is_reached_exactly(target: Decimal, ongoing: Decimal) -> None:
    rule = replace(TARGET, target=target)
    assert ongoing + top_up(rule, ongoing).paid == max(ongoing, target)


@pytest.mark.parametrize(
    ("interval", "anchor", "day", "due"),
    [
        (Interval.WEEKLY, "2024-01-31", "2024-02-07", True),
        (Interval.WEEKLY, "2024-01-31", "2024-02-08", False),
        (Interval.MONTHLY, "2024-01-31", "2024-01-31", False),
        (Interval.MONTHLY, "2024-01-31", "2024-02-29", True),
        (Interval.MONTHLY, "2024-01-31", "2024-03-31", True),
        (Interval.MONTHLY, "2024-01-31", "2024-03-30", False),
        (Interval.QUARTERLY, "2024-01-31", "2024-04-30", True),
        (Interval.SEMIANNUAL, "2024-02-29", "2024-08-29", True),
        (Interval.YEARLY, "2024-02-29", "2025-02-28", True),
        (Interval.YEARLY, "2024-02-29", "2023-02-28", False),
    ],
)
def test_days_of_an_interval(interval: Interval, anchor: str, day: str, due: bool) -> None:
    at = datetime.fromisoformat(anchor).replace(hour=12, tzinfo=UTC)
    assert due_on(date.fromisoformat(day), interval=interval, anchor=at, tz="UTC") is due


def test_days_are_the_customers() -> None:
    anchor = datetime(2024, 1, 31, 23, 30, tzinfo=UTC)  # the 1st of February in Berlin
    for tz, day in (("UTC", date(2024, 2, 29)), ("Europe/Berlin", date(2024, 3, 1))):
        assert due_on(day, interval=Interval.MONTHLY, anchor=anchor, tz=tz)


@pytest.mark.parametrize(
    ("interval", "anchor", "after", "tz", "found"),
    [
        # Short months are clamped, and the day of the anchor comes back.
        ("monthly", (2026, 1, 31, 9), (2026, 1, 31, 9), "UTC", ["02-28 00", "03-31 00", "04-30 00"]),
        ("weekly", (2026, 1, 31, 9), (2026, 1, 31, 9), "UTC", ["02-07 00", "02-14 00", "02-21 00"]),
        ("quarterly", (2025, 11, 30, 0), (2026, 1, 31, 9), "UTC", ["02-28 00", "05-30 00", "08-30 00"]),
        ("semiannual", (2025, 8, 31, 0), (2026, 1, 31, 9), "UTC", ["02-28 00", "08-31 00"]),
        ("yearly", (2024, 2, 29, 0), (2026, 1, 31, 9), "UTC", ["02-28 00"]),
        # An anchor that is to come: one interval after it. Midnight in Kampala is 21:00 in UTC.
        (
            "monthly",
            (2026, 3, 10, 0),
            (2026, 1, 31, 9),
            "Africa/Kampala",
            ["04-09 21", "05-09 21", "06-09 21"],
        ),
        # What is due at this very moment has been answered.
        ("monthly", (2026, 1, 31, 0), (2026, 2, 28, 0), "UTC", ["03-31 00", "04-30 00", "05-31 00"]),
    ],
)
def test_the_next_moments_by_hand(
    interval: str, anchor: tuple[int, ...], after: tuple[int, ...], tz: str, found: list[str]
) -> None:
    moments = upcoming(
        datetime(*after, tzinfo=UTC),
        interval=Interval(interval),
        anchor=datetime(*anchor, tzinfo=UTC),
        tz=tz,
        ends=datetime(2026, 9, 1, tzinfo=UTC),
        count=3,
    )
    assert [f"{moment:%m-%d %H}" for moment in moments] == found


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 3000),
    st.sampled_from(list(Interval)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]),
)
def test_the_next_moment_is_ahead_and_due(anchor: datetime, hours: int, interval: Interval, tz: str) -> None:
    after = anchor + timedelta(hours=hours)
    moment = next_due(after, interval=interval, anchor=anchor, tz=tz)
    assert moment > after
    assert due_on(local_date(moment, tz), interval=interval, anchor=anchor, tz=tz)
    assert next_due(moment - timedelta(seconds=1), interval=interval, anchor=anchor, tz=tz) == moment
