"""The days of reminders: the customer's own, a short while of grace, never before the invoice itself."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from billing.rules.errors import Invalid
from invoicing.rules.reminders import days_in, reminder_due

DUE = date(2026, 3, 31)
DAYS = [-3, 7, 14]


@pytest.mark.parametrize(
    ("local", "found"),
    [
        (datetime(2026, 3, 27, 12), None),
        (datetime(2026, 3, 28, 7, 59), None),  # not before eight
        (datetime(2026, 3, 28, 8), -3),
        (datetime(2026, 3, 30, 23), -3),  # nothing ran for two days
        (datetime(2026, 3, 31, 9), None),
        (datetime(2026, 4, 7, 7), None),
        (datetime(2026, 4, 7, 8), 7),
        (datetime(2026, 4, 9, 8), 7),
        (datetime(2026, 4, 10, 7), 7),  # the night still belongs to the day before
        (datetime(2026, 4, 10, 8), None),
        (datetime(2026, 4, 14, 10), 14),
        (datetime(2026, 6, 1, 10), None),
    ],
)
def test_a_reminder_goes_out_on_its_day_or_two_days_later(local: datetime, found: int | None) -> None:
    assert reminder_due(DAYS, due_on=DUE, issued_on=date(2026, 3, 1), local=local) == found


def test_of_several_the_latest_counts() -> None:
    local = datetime(2026, 4, 3, 9)
    assert reminder_due([1, 2, 3], due_on=DUE, issued_on=date(2026, 3, 1), local=local) == 3


@pytest.mark.parametrize(("issued", "found"), [(date(2026, 3, 27), -3), (date(2026, 3, 28), None)])
def test_none_comes_on_the_day_of_the_invoice_itself(issued: date, found: int | None) -> None:
    assert reminder_due(DAYS, due_on=DUE, issued_on=issued, local=datetime(2026, 3, 28, 9)) == found


def test_one_before_the_due_date_does_not_come_after_it() -> None:
    local = datetime(2026, 4, 1, 9)
    assert reminder_due([-1], due_on=DUE, issued_on=date(2026, 3, 1), local=local) is None


@pytest.mark.parametrize(
    ("text", "days"), [("14, 7", [7, 14]), ("", []), ("3;3 5", [3, 5]), (" 365 ", [365])]
)
def test_days_are_numbers(text: str, days: list[int]) -> None:
    assert days_in(text, "days_after") == days


@pytest.mark.parametrize("text", ["0", "366", "a", "-3", "1.5", "1,2,3,4,5,6", "²"])
def test_other_texts_are_refused_for_their_field(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        days_in(text, "days_after")
    assert caught.value.field == "days_after"
