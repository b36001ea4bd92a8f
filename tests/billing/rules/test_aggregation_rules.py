"""Aggregation by hand and by property."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.aggregation import (
    NEEDS_FIELD,
    RECURRING_ALLOWED,
    Aggregation,
    RoundingFunction,
    UsageEvent,
    aggregate,
    parse_value,
    round_units,
)
from billing.rules.errors import Invalid
from billing.rules.periods import Period

START = datetime(2024, 3, 1, tzinfo=UTC)
MARCH = Period(START, datetime(2024, 4, 1, tzinfo=UTC))
EVENTS = st.lists(
    st.tuples(
        st.integers(-5 * 86_400, 40 * 86_400),
        st.one_of(st.integers(-99, 99), st.sampled_from(["a", "b", "1.5", "1e3", None, "+5", ".5"])),
        st.sampled_from(["add", "remove"]),
    ),
    max_size=25,
).map(
    lambda rows: [
        UsageEvent(START + timedelta(seconds=at), value, order, operation)
        for order, (at, value, operation) in enumerate(rows)
    ]
)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("12", "12"),
        ("-0.50", "-0.50"),
        ("007", "7"),
        (5, "5"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_numbers(raw: Any, value: str) -> None:
    assert parse_value(raw) == Decimal(value)


@pytest.mark.parametrize(
    "raw",
    [
        "1e3",
        "+5",
        ".5",
        "5.",
        "",
        " 5",
        "5 ",
        "1,000",
        "NaN",
        "\u0663",
        None,
        True,
        [],
        {},
        float("nan"),
        float("inf"),
        1e-31,
        1e300,
        "1" * 26,
        "5\n",
    ],
)
def test_not_numbers(raw: Any) -> None:
    assert parse_value(raw) is None


@given(EVENTS, st.sampled_from(Aggregation), st.booleans(), st.randoms())
def test_order_of_arrival_in_the_list_never_matters(
    events: list[UsageEvent], kind: Aggregation, recurring: bool, chance: random.Random
) -> None:
    recurring = recurring and kind in RECURRING_ALLOWED
    shuffled = events[:]
    chance.shuffle(shuffled)
    answer = aggregate(kind, events, MARCH, recurring=recurring)
    assert aggregate(kind, shuffled, MARCH, recurring=recurring) == answer


@given(EVENTS)
def test_against_a_plain_recount(events: list[UsageEvent]) -> None:
    inside = [event for event in events if MARCH.start <= event.timestamp < MARCH.end]
    numbers = [value for event in inside if (value := parse_value(event.value)) is not None]
    assert aggregate(Aggregation.COUNT, events, MARCH).units == len(inside)
    assert aggregate(Aggregation.SUM, events, MARCH).units == sum(numbers)
    assert aggregate(Aggregation.MAX, events, MARCH).units == max(numbers, default=0)
    present: set[str] = set()
    for event in sorted(inside, key=lambda e: (e.timestamp, e.order)):
        if event.value is not None:
            (present.discard if event.operation == "remove" else present.add)(str(event.value))
    assert aggregate(Aggregation.UNIQUE_COUNT, events, MARCH).units == len(present)


@given(EVENTS)
def test_two_halves_of_a_window_make_the_whole(events: list[UsageEvent]) -> None:
    middle = START + timedelta(days=15)
    halves = [Period(MARCH.start, middle), Period(middle, MARCH.end)]
    for kind in (Aggregation.COUNT, Aggregation.SUM):
        parts = [aggregate(kind, events, half).units for half in halves]
        assert sum(parts) == aggregate(kind, events, MARCH).units


def at(day: int, hour: int = 0, value: Any = None, order: int = 0, operation: str = "add") -> UsageEvent:
    return UsageEvent(START + timedelta(days=day - 1, hours=hour), value, order, operation)


def test_the_widest_values_are_summed_exactly() -> None:
    widest, tiny = "9" * 25 + "." + "9" * 30, "0." + "0" * 29 + "1"
    events = [at(1, value=widest), at(2, value=tiny), at(3, value="-" + widest)]
    for shuffled in (events, events[::-1], [events[0], events[2], events[1]]):
        assert aggregate(Aggregation.SUM, shuffled, MARCH).units == Decimal(tiny)
    assert aggregate(Aggregation.WEIGHTED_SUM, events, MARCH).units > 0
    assert round_units(Decimal(widest), RoundingFunction.CEIL, 2) == 10**25


def test_the_end_of_the_window_belongs_to_the_next() -> None:
    events = [at(1, value=1), UsageEvent(MARCH.end, 10), UsageEvent(MARCH.end - timedelta(microseconds=1), 5)]
    assert aggregate(Aggregation.SUM, events, MARCH).units == 6


def test_latest_by_time_then_reception() -> None:
    events = [at(3, value=7, order=2), at(3, value=5, order=1), at(2, value=99, order=3)]
    assert aggregate(Aggregation.LATEST, events, MARCH).units == 7
    assert aggregate(Aggregation.LATEST, [at(3, value=-4)], MARCH).units == 0


def test_unique_count_recurring_remembers() -> None:
    before = UsageEvent(START - timedelta(days=9), "a")
    removed = at(5, value="a", operation="remove")
    assert aggregate(Aggregation.UNIQUE_COUNT, [before], MARCH).units == 0
    assert aggregate(Aggregation.UNIQUE_COUNT, [before], MARCH, recurring=True).units == 1
    assert aggregate(Aggregation.UNIQUE_COUNT, [before, removed], MARCH, recurring=True).units == 0
    assert aggregate(Aggregation.UNIQUE_COUNT, [removed], MARCH).units == 0


def test_weighted_sum_over_a_clock_change_weighs_a_day_as_a_day() -> None:
    # October 2023 in Paris has 31 days and one hour more.
    october = Period(datetime(2023, 9, 30, 22, tzinfo=UTC), datetime(2023, 10, 31, 23, tzinfo=UTC))
    half = [UsageEvent(october.start, 31), UsageEvent(october.start + timedelta(days=1), -31)]
    assert aggregate(Aggregation.WEIGHTED_SUM, half, october).units == 1


def test_recurring_is_refused_where_it_makes_no_sense() -> None:
    for kind in set(Aggregation) - RECURRING_ALLOWED:
        with pytest.raises(Invalid) as refused:
            aggregate(kind, [], MARCH, recurring=True)
        assert refused.value.field == "recurring"
    assert Aggregation.COUNT not in NEEDS_FIELD


@pytest.mark.parametrize(
    ("units", "function", "precision", "rounded"),
    [
        ("123.455", RoundingFunction.ROUND, 2, "123.46"),
        ("-2.5", RoundingFunction.ROUND, 0, "-3"),
        ("123.451", RoundingFunction.CEIL, 2, "123.46"),
        ("123.459", RoundingFunction.FLOOR, 2, "123.45"),
        ("199", RoundingFunction.FLOOR, -2, "100"),
        ("7.7", None, 0, "7.7"),
    ],
)
def test_rounding(units: str, function: RoundingFunction | None, precision: int, rounded: str) -> None:
    assert str(round_units(Decimal(units), function, precision)) == rounded


def test_event_reads_its_own_property() -> None:
    event = UsageEvent.of(START, {"seats": "3", "operation_type": "remove"}, "seats", 4)
    assert event == UsageEvent(START, "3", 4, "remove")
    assert UsageEvent.of(START, {"x": 1}, None).value is None
