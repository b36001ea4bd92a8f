"""Prorated quantities by hand and by property."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.aggregation import Aggregation, UsageEvent, aggregate
from billing.rules.periods import Period
from billing.rules.prorated import Prorated, prorated_sum, prorated_unique_count, share_from
from billing.rules.proration import Share

START = datetime(2024, 3, 1, tzinfo=UTC)
MARCH = Period(START, datetime(2024, 4, 1, tzinfo=UTC))
EVENTS = st.lists(
    st.tuples(
        st.integers(-20 * 86_400, 40 * 86_400),
        st.one_of(st.integers(-99, 99), st.sampled_from(["a", "b", "1.5", None])),
        st.sampled_from(["add", "remove"]),
    ),
    max_size=25,
).map(
    lambda rows: [
        UsageEvent(START + timedelta(seconds=at), value, order, operation)
        for order, (at, value, operation) in enumerate(rows)
    ]
)
PRORATE = {Aggregation.SUM: prorated_sum, Aggregation.UNIQUE_COUNT: prorated_unique_count}


def at(day: int, hour: int = 0, value: Any = None, operation: str = "add") -> UsageEvent:
    return UsageEvent(START + timedelta(days=day - 1, hours=hour), value, 0, operation)


def parts(found: Prorated) -> list[tuple[str, str]]:
    """(full, days) of each change, in days of March."""
    return [
        (str(value), f"{round(prorated * 31)}")
        for value, prorated in zip(found.values, found.prorated_values, strict=True)
    ]


def test_a_sum_by_hand() -> None:
    # 12 from the 26th: 6 of 31 days; 5 from before: the whole month.
    found = prorated_sum([at(-40, 0, 2), at(-3, 0, 3), at(26, 12, 12)], MARCH, 31, "UTC")
    assert found.units == Decimal("7.32259")
    assert (found.full_units, found.events_count) == (17, 3)
    assert parts(found) == [("5", "155"), ("12", "72")]


def test_what_stood_loses_the_day_of_an_upgrade_and_what_came_does_not() -> None:
    until_18th = Period(START, datetime(2024, 3, 18, 9, tzinfo=UTC))
    found = prorated_sum([at(-3, 0, 1), at(17, 0, 1)], until_18th, 31, "UTC", upgraded=True)
    assert parts(found) == [("1", "17"), ("1", "2")]
    items = prorated_unique_count([at(-3, 0, "a"), at(17, 0, "b")], until_18th, 31, "UTC", upgraded=True)
    assert parts(items) == [("1", "17"), ("1", "2")]
    ended = prorated_sum([at(-3, 0, 1), at(17, 0, 1)], until_18th, 31, "UTC")
    assert parts(ended) == [("1", "18"), ("1", "2")]


@pytest.mark.parametrize(
    ("events", "days"),
    [
        ([at(2, 5, "a"), at(30, 23, "a", "remove"), at(31, 0, "a")], 30),
        ([at(5, 1, "a"), at(5, 2, "a", "remove"), at(5, 3, "a"), at(5, 4, "a", "remove")], 1),
        ([at(5, 1, "a"), at(7, 2, "a", "remove"), at(7, 3, "a"), at(9, 4, "a", "remove")], 5),
        ([at(5, 1, "a"), at(5, 2, "a"), at(31, 2, "a", "remove"), at(31, 3, "a")], 27),
        ([at(-9, 1, "a"), at(1, 2, "a", "remove")], 1),
        ([at(-9, 1, "a"), at(-2, 2, "a", "remove")], 0),
        ([at(-9, 1, "a"), at(-2, 2, "a", "remove"), at(31, 0, "a")], 1),
        ([at(3, 1, "a", "remove")], 0),
    ],
)
def test_items_by_hand(events: list[UsageEvent], days: int) -> None:
    found = prorated_unique_count(events, MARCH, 31, "UTC")
    assert sum(found.prorated_values) * 31 == pytest.approx(days)
    assert found.units == Share(days, 31).take(Decimal(1)).quantize(
        Decimal("0.00001"), rounding="ROUND_CEILING"
    )


def test_an_item_gone_before_the_window_takes_no_place() -> None:
    events = [at(-9, 0, "a"), at(-8, 0, "b"), at(-2, 0, "a", "remove"), at(3, 0, "c")]
    assert parts(prorated_unique_count(events, MARCH, 31, "UTC")) == [("1", "31"), ("1", "29")]


def test_days_are_the_customers() -> None:
    # 23:00 UTC of 3 March is the 4th in Berlin.
    late = [at(3, 23, 31)]
    berlin = Period(datetime(2024, 2, 29, 23, tzinfo=UTC), datetime(2024, 3, 31, 22, tzinfo=UTC))
    assert prorated_sum(late, MARCH, 31, "UTC").units == 29
    assert prorated_sum(late, berlin, 31, "Europe/Berlin").units == 28
    assert share_from(late[0].timestamp, berlin.end, 31, "Europe/Berlin") == Share(28, 31)


def test_a_whole_made_of_parts_is_whole() -> None:
    # 10/31 + 21/31 is 1 and not the 1.00001 that two roundings would make.
    assert prorated_sum([at(22, 0, 1), at(11, 0, 1)], MARCH, 31, "UTC").units == 1
    assert prorated_sum([at(1, 0, "9" * 25)], MARCH, 31, "UTC").units == Decimal("9" * 25)


@given(EVENTS, st.sampled_from(list(PRORATE)), st.randoms())
def test_against_the_unprorated_quantity(
    events: list[UsageEvent], kind: Aggregation, chance: random.Random
) -> None:
    found = PRORATE[kind](events, MARCH, 31, "UTC")
    plain = aggregate(kind, events, MARCH, recurring=True)
    assert (found.full_units, found.events_count) == (plain.units, plain.events_count)
    assert sum(found.values) == found.full_units
    assert abs(sum(found.prorated_values) - found.units) <= Decimal("0.00001")
    shuffled = events[:]
    chance.shuffle(shuffled)
    assert PRORATE[kind](shuffled, MARCH, 31, "UTC") == found


@given(EVENTS)
def test_items_against_a_day_by_day_recount(events: list[UsageEvent]) -> None:
    days = 0
    ordered = sorted(events, key=lambda e: (e.timestamp, e.order))
    present: set[str] = set()
    for number in range(1, 32):
        start, end = START + timedelta(days=number - 1), START + timedelta(days=number)
        today = set(present) if number > 1 else set()
        for event in ordered:
            if event.timestamp >= end or (number > 1 and event.timestamp < start) or event.value is None:
                continue
            item = str(event.value)
            if event.operation == "remove":
                present.discard(item)
                continue
            present.add(item)
            if event.timestamp >= start:
                today.add(item)
        if number == 1:
            before = {str(e.value) for e in ordered if e.timestamp < start and e.value is not None}
            standing = aggregate_items([e for e in ordered if e.timestamp < start])
            today |= standing & before
        days += len(today)
    found = prorated_unique_count(events, MARCH, 31, "UTC")
    assert round(sum(found.prorated_values) * 31) == days


def aggregate_items(events: list[UsageEvent]) -> set[str]:
    present: set[str] = set()
    for event in events:
        if event.value is not None:
            (present.discard if event.operation == "remove" else present.add)(str(event.value))
    return present


@given(EVENTS, st.integers(1, 30))
def test_two_windows_of_a_period_make_the_whole(events: list[UsageEvent], day: int) -> None:
    middle = START + timedelta(days=day)
    first = prorated_sum(events, Period(MARCH.start, middle), 31, "UTC")
    second = prorated_sum(events, Period(middle, MARCH.end), 31, "UTC")
    whole = prorated_sum(events, MARCH, 31, "UTC")
    both = sum(first.prorated_values) + sum(second.prorated_values)
    assert abs(both - sum(whole.prorated_values)) < Decimal("1e-20")


@given(EVENTS, st.sampled_from(list(PRORATE)), st.integers(1, 30))
def test_a_period_split_anywhere_adds_up(events: list[UsageEvent], kind: Aggregation, days: int) -> None:
    cut = START + timedelta(days=days)
    first, second, whole = (
        sum(PRORATE[kind](events, window, 31, "UTC").prorated_values)
        for window in (Period(START, cut), Period(cut, MARCH.end), MARCH)
    )
    assert abs(first + second - whole) < Decimal("1e-20")
