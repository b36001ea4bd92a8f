"""Minimum commitments by hand, and laws over any figures."""

from hypothesis import given
from hypothesis import strategies as st

from billing.rules.commitment import counted, true_up
from billing.rules.proration import Share


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
