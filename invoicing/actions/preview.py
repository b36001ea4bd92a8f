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
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, item_lines
from invoicing.models import Invoice, InvoiceDeduction, InvoiceLine
from invoicing.rules.lines import Line
from invoicing.rules.totals import Totals, compute_totals


@dataclass(frozen=True)
class InvoicePreview:
    """The invoice as it would be, with its lines and deductions in memory only."""

    invoice: Invoice
    lines: list[InvoiceLine]
    deductions: list[InvoiceDeduction]

    @property
    def closed(self) -> bool:
        """Whether there is nothing to ask for, so that no document would come of it."""
        return self.invoice.status == "closed"


def preview_finalize(invoice: Invoice, *, by: Actor, at: datetime) -> InvoicePreview:
    """The result of finalising a draft now. Raises what finalising would raise."""
    with transaction.atomic():
        found = seen(finalize_invoice(invoice, by=by, at=at))
        transaction.set_rollback(True)
    return found


def preview_bill_now(customer: Any, *, by: Actor, at: datetime) -> InvoicePreview:
    """The draft that billing the customer now would make. Raises Conflict when there is nothing to bill."""
    with transaction.atomic():
        found = seen(bill_now(customer, by=by, at=at))
        transaction.set_rollback(True)
    return found


def seen(invoice: Invoice) -> InvoicePreview:
    """Everything read before it is taken back."""
    lines = list(invoice.lines.select_related("charge__metric").order_by("position"))
    deductions = list(invoice.deductions.order_by("kind", "created_at"))
    return InvoicePreview(invoice, lines, deductions)


@dataclass(frozen=True)
class OneOffPreview:
    """Priced lines of a one-off invoice and their totals."""

    lines: list[Line]
    totals: Totals


def preview_one_off(customer: Any, items: Sequence[Item], taxes: Sequence[TaxRow] | None) -> OneOffPreview:
    """The totals of these items with these taxes (None: the customer's). Raises FieldErrors like creating."""
    lines = item_lines(items, customer, taxes)
    return OneOffPreview(lines, compute_totals(lines, currency=customer.currency))
