"""What an act would do, found out by doing it and taking it back.

The same code runs as in the real act, in a transaction that is rolled back: nothing is written, no number is
used up, no message is sent. So a dialog can state the exact result before a person confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.models import Tax as TaxRow
from billing.orm.actor import Actor
from invoicing.actions.billing_run import bill_now
from invoicing.actions.one_off import Item, item_lines
from invoicing.models import Invoice, InvoiceLine
from invoicing.rules.lines import Line
from invoicing.rules.totals import Totals, compute_totals


@dataclass(frozen=True)
class InvoicePreview:
    """The invoice as it would be, with its lines, in memory only."""

    invoice: Invoice
    lines: list[InvoiceLine]


def preview_bill_now(customer: Any, *, by: Actor, at: datetime) -> InvoicePreview:
    """The draft that billing the customer now would make. Raises Conflict when there is nothing to bill."""
    with transaction.atomic():
        found = seen(bill_now(customer, by=by, at=at))
        transaction.set_rollback(True)
    return found


def seen(invoice: Invoice) -> InvoicePreview:
    """Everything read before it is taken back."""
    lines = list(invoice.lines.select_related("charge__metric").order_by("position"))
    return InvoicePreview(invoice, lines)


@dataclass(frozen=True)
class OneOffPreview:
    """Priced lines of a one-off invoice and their totals."""

    lines: list[Line]
    totals: Totals


def preview_one_off(customer: Any, items: Sequence[Item], taxes: Sequence[TaxRow] | None) -> OneOffPreview:
    """The totals of these items with these taxes (None: the customer's). Raises FieldErrors like creating."""
    lines = item_lines(items, customer, taxes)
    return OneOffPreview(lines, compute_totals(lines, currency=customer.currency))
