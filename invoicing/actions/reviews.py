"""Invoices that a change of type put in question: asking for them, marking them as reviewed, taking that back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_present_customer
from billing.orm.actor import Actor
from billing.orm.fields import new_id
from billing.rules.errors import Invalid
from invoicing.models import Invoice, InvoiceReview

MAX_NOTE = 500


def ask_for_review(invoices: Sequence[Invoice], *, on: date) -> None:
    """These invoices should be looked at, also when somebody did after an earlier change. Inside the transaction of
    the change, which has the audit line.
    """
    InvoiceReview.objects.filter(invoice__in=invoices).delete()
    InvoiceReview.objects.bulk_create(
        InvoiceReview(organization_id=row.organization_id, invoice=row, asked_on=on) for row in invoices
    )


@transaction.atomic
def mark_reviewed(
    customer: Any,
    *,
    invoices: Collection[UUID] | None = None,
    note: str = "",
    today: date,
    by: Actor,
    at: datetime,
) -> list[InvoiceReview]:
    """The given invoices, or all of the customer that wait, were looked at. Those that somebody has marked already
    stay as they are. Returns what was marked; raises Invalid for an invoice that was never in question.
    """
    said = clean_note(note)
    customer = lock_present_customer(customer.pk)
    rows = InvoiceReview.objects.of_customer(customer)
    if invoices is None:
        rows = rows.current(today)
    else:
        rows = rows.filter(invoice__in=invoices)
        if rows.count() != len(set(invoices)):
            raise Invalid(
                "Choose invoices that are to be reviewed.", code="not_in_question", field="invoices"
            )
    batch, marked = new_id(), list(rows.waiting().locked())
    for row in marked:
        row.reviewed_at, row.note, row.batch = at, said, batch
        row.reviewer_id, row.reviewer_label = by.user_id, by.label[:200]
        row.save()
        tell("invoice.reviewed", row, customer, said, by=by, at=at)
    return marked


@transaction.atomic
def undo_review(
    customer: Any,
    *,
    batch: UUID | None = None,
    invoices: Collection[UUID] | None = None,
    by: Actor,
    at: datetime,
) -> list[InvoiceReview]:
    """What was marked together, or the given invoices, wait for their review again. Again: nothing happens."""
    customer = lock_present_customer(customer.pk)
    rows = InvoiceReview.objects.of_customer(customer).filter(reviewed_at__isnull=False)
    rows = rows.filter(batch=batch) if batch else rows.filter(invoice__in=invoices or [])
    opened = list(rows.locked())
    for row in opened:
        said = row.note
        row.reviewed_at = row.reviewer = row.batch = None
        row.reviewer_label = row.note = ""
        row.save()
        tell("invoice.review_undone", row, customer, said, by=by, at=at)
    return opened


def clean_note(note: str) -> str:
    """One line of at most 500 characters."""
    said = " ".join(note.replace("\x00", "").split())
    if len(said) > MAX_NOTE:
        raise Invalid(f"Use at most {MAX_NOTE} characters.", field="note")
    return said


def tell(action: str, row: InvoiceReview, customer: Any, note: str, *, by: Actor, at: datetime) -> None:
    """The line of the audit trail, on the invoice's page and the customer's."""
    audit.record(row.invoice.organization, action, row.invoice, by=by, at=at, customer=customer, reason=note)
