"""Days of invoices."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.rules.issuing import (
    Adjustment,
    Anchor,
    Dating,
    adjustment_days,
    day_when_final,
    due_day,
    final_from,
    issuing_day,
)

END, NEXT = Anchor.CURRENT_PERIOD_END, Anchor.NEXT_PERIOD_START
KEEP, ALIGN = Adjustment.KEEP_ANCHOR, Adjustment.ALIGN_WITH_FINALIZATION_DATE
DATINGS = st.builds(Dating, st.sampled_from(Anchor), st.sampled_from(Adjustment), st.integers(0, 90))


@pytest.mark.parametrize(
    ("dating", "recurring", "days"),
    [
        (Dating(END, KEEP, 3), True, -1),
        (Dating(END, KEEP, 0), True, -1),
        (Dating(END, ALIGN, 3), True, 3),
        (Dating(END, ALIGN, 0), True, -1),
        (Dating(NEXT, KEEP, 3), True, 0),
        (Dating(NEXT, ALIGN, 3), True, 3),
        (Dating(NEXT, ALIGN, 0), True, 0),
        (Dating(END, KEEP, 3), False, 3),
        (Dating(END, KEEP, 0), False, 0),
    ],
)
def test_by_hand(dating: Dating, recurring: bool, days: int) -> None:
    assert adjustment_days(dating, recurring=recurring) == days
    first = date(2026, 3, 1)
    assert issuing_day(first, dating, recurring=recurring) == first + timedelta(days=days)


def test_a_kept_anchor_outlasts_a_late_end_of_the_draft() -> None:
    planned, today = date(2026, 2, 28), date(2026, 3, 9)
    assert day_when_final(planned, today, Dating(END, KEEP, 3), recurring=True) == planned
    assert day_when_final(planned, today, Dating(END, KEEP, 3), recurring=False) == today
    assert day_when_final(planned, today, Dating(END, ALIGN, 3), recurring=True) == today
    assert due_day(today, 30) == date(2026, 4, 8)


@given(DATINGS, st.booleans(), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_no_invoice_is_dated_after_it_becomes_final(dating: Dating, recurring: bool, day: date) -> None:
    carried = issuing_day(day, dating, recurring=recurring)
    assert day - timedelta(days=1) <= carried <= final_from(day, dating)
    if recurring and dating.adjustment is ALIGN and dating.grace_days:
        assert carried == final_from(day, dating)
