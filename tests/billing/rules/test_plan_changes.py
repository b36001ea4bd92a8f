"""Which way a change of plan goes, by a table checked by hand: 52 weeks, 12 months, 4 quarters, 2 half-years."""

from __future__ import annotations

import pytest

from billing.rules.plan_changes import USUAL, Direction, When, direction, yearly_minor


@pytest.mark.parametrize(
    ("amount_minor", "interval", "yearly"),
    [
        (1200, "weekly", 62_400),
        (5000, "monthly", 60_000),
        (15_000, "quarterly", 60_000),
        (31_000, "semiannual", 62_000),
        (60_001, "yearly", 60_001),
        (0, "monthly", 0),
    ],
)
def test_what_a_fee_comes_to_in_a_year(amount_minor: int, interval: str, yearly: int) -> None:
    assert yearly_minor(amount_minor, interval) == yearly


@pytest.mark.parametrize(
    ("old", "new", "way", "when"),
    [
        (60_000, 60_001, Direction.UPGRADE, When.NOW),
        (60_000, 60_000, Direction.UPGRADE, When.NOW),
        (0, 0, Direction.UPGRADE, When.NOW),
        (60_000, 59_999, Direction.DOWNGRADE, When.PERIOD_END),
        (60_000, 0, Direction.DOWNGRADE, When.PERIOD_END),
    ],
)
def test_more_or_as_much_is_an_upgrade_at_once(old: int, new: int, way: Direction, when: When) -> None:
    assert direction(old, new) == way
    assert USUAL[way] == when
