"""Which version of prices counts when: the example of the rule, and that the past does not move."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.rules.price_versions import Move, version_at


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number - 1)


def test_a_planned_move_and_one_that_takes_it_back() -> None:
    planned = [Move(2, day(32))]
    assert [version_at(1, planned, day(n)) for n in (1, 31, 32, 60)] == [1, 1, 2, 2]
    both = [*planned, Move(3, day(1))]
    assert [version_at(1, both, day(n)) for n in (0, 1, 32, 60)] == [1, 3, 3, 3]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 60)), max_size=6), st.integers(1, 60))
def test_a_move_changes_nothing_that_began_before_it(moves: list[tuple[int, int]], new: int) -> None:
    known = [Move(version, day(since)) for version, since in moves]
    later = [*known, Move(10, day(new))]
    for n in range(0, new):
        assert version_at(1, known, day(n)) == version_at(1, later, day(n))
    assert version_at(1, later, day(new)) == 10
