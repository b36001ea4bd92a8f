"""Fixed charges by hand and by property."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.fixed_charges import (
    UnitsEvent,
    added_units,
    less_paid,
    paid_before_minor,
    timeline,
    units_at,
    units_prorated,
)
from billing.rules.periods import Period
from billing.rules.proration import Share

START = datetime(2023, 8, 1, tzinfo=UTC)
AUGUST = Period(START, datetime(2023, 9, 1, tzinfo=UTC))
EVENTS = st.lists(st.tuples(st.integers(0, 50), st.integers(-15 * 24, 40 * 24)), max_size=8).map(
    lambda rows: [UnitsEvent(Decimal(units), START + timedelta(hours=at)) for units, at in rows]
)


def event(units: int, day: int, hour: int = 0) -> UnitsEvent:
    return UnitsEvent(Decimal(units), START + timedelta(days=day - 1, hours=hour))


@pytest.mark.parametrize(
    ("events", "full", "prorated"),
    [
        ([], "0", "0"),
        ([event(10, -13)], "10", "10"),
        # From the 19th: 13 of 31 days.
        ([event(10, 19, 12)], "10", "4.193548"),
        # 10 until the 10th, then 20: 100 and 420 unit days.
        ([event(10, 1), event(20, 11, 9)], "20", "16.774193"),
        # Twice on one day: the evening counts.
        ([event(10, 1), event(50, 11, 9), event(20, 11, 18)], "20", "16.774193"),
        # Planned for the 20th, and taken back by a later word for the 11th.
        ([event(10, 1), event(99, 20), event(20, 11)], "20", "16.774193"),
        # Planned for the next period: nothing yet.
        ([event(10, 1), event(99, 32)], "10", "10"),
        # Down to nothing on the 11th.
        ([event(31, 1), event(0, 11)], "0", "10"),
    ],
)
def test_units_by_hand(events: list[UnitsEvent], full: str, prorated: str) -> None:
    assert units_at(events, AUGUST.end) == Decimal(full)
    assert units_prorated(events, AUGUST, 31, "UTC") == Decimal(prorated)


def test_days_are_the_customers() -> None:
    late = [UnitsEvent(Decimal(31), datetime(2023, 8, 3, 23, tzinfo=UTC))]
    berlin = Period(datetime(2023, 7, 31, 22, tzinfo=UTC), datetime(2023, 8, 31, 22, tzinfo=UTC))
    assert units_prorated(late, AUGUST, 31, "UTC") == 29
    assert units_prorated(late, berlin, 31, "Europe/Berlin") == 28


def test_a_change_in_advance_is_billed_for_what_it_adds() -> None:
    assert added_units(Decimal(15), Decimal(10)) == 5
    assert added_units(Decimal(15), Decimal(10), Share(11, 31)) == Decimal("1.774194")
    assert added_units(Decimal(5), Decimal(10)) == 0


def test_what_was_paid_before_is_taken_off() -> None:
    assert paid_before_minor(1065, 22, 10) == 484
    assert paid_before_minor(1500, 31, 11) == 532
    assert paid_before_minor(629, 13, 20) == 629
    assert less_paid(3548, 532) == 3016
    assert less_paid(100, 532) == 0


@given(EVENTS, st.integers(1, 30))
def test_two_windows_make_the_whole(events: list[UnitsEvent], day: int) -> None:
    middle = START + timedelta(days=day)
    parts = [
        units_prorated(events, window, 31, "UTC")
        for window in (Period(AUGUST.start, middle), Period(middle, AUGUST.end))
    ]
    # A number of units that stands in both windows is rounded in both.
    assert abs(sum(parts) - units_prorated(events, AUGUST, 31, "UTC")) <= Decimal("0.00002")


@given(EVENTS)
def test_against_a_day_by_day_recount(events: list[UnitsEvent]) -> None:
    unit_days = Decimal(0)
    for number in range(31):
        evening = START + timedelta(days=number + 1)
        standing = [held.units for held in timeline(events) if held.at < evening]
        unit_days += standing[-1] if standing else 0
    assert abs(units_prorated(events, AUGUST, 31, "UTC") * 31 - unit_days) < Decimal("0.001")


@given(EVENTS)
def test_the_last_word_stands(events: list[UnitsEvent]) -> None:
    held = timeline(events)
    assert [one.at for one in held] == sorted({one.at for one in held})
    assert not events or held[-1] == events[-1]
