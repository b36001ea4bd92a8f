"""What the demo's staff wrote down about customers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.models import Member, Organization
from billing.orm.actor import Actor
from customers.actions.notes import add_note
from customers.models import Customer, Note

# whose (place in the list), by whom (place among the people), days ago, pinned, text
NOTES = (
    (0, 0, 41, True, "Invoices over 1,000 need a purchase order: ask Ms Vogel before the month ends."),
    (0, 2, 12, False, "Called about the spring credits. They want to use them for the workshop in autumn."),
    (0, 1, 3, False, "Pays by transfer each Thursday.\nOne reminder was sent too early; we said sorry."),
    (1, 2, 9, False, "Thirty credits as an apology for the outage on the 4th."),
    (2, 1, 20, True, "Yearly contract, signed. What is owed goes on the next invoice."),
    (3, 3, 5, False, "Asked how storage is counted. Sent the explanation of the peak per day."),
)


def make_notes(organization: Organization, customers: Sequence[Customer], at: datetime) -> None:
    """Notes of the last weeks, by the people of the organization, the oldest first."""
    members = Member.objects.of(organization).select_related("user").order_by("created_at", "pk")
    people = [Actor("user", member.user.name, user_id=member.user_id) for member in members]
    for place, author, days, pinned, text in sorted(NOTES, key=lambda note: -note[2]):
        if place < len(customers):
            written = (at - timedelta(days=days)).replace(hour=8 + days % 7, minute=7 * days % 60)
            note = add_note(customers[place], text, pinned=pinned, by=people[author], at=written)
            Note.objects.filter(pk=note.pk).update(created_at=written, updated_at=written)
