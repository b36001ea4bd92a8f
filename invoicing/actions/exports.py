"""That invoices or credit notes have left the product as a file."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.actions.exports import Content, register
from billing.models import AuditEntry, Organization
from billing.orm.actor import Actor
from billing.rules.periods import local_date
from invoicing.models import CreditNote, Invoice, Payment
from invoicing.queries.files import INVOICE_FILES, NOTE_FILES, PAYMENT, payment_rows

ACTS = {"invoices": "invoices.exported", "credit_notes": "credit_notes.exported"}


@transaction.atomic
def record_export(
    organization: Organization, noun: str, query: str, content: str, *, by: Actor, at: datetime
) -> AuditEntry:
    """Writes who took which part of a list (`noun`: invoices, credit_notes), and what of it."""
    changes = {"filters": (None, query or "none"), "content": (None, content)}
    return audit.record(organization, ACTS[noun], organization, by=by, at=at, changes=changes)


def invoice_content(name: str, file: str) -> Content:
    """Invoices as one of `INVOICE_FILES`."""
    head, cells = INVOICE_FILES[file]
    return Content(
        name,
        "invoices.exported",
        Invoice.objects.of,
        lambda organization, rows, at: (head, cells(rows, local_date(at, organization.timezone))),
    )


def note_content(name: str, file: str) -> Content:
    """Credit notes as one of `NOTE_FILES`."""
    head, cells = NOTE_FILES[file]
    return Content(
        name,
        "credit_notes.exported",
        CreditNote.objects.of,
        lambda organization, rows, at: (head, cells(rows, local_date(at, organization.timezone))),
    )


for made in (
    invoice_content("invoices", "invoices"),
    invoice_content("invoice_lines", "lines"),
    note_content("credit_notes", "credit-notes"),
    note_content("credit_note_items", "items"),
    Content(
        "payments",
        "payments.exported",
        Payment.objects.of,
        lambda organization, rows, at: (PAYMENT, payment_rows(rows)),
    ),
):
    register(made)
