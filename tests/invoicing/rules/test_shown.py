"""The word an invoice is shown with, and what can be done with it."""

from datetime import date

import pytest

from invoicing.rules.shown import possible_acts, shown_status

DUE = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("status", "payment", "today", "word"),
    [
        ("draft", "pending", date(2027, 1, 1), "draft"),
        ("voided", "pending", date(2027, 1, 1), "voided"),
        ("finalized", "paid", date(2027, 1, 1), "paid"),
        ("finalized", "pending", DUE, "finalized"),
        ("finalized", "pending", date(2026, 4, 1), "overdue"),
        ("finalized", "partially_paid", DUE, "partially_paid"),
        ("finalized", "partially_paid", date(2026, 4, 1), "overdue"),
        ("finalized", "failed", DUE, "payment_failed"),
    ],
)
def test_the_word(status: str, payment: str, today: date, word: str) -> None:
    assert shown_status(status, payment, DUE, today) == word


def test_without_a_due_day_nothing_is_overdue() -> None:
    assert shown_status("finalized", "pending", None, date(2099, 1, 1)) == "finalized"


def test_what_is_contested_is_not_overdue() -> None:
    late = date(2027, 1, 1)
    assert shown_status("finalized", "partially_paid", DUE, late, disputed=True) == "disputed"
    assert shown_status("finalized", "paid", DUE, late, disputed=True) == "paid"
    assert "end_dispute" in possible_acts("finalized", "one_off", 5, disputed=True)


def test_what_can_be_done() -> None:
    assert possible_acts("draft", "subscription", 0) == {"finalize", "refresh"}
    assert possible_acts("draft", "one_off", 0) == {"finalize", "delete"}
    assert possible_acts("draft", "credit", 0) == {"finalize"}
    assert possible_acts("finalized", "one_off", 5) == {"void", "pay", "write_off", "credit", "dispute"}
    assert possible_acts("finalized", "one_off", 0) == {"void", "credit"}
    assert possible_acts("finalized", "credit", 0) == {"void", "credit"}
    assert possible_acts("voided", "one_off", 0) == {"regenerate"}
    assert possible_acts("voided", "progressive_billing", 0) == frozenset()


def test_the_rest_was_given_up() -> None:
    assert shown_status("finalized", "paid", DUE, date(2027, 1, 1), written_off=True) == "written_off"
    assert possible_acts("finalized", "one_off", 0, written_off=True) == {"undo_write_off", "credit"}
