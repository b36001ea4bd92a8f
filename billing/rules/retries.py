"""When a delivery is tried again, and when an endpoint is left alone.

Laws. After the n-th failure in a row a delivery waits the n-th of `WAITS` (the last one again and again), longer or
shorter by up to a fifth, so that what failed together does not come back together. The last try is at the end of 72
hours; then the delivery is given up. An endpoint that has failed `RESTS_AFTER` times in a row is asked by one
delivery at a time, with growing rests between; one that has not answered well for 72 hours is paused.

Example: the first failure at 12:00:00 with no jitter is followed by a try at 12:00:05.
"""

from datetime import datetime, timedelta

WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 28_800, 36_000, 43_200)
)
WINDOW = timedelta(hours=72)
JITTER = 0.2
RESTS_AFTER = 10
LONGEST_REST = timedelta(minutes=30)


def next_try(
    failures: int, *, since: datetime, at: datetime, chance: float, pace: float = 1.0
) -> datetime | None:
    """The moment of the next try after `failures` in a row, the last one at `at`; None when the delivery is given up.

    `since`: when it was first due. `chance`: 0 to 1. `pace`: 1, or a fraction of it where waits are shortened.
    """
    end = since + WINDOW * pace
    if at >= end:
        return None
    wait = WAITS[min(failures, len(WAITS)) - 1] * pace
    return min(at + wait * (1 + JITTER * (2 * chance - 1)), end)


def rest(failures: int, *, pace: float = 1.0) -> timedelta | None:
    """How long an endpoint with this many failures in a row is left alone; None: not at all."""
    if failures < RESTS_AFTER:
        return None
    return min(WAITS[min(failures - RESTS_AFTER, len(WAITS) - 1)], LONGEST_REST) * pace


def is_given_up(failing_since: datetime, at: datetime, *, pace: float = 1.0) -> bool:
    """Whether an endpoint has failed for so long that it is paused."""
    return at - failing_since >= WINDOW * pace
