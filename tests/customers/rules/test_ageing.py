"""Buckets of what is late, and changes in per cent, by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from customers.rules.ageing import BUCKETS, change_percent

TODAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("due_on", "name"),
    [
        (None, None),
        (date(2026, 4, 1), None),
        (date(2026, 3, 31), None),
        (date(2026, 3, 30), "late_30"),
        (date(2026, 3, 1), "late_30"),
        (date(2026, 2, 28), "late_60"),
        (date(2026, 1, 30), "late_60"),
        (date(2026, 1, 29), "late_90"),
        (date(2025, 12, 31), "late_90"),
        (date(2025, 12, 30), "late_more"),
        (date(2020, 1, 1), "late_more"),
    ],
)
def test_every_late_day_is_in_one_bucket(due_on: date | None, name: str | None) -> None:
    found = [
        one.name
        for one in BUCKETS
        for first, last in [one.due_days(TODAY)]
        if due_on is not None and (not first or first <= due_on) and due_on <= last
    ]
    assert found == ([name] if name else [])


@pytest.mark.parametrize(
    ("now", "before", "percent"),
    [
        (10000, 8000, "25"),
        (8000, 10000, "-20"),
        (5000, 5000, "0"),
        (0, 300, "-100"),
        (100, 300, "-66.7"),
        (2001, 2000, "0.1"),
        (500, 0, None),
    ],
)
def test_a_change_in_per_cent(now: int, before: int, percent: str | None) -> None:
    assert change_percent(now, before) == (None if percent is None else Decimal(percent))
