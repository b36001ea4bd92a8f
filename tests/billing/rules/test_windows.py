"""Billing windows by property: run after run, every instant of a life is billed once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.rules.periods import BillingTime, Interval
from billing.rules.windows import Schedule, billing_windows, running_windows


def at(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


SCHEDULES = st.builds(
    Schedule,
    interval=st.sampled_from(Interval),
    billing_time=st.sampled_from(BillingTime),
    anchor=st.datetimes(datetime(2020, 1, 1), datetime(2024, 1, 1), timezones=st.just(UTC)),
    tz=st.sampled_from(["UTC", "Europe/Paris", "America/Havana", "Pacific/Apia"]),
    pay_in_advance=st.booleans(),
    started_at=st.datetimes(datetime(2024, 1, 1), datetime(2024, 12, 31), timezones=st.just(UTC)),
    usage_monthly=st.booleans(),
    fixed_monthly=st.booleans(),
)


@given(SCHEDULES, st.integers(1, 400))
def test_usage_is_billed_once_and_completely(schedule: Schedule, life_days: int) -> None:
    ended_at = schedule.started_at + timedelta(days=life_days, hours=3)
    billed = []
    boundary = schedule.usage_period_at(schedule.started_at).end
    while boundary < ended_at:
        billed.append(billing_windows(schedule, boundary + timedelta(hours=1)).usage)
        boundary = schedule.usage_period_at(boundary).end
    ended = Schedule(**{**schedule.__dict__, "ended_at": ended_at})
    billed.append(billing_windows(ended, ended_at).usage)
    assert all(period is not None for period in billed)
    periods: list[Any] = billed
    assert periods[0].start == schedule.started_at
    assert periods[-1].end == ended_at
    for before, after in pairwise(periods):
        assert before.end == after.start


def test_in_advance_bills_the_fee_ahead_and_usage_behind() -> None:
    schedule = Schedule(
        interval=Interval.MONTHLY,
        billing_time=BillingTime.CALENDAR,
        anchor=at(2024, 1, 10),
        tz="UTC",
        pay_in_advance=True,
        started_at=at(2024, 1, 10, 15),
    )
    first = billing_windows(schedule, at(2024, 1, 10, 15))
    assert first.usage is None
    assert first.fee is not None
    assert (first.fee.start, first.fee.end) == (at(2024, 1, 10), at(2024, 2, 1))
    second = billing_windows(schedule, at(2024, 2, 1, 2))
    assert second.fee is not None
    assert second.usage is not None
    assert (second.fee.start, second.fee.end) == (at(2024, 2, 1), at(2024, 3, 1))
    assert (second.usage.start, second.usage.end) == (at(2024, 1, 10, 15), at(2024, 2, 1))
    running = running_windows(schedule, at(2024, 2, 15))
    assert running.usage == running.fee == second.fee


def test_monthly_usage_of_a_yearly_plan() -> None:
    schedule = Schedule(
        interval=Interval.YEARLY,
        billing_time=BillingTime.CALENDAR,
        anchor=at(2023, 3, 10),
        tz="UTC",
        pay_in_advance=True,
        started_at=at(2023, 3, 10),
        usage_monthly=True,
    )
    start = billing_windows(schedule, at(2023, 3, 10))
    assert start.fee is not None
    assert (start.fee.start, start.fee.end) == (at(2023, 3, 10), at(2024, 1, 1))
    april = billing_windows(schedule, at(2023, 4, 1))
    assert april.fee is None
    assert april.usage is not None
    assert (april.usage.start, april.usage.end) == (at(2023, 3, 10), at(2023, 4, 1))
    january = billing_windows(schedule, at(2024, 1, 1))
    assert january.fee is not None
    assert january.fee.end == at(2025, 1, 1)


@given(SCHEDULES, st.integers(1, 400))
def test_fixed_charges_are_billed_once_and_completely(schedule: Schedule, life_days: int) -> None:
    ended_at = schedule.started_at + timedelta(days=life_days, hours=3)
    billed = []
    boundary = min(
        schedule.usage_period_at(schedule.started_at).end, schedule.fixed_period_at(schedule.started_at).end
    )
    while boundary < ended_at:
        found = billing_windows(schedule, boundary + timedelta(hours=1))
        if found.fixed_due:
            billed.append(found.fixed)
        boundary = min(schedule.usage_period_at(boundary).end, schedule.fixed_period_at(boundary).end)
    ended = Schedule(**{**schedule.__dict__, "ended_at": ended_at})
    billed.append(billing_windows(ended, ended_at).fixed)
    periods: list[Any] = billed
    assert periods[0].start == schedule.started_at
    assert periods[-1].end == ended_at
    for before, after in pairwise(periods):
        assert before.end == after.start


def test_what_is_not_billed_monthly_waits_for_its_own_period() -> None:
    schedule = Schedule(
        interval=Interval.YEARLY,
        billing_time=BillingTime.CALENDAR,
        anchor=at(2023, 3, 10),
        tz="UTC",
        pay_in_advance=False,
        started_at=at(2023, 3, 10),
        fixed_monthly=True,
    )
    april = billing_windows(schedule, at(2023, 4, 1))
    assert (april.usage_due, april.fixed_due) == (False, True)
    assert (april.fee, april.usage) == (None, None)
    january = billing_windows(schedule, at(2024, 1, 1))
    assert january.usage is not None
    assert january.fixed is not None
    assert (january.usage.start, january.fixed.start) == (at(2023, 3, 10), at(2023, 12, 1))
