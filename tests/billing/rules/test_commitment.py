"""Minimum commitments: the worked cases, and laws over any figures."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.commitment import counted, true_up
from billing.rules.periods import BillingTime, Interval, Period, period_at
from billing.rules.proration import Share, share

DATA = Path(__file__).parents[2] / "data" / "worked_cases.jsonl"
CASES = [
    pytest.param(case, id=case["id"])
    for case in map(json.loads, DATA.read_text().splitlines())
    if case["area"] == "commitment.coefficient"
]


@pytest.mark.parametrize("case", CASES)
def test_the_part_of_a_period_that_is_committed(case: dict[str, Any]) -> None:
    asked = case["given"]
    full = period_at(
        datetime.fromisoformat(asked["period"]["from"]),
        interval=Interval(asked["plan"]["interval"]),
        billing_time=BillingTime(asked["billing_time"]),
        anchor=datetime.fromisoformat(asked["started_at"]),
        tz="UTC",
    )
    start, end = (datetime.fromisoformat(asked["period"][name]) for name in ("from", "to"))
    days = share(Period(start, end), full, "UTC")
    assert str(float(days.days) / days.of) == case["expect"]["coefficient"]


def test_a_part_of_a_quarter_by_hand() -> None:
    """10,000.00 x 20 / 91 = 2,197.802: 219,780; less 2,198 and 7,000 are 210,582."""
    found = true_up(1_000_000, Share(20, 91), 2_198 + 7_000)
    assert (found.committed_minor, found.missing_minor) == (219_780, 210_582)


def test_only_used_days_of_a_fee_in_advance_count() -> None:
    """31.00 for 31 days, ended after 10."""
    assert counted(3_100, Share(10, 31)) == 1_000


@given(st.integers(0, 10**12), st.integers(1, 366), st.integers(0, 366), st.integers(0, 10**12))
def test_what_is_billed_and_what_is_missing_reach_the_commitment(
    amount: int, of: int, days: int, billed: int
) -> None:
    found = true_up(amount, Share(min(days, of), of), billed)
    assert found.missing_minor >= 0
    assert max(found.billed_minor, found.committed_minor) == found.billed_minor + found.missing_minor
    assert abs(found.committed_minor * of - amount * min(days, of)) * 2 <= of
