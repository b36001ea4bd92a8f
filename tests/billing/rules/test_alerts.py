"""Alerts by hand, and what must hold for any."""

from __future__ import annotations

import itertools
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.alerts import MOST_STEPS, Direction, Steps, crossed

UP, DOWN = Direction.INCREASING, Direction.DECREASING


@pytest.mark.parametrize(
    ("direction", "once", "step", "before", "now", "expected"),
    [
        (UP, (10, 30, 50), 100, 8, 8, ()),
        (UP, (10, 30, 50), 100, 8, 30, (10, 30)),
        (UP, (10, 30, 50), 100, 10, 29, ()),
        (UP, (10, 30, 50), 100, 8, 260, (10, 30, 50, 150, 250)),
        (UP, (10, 30, 50), 100, 150, 250, (250,)),
        (UP, (10, 30, 50), None, 60, 20, ()),
        (UP, (), 5, 0, 12, (5, 10)),
        (DOWN, (200, 500, 800), 100, 700, 600, ()),
        (DOWN, (200, 500, 800), 100, 700, 500, (500,)),
        (DOWN, (200, 500, 800), 100, 300, -100, (200, 100, 0, -100)),
        (DOWN, (), 10, 5, -25, (-10, -20)),
        (DOWN, (200,), None, 100, 300, ()),
    ],
)
def test_crossings(
    direction: Direction, once: tuple[int, ...], step: int | None, before: int, now: int, expected: object
) -> None:
    steps = Steps(tuple(D(value) for value in once), None if step is None else D(step))
    assert crossed(steps, direction, D(before), D(now)) == expected


def test_a_huge_jump_lists_the_last_steps_only() -> None:
    found = crossed(Steps((), D("0.01")), UP, D(0), D(10**9))
    assert len(found) == MOST_STEPS
    assert found[-1] == D(10**9)


numbers = st.integers(-300, 300).map(D)


@given(st.lists(numbers, max_size=5), st.integers(1, 50), st.lists(numbers, min_size=2, max_size=8))
def test_a_rise_in_parts_crosses_what_one_rise_does(once: list[D], step: int, values: list[D]) -> None:
    """Going up by any way in between meets each step once."""
    steps, way = Steps(tuple(once), D(step)), sorted(values)
    parts: list[D] = []
    for before, now in itertools.pairwise(way):
        parts += crossed(steps, UP, before, now)
    assert sorted(parts) == sorted(crossed(steps, UP, way[0], way[-1]))
    mirrored = crossed(Steps(tuple(-value for value in once), D(step)), DOWN, -way[0], -way[-1])
    assert mirrored == tuple(-value for value in crossed(steps, UP, way[0], way[-1]))
