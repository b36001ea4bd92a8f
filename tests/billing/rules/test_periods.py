"""Periods: boundaries by hand, and that they tile the time line whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.periods import (
    BillingTime,
    Interval,
    Period,
    billing_boundary_after,
    days_between,
    days_in,
    local_date,
    next_period,
    period_at,
    previous_period,
    start_of_day,
)

ZONES = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/Sao_Paulo",  # used to change at midnight
    "America/Havana",  # changes at midnight and goes back over it
    "America/St_Johns",  # used to change at 00:01
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # left out 30 December 2011
    "Africa/Cairo",
    "Pacific/Kiritimati",
]
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
ANCHORS = st.one_of(
    INSTANTS,
    st.sampled_from(
        [datetime(y, m, d, 13, 30, tzinfo=UTC) for y, m, d in [(2024, 2, 29), (2023, 1, 31), (2023, 1, 30)]]
        + [datetime(2022, 12, 29, tzinfo=UTC), datetime(2023, 10, 31, 23, 59, 59, tzinfo=UTC)]
    ),
)
SCHEDULES = st.fixed_dictionaries(
    {
        "interval": st.sampled_from(Interval),
        "billing_time": st.sampled_from(BillingTime),
        "anchor": ANCHORS,
        "tz": st.sampled_from(ZONES),
    }
)


@given(INSTANTS, SCHEDULES)
def test_periods_tile_the_time_line(instant: datetime, schedule: dict[str, Any]) -> None:
    period = period_at(instant, **schedule)
    assert instant in period
    after, before = next_period(period, **schedule), previous_period(period, **schedule)
    assert before.end == period.start < period.end == after.start
    assert billing_boundary_after(instant, **schedule) == period.end
    # Every instant of a period names the same period, its ends included.
    for inside in (period.start, period.end - timedelta(microseconds=1)):
        assert period_at(inside, **schedule) == period
    assert period_at(period.end, **schedule) == after


@given(INSTANTS, SCHEDULES)
def test_lengths_are_those_of_the_calendar(instant: datetime, schedule: dict[str, Any]) -> None:
    days = days_in(period_at(instant, **schedule), schedule["tz"])
    bounds = {
        Interval.WEEKLY: (7, 7),
        Interval.MONTHLY: (28, 31),
        Interval.QUARTERLY: (89, 92),
        Interval.SEMIANNUAL: (181, 184),
        Interval.YEARLY: (365, 366),
    }
    low, high = bounds[schedule["interval"]]
    assert low <= days <= high


@given(INSTANTS, st.sampled_from(ZONES))
def test_a_day_starts_where_the_date_changes(instant: datetime, tz: str) -> None:
    day = local_date(instant, tz)
    start = start_of_day(day, tz)
    assert local_date(start, tz) >= day  # later only when the day was left out
    assert local_date(start - timedelta(microseconds=1), tz) < day


def boundaries(anchor: datetime, interval: Interval, count: int, tz: str = "UTC") -> list[date]:
    schedule: dict[str, Any] = {
        "interval": interval,
        "billing_time": BillingTime.ANNIVERSARY,
        "anchor": anchor,
        "tz": tz,
    }
    period = period_at(anchor, **schedule)
    days = []
    for _ in range(count):
        days.append(local_date(period.start, tz))
        period = next_period(period, **schedule)
    return days


def test_month_ends_never_drift() -> None:
    assert boundaries(datetime(2023, 1, 31, 9, tzinfo=UTC), Interval.MONTHLY, 5) == [
        date(2023, 1, 31),
        date(2023, 2, 28),
        date(2023, 3, 31),
        date(2023, 4, 30),
        date(2023, 5, 31),
    ]
    assert boundaries(datetime(2024, 2, 29, tzinfo=UTC), Interval.YEARLY, 5)[1:] == [
        date(2025, 2, 28),
        date(2026, 2, 28),
        date(2027, 2, 28),
        date(2028, 2, 29),
    ]
    assert boundaries(datetime(2022, 11, 30, tzinfo=UTC), Interval.QUARTERLY, 3) == [
        date(2022, 11, 30),
        date(2023, 2, 28),
        date(2023, 5, 30),
    ]


def test_anchor_counts_in_the_customers_timezone() -> None:
    # 02:00 UTC on the 1st is still the last of the month before in New York.
    anchor = datetime(2024, 5, 1, 2, tzinfo=UTC)
    assert boundaries(anchor, Interval.MONTHLY, 3, "America/New_York") == [
        date(2024, 4, 30),
        date(2024, 5, 30),
        date(2024, 6, 30),
    ]


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        (Interval.WEEKLY, "2024-03-25", "2024-04-01"),
        (Interval.MONTHLY, "2024-03-01", "2024-04-01"),
        (Interval.QUARTERLY, "2024-01-01", "2024-04-01"),
        (Interval.SEMIANNUAL, "2024-01-01", "2024-07-01"),
        (Interval.YEARLY, "2024-01-01", "2025-01-01"),
    ],
)
def test_calendar_periods_around_a_clock_change(interval: Interval, start: str, end: str) -> None:
    # 31 March 2024 has 23 hours in Paris.
    at = datetime(2024, 3, 31, 12, tzinfo=UTC)
    period = period_at(at, interval=interval, billing_time=BillingTime.CALENDAR, anchor=at, tz="Europe/Paris")
    assert [local_date(x, "Europe/Paris").isoformat() for x in (period.start, period.end)] == [start, end]
    assert period.end.astimezone(UTC).hour in (22, 23)


def test_days() -> None:
    paris = "Europe/Paris"
    march = Period(start_of_day(date(2024, 3, 1), paris), start_of_day(date(2024, 4, 1), paris))
    assert days_in(march, paris) == 31
    assert days_between(march.start, march.end, paris) == 31
    assert days_in(Period(march.start, march.start), paris) == 0
    assert days_in(Period(march.start, march.start + timedelta(hours=1)), paris) == 1
    first, third = datetime(2024, 5, 1, 10, tzinfo=UTC), datetime(2024, 5, 3, 9, tzinfo=UTC)
    assert days_between(first, third, "UTC") == 2
    assert days_in(Period(first, third), "UTC") == 3
    assert days_between(third, first, "UTC") == 0


def test_days_that_start_late() -> None:
    # Midnight of 16 October 2016 did not exist in Sao Paulo, 30 December 2011 not at all in Apia.
    assert start_of_day(date(2016, 10, 16), "America/Sao_Paulo") == datetime(2016, 10, 16, 3, tzinfo=UTC)
    left_out, next_day = (start_of_day(date(2011, 12, d), "Pacific/Apia") for d in (30, 31))
    assert left_out == next_day == datetime(2011, 12, 30, 10, tzinfo=UTC)


def test_period_refuses_nonsense() -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="before it starts"):
        Period(at, at - timedelta(days=1))
    with pytest.raises(ValueError, match="timezone"):
        Period(datetime(2024, 1, 1), datetime(2024, 1, 2))
    year = Period(at, at + timedelta(days=366))
    week = Period(at - timedelta(days=3), at + timedelta(days=4))
    assert year.overlap(week) == Period(at, at + timedelta(days=4))
    assert week.overlap(Period(week.end, week.end)) is None
