"""A worker is told of events to be billed at once, however many come."""

from __future__ import annotations

from billing.actions.usage_rows import Bell


def test_it_rings_once_in_a_while() -> None:
    bell = Bell(1.0)
    assert [bell.may_ring(moment) for moment in (0.0, 0.5, 0.99, 1.0, 1.5, 2.5)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]
