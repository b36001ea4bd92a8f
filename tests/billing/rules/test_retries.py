"""When a delivery is tried again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from billing.rules.retries import JITTER, WAITS, WINDOW, is_given_up, next_try, rest

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_the_waits_grow_until_the_last_try_at_the_end_of_72_hours(chance: float) -> None:
    at, tries = NOON, [NOON]
    while (then := next_try(len(tries), since=NOON, at=at, chance=chance)) is not None:
        tries.append(then)
        at = then
    assert tries[-1] == NOON + WINDOW
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[:-1] == sorted(waits[:-1])
    factor = 1 - JITTER + 2 * JITTER * chance
    assert waits[0] == timedelta(seconds=5) * factor
    assert 12 <= len(tries) <= 17


def test_beyond_the_end_it_is_given_up() -> None:
    assert next_try(3, since=NOON, at=NOON + WINDOW, chance=0.5) is None
    last = next_try(3, since=NOON, at=NOON + WINDOW - timedelta(seconds=1), chance=0.5)
    assert last == NOON + WINDOW
    assert next_try(len(WAITS) + 5, since=NOON, at=NOON, chance=0.5) == NOON + WAITS[-1]


def test_a_pace_shortens_everything() -> None:
    assert next_try(1, since=NOON, at=NOON, chance=0.5, pace=0.01) == NOON + timedelta(milliseconds=50)
    assert next_try(1, since=NOON, at=NOON + WINDOW * 0.01, chance=0.5, pace=0.01) is None


@pytest.mark.parametrize(
    ("failures", "seconds"), [(9, None), (10, 5), (11, 30), (12, 120), (13, 600), (14, 1800), (99, 1800)]
)
def test_an_endpoint_rests_after_ten_failures_in_a_row(failures: int, seconds: int | None) -> None:
    assert rest(failures) == (None if seconds is None else timedelta(seconds=seconds))


def test_after_72_hours_of_failures_it_is_given_up() -> None:
    assert not is_given_up(NOON, NOON + WINDOW - timedelta(seconds=1))
    assert is_given_up(NOON, NOON + WINDOW)
