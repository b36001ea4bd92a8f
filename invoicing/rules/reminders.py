"""When an invoice is called to mind: so many days before its due date, and so many after it.

Days are the customer's own, from eight in the morning. A reminder is for its day; one that could not go out then,
since nothing ran, still does within two days, later ones are left out: nobody wants last month's reminders today.
Where several have come meanwhile, the latest counts. Nothing is called to mind before the day after the invoice was
issued.

Example: due on the 31st, reminders at -3, 7 and 14: on the 28th, and on the 7th and 14th of the next month.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from billing.rules.errors import Invalid

FROM_HOUR = 8
CATCH_UP_DAYS = 2
MOST_DAYS = 365
MOST_REMINDERS = 5


def reminder_due(days: Sequence[int], *, due_on: date, issued_on: date, local: datetime) -> int | None:
    """Which of `days` (below zero: before the due date) is to go out now, at the customer's local time; None for
    none of them.
    """
    today = local.date() if local.hour >= FROM_HOUR else local.date() - timedelta(days=1)
    come = [
        step
        for step in days
        if today - timedelta(days=CATCH_UP_DAYS) <= due_on + timedelta(days=step) <= today
        and due_on + timedelta(days=step) > issued_on
        and (step >= 0 or today <= due_on)
    ]
    return max(come, default=None)


def days_in(text: str, field: str) -> list[int]:
    """ "14, 7" -> [7, 14]. Raises Invalid for the field."""
    parts = text.replace(";", ",").replace(",", " ").split()
    if not all(part.isdecimal() and part.isascii() and len(part) < 5 for part in parts):
        raise Invalid("Write days as numbers, with commas between them: 7, 14.", code="invalid", field=field)
    return checked_days((int(part) for part in parts), field)


def checked_days(days: Iterable[int], field: str) -> list[int]:
    """Each day once, in order. Raises Invalid for one that is not from 1 to 365, and for more than five."""
    found = sorted(set(days))
    if any(not 1 <= day <= MOST_DAYS for day in found):
        raise Invalid(f"Use days from 1 to {MOST_DAYS}.", code="invalid", field=field)
    if len(found) > MOST_REMINDERS:
        raise Invalid(f"{MOST_REMINDERS} reminders are the most.", code="invalid", field=field)
    return found
