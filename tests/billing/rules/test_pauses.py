"""Which days of a window are paused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.pauses import charged_parts, paused_days
from billing.rules.periods import Period, days_in


def utc(day: int, hour: int = 0, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


OCTOBER = Period(utc(1), utc(1, month=11))


@pytest.mark.parametrize(
    ("pause", "days"),
    [
        ((utc(10, 15), utc(20, 9)), 9),  # the 11th to the 19th
        ((utc(10), utc(20)), 10),  # from midnight to midnight
        ((utc(10), utc(20, 1)), 10),
        ((utc(10, 0, 1), utc(20)), 9),
        ((utc(10, 1), utc(10, 23)), 0),
        ((utc(10, 1), utc(11, 23)), 0),
        ((utc(10, 12), utc(10, 12)), 0),
        ((utc(1, month=9), utc(5, month=12)), 31),
        ((utc(25, 12), utc(5, month=11)), 6),  # the 26th to the 31st
        ((utc(1, month=9), utc(3, 8)), 2),
        ((utc(1, month=11), utc(5, month=11)), 0),
    ],
)
def test_whole_days_only(pause: tuple[datetime, datetime], days: int) -> None:
    assert paused_days(OCTOBER, [Period(*pause)], "UTC") == days


def test_the_days_of_a_place() -> None:
    """15:00 to 15:00 UTC is midnight to midnight in Tokyo: the 11th and 12th there."""
    tokyo = Period(utc(30, 15, month=9), utc(31, 15))
    assert paused_days(tokyo, [Period(utc(10, 15), utc(12, 15))], "Asia/Tokyo") == 2
    assert paused_days(OCTOBER, [Period(utc(10, 15), utc(12, 15))], "UTC") == 1


def test_a_day_with_a_clock_change_is_one_day() -> None:
    """The last Sunday of October has 25 hours in Berlin."""
    berlin = Period(utc(30, 22, month=9), utc(31, 23))
    assert paused_days(berlin, [Period(utc(24, 22), utc(25, 23))], "Europe/Berlin") == 1


def test_a_window_that_ends_within_a_day_pauses_that_day_as_far_as_it_goes() -> None:
    ended = Period(utc(1), utc(15, 10))
    assert paused_days(ended, [Period(utc(10, 8), utc(15, 10))], "UTC") == 5
    assert paused_days(ended, [Period(utc(10, 8), utc(15, 9))], "UTC") == 4


MOMENTS = st.integers(-50 * 24 * 60, 80 * 24 * 60).map(lambda minutes: utc(1) + timedelta(minutes=minutes))


@given(st.lists(MOMENTS, min_size=2, max_size=6, unique=True), st.sampled_from(["UTC", "Asia/Tokyo"]))
def test_what_is_paused_in_the_parts_of_a_period_is_paused_in_all_of_it(
    moments: list[datetime], tz: str
) -> None:
    """Cut at a local midnight, no day is lost; never more than there are."""
    ordered = sorted(moments)
    pauses = [Period(a, b) for a, b in zip(ordered[::2], ordered[1::2], strict=False)]
    whole = Period(utc(1, 15, month=9), utc(30, 15))
    cut = utc(10, 15) if tz == "Asia/Tokyo" else utc(10)
    if tz == "UTC":
        whole = OCTOBER
    parts = [Period(whole.start, cut), Period(cut, whole.end)]
    found = paused_days(whole, pauses, tz)
    assert found == sum(paused_days(part, pauses, tz) for part in parts)
    assert 0 <= found <= days_in(whole, tz)
    charged = charged_parts(whole, pauses, tz)
    assert sum(days_in(part, tz) for part in charged) == days_in(whole, tz) - found


def test_what_is_left_of_a_window() -> None:
    """Paused from the 10th 15:00 to the 20th 09:00: the 1st to the 10th and the 20th to the 31st are left."""
    assert charged_parts(OCTOBER, [Period(utc(10, 15), utc(20, 9))], "UTC") == [
        Period(utc(1), utc(11)),
        Period(utc(20), utc(1, month=11)),
    ]
    assert charged_parts(OCTOBER, [Period(utc(1, month=9), utc(5, month=12))], "UTC") == []
    assert charged_parts(OCTOBER, [], "UTC") == [OCTOBER]
