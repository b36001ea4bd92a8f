"""Document numbers from locked counters: no gap, no number twice.

One statement raises the counter and locks its row until the transaction ends; a rollback gives the number
back. It must be the last lock that a transaction takes, because everybody who issues a document waits for
it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from billing.models import Numbering
from billing.orm.fields import new_id
from billing.rules.periods import local_date
from invoicing.models import CreditNote, Invoice, Numbered, Receipt
from invoicing.queries.next_numbers import first_number
from invoicing.rules.numbering import credit_note_number, customer_number, entity_number, receipt_number

RAISE = """
UPDATE invoicing_sequence SET last = last + 1, updated_at = now()
WHERE organization_id = %s AND key = %s RETURNING last
"""
BEGIN = """
INSERT INTO invoicing_sequence (id, organization_id, key, first, last, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, now(), now())
ON CONFLICT (organization_id, key)
DO UPDATE SET last = invoicing_sequence.last + 1, updated_at = now()
RETURNING last
"""


def take_number(organization_id: UUID, key: str, *, first: Callable[[], int] | None = None) -> int:
    """The next number of a series, which begins with `first` (asked for once), or 1."""
    with connection.cursor() as cursor:
        cursor.execute(RAISE, [organization_id, key])
        raised = cursor.fetchone()
        if raised is None:
            begins = first() if first else 1
            cursor.execute(BEGIN, [new_id(), organization_id, key, begins, begins])
            raised = cursor.fetchone()
        return int(raised[0])


def number_invoice(invoice: Invoice, customer: Any, at: datetime) -> str:
    """The number of an invoice that is issued now, in the style of its billing entity. Its place in the series is
    written on it.
    """
    entity = invoice.billing_entity
    if entity.numbering == Numbering.PER_CUSTOMER.value:
        place = take_place(invoice, f"invoice:{entity.pk.hex}:{customer.pk.hex}")
        return customer_number(entity.number_prefix, customer.sequence, place)
    place = take_place(invoice, f"invoice:{entity.pk.hex}", first=lambda: first_number(entity))
    return entity_number(entity.number_prefix, local_date(at, entity.timezone), place)


def number_credit_note(note: CreditNote) -> str:
    """The next credit note of its invoice: the invoice's number and CN001. Its place is written on it."""
    place = take_place(note, f"credit_note:{note.invoice_id.hex}")
    return credit_note_number(note.invoice.number, place)


def take_place(document: Numbered, key: str, *, first: Callable[[], int] | None = None) -> int:
    """The next number of a series for a document, which remembers it; the caller saves it."""
    organization_id: UUID = document.organization_id  # type: ignore[attr-defined]
    document.series, document.series_number = key, take_number(organization_id, key, first=first)
    return document.series_number


def number_receipt(receipt: Receipt, at: datetime) -> str:
    """The next receipt of its billing entity. Its place is written on it."""
    entity = receipt.billing_entity
    place = take_place(receipt, f"receipt:{entity.pk.hex}")
    return receipt_number(entity.number_prefix, local_date(at, entity.timezone), place)
