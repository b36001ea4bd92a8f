"""Usage thresholds by hand, and what must hold for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.thresholds import LifetimeUsage, Thresholds, faults, next_amount, passed

FIXED = Thresholds((10, 20, 31, 40))


@pytest.mark.parametrize(
    ("invoiced", "current", "expected"),
    [
        (0, 7, ()),
        (0, 10, (10,)),
        (0, 31, (10, 20, 31)),
        (9, 2, (10,)),
        (9, 31, (10, 20, 31, 40)),
        (11, 10, (20,)),
        (21, 20, (31, 40)),
        (40, 2, ()),
        (50, 0, ()),
    ],
)
def test_fixed_thresholds_are_passed_from_below(
    invoiced: int, current: int, expected: tuple[int, ...]
) -> None:
    assert passed(FIXED, LifetimeUsage(invoiced=invoiced, current=current)).amounts == expected


def test_a_recurring_threshold_counts_beyond_the_largest_one() -> None:
    """200, 500, 700, then each 1,000. 880 on progressive invoices, 3,080 used: a further stretch is complete."""
    thresholds = Thresholds((200, 500, 700), 1000)
    assert passed(thresholds, LifetimeUsage(current=660, progressive=220)).amounts == (500,)
    assert passed(thresholds, LifetimeUsage(current=3080, progressive=880)).amounts == (1000,)
    assert passed(thresholds, LifetimeUsage(current=1700)).amounts == (200, 500, 700, 1000)
    assert passed(thresholds, LifetimeUsage(current=1699)).amounts == (200, 500, 700)


def test_what_was_used_before_it_came_here_counts() -> None:
    assert passed(FIXED, LifetimeUsage(historical=35, current=5)).amounts == (40,)


def test_usage_taken_back_after_an_invoice_passes_nothing() -> None:
    assert not passed(Thresholds((10,), 5), LifetimeUsage(current=8, progressive=12))


def test_the_next_threshold() -> None:
    thresholds = Thresholds((200, 500), 1000)
    assert [next_amount(thresholds, total) for total in (0, 200, 499, 500, 999, 1000)] == [
        200,
        500,
        500,
        1000,
        1000,
        2000,
    ]
    assert next_amount(Thresholds((200,)), 200) is None


def test_thresholds_that_make_no_sense() -> None:
    assert faults([0], None) and faults([5], -1) and faults([5, 5], None)
    assert not faults([5, 10], 3)


amounts = st.integers(1, 10_000)


@given(st.lists(amounts, unique=True, max_size=6), st.lists(st.integers(0, 3000), max_size=12))
def test_each_fixed_threshold_fires_once_however_usage_arrives(fixed: list[int], arrivals: list[int]) -> None:
    """With an invoice after each check that passed something, no threshold is passed twice, and none is left out."""
    fired: list[int] = []
    current = progressive = 0
    for units in arrivals:
        current += units
        found = passed(Thresholds(tuple(fixed)), LifetimeUsage(current=current, progressive=progressive))
        if found:
            fired += found.fixed
            progressive = current
    assert sorted(fired) == sorted(amount for amount in fixed if amount <= current)
