"""A customer contests an invoice: it is still owed, but it counts as overdue no more and nobody is asked to pay it,
until the dispute is ended.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.states import move
from invoicing.actions.announcing import as_it_is
from invoicing.actions.draft import lock_invoice
from invoicing.actions.past_due import follow_debts
from invoicing.models import Invoice
from invoicing.rules.states import DISPUTE_MOVES, DisputeState, InvoiceStatus

MOST_REASON = 500


@transaction.atomic
def dispute_invoice(invoice: Invoice, *, reason: str, by: Actor, at: datetime) -> Invoice:
    """Note that the customer contests what is due. Subscriptions that were past due for it alone recover.

    Raises Invalid naming `reason`, Invalid (invoice_not_finalized), Conflict (nothing_due) when it is paid, and
    Conflict (invalid_move) when it is in dispute already.
    """
    text = reason.strip()
    if not text:
        raise Invalid("Say what the customer contests.", field="reason")
    if len(text) > MOST_REASON:
        raise Invalid(f"Use at most {MOST_REASON} characters.", field="reason")
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid(f"This invoice is {invoice.status}.", code="invoice_not_finalized")
    if not invoice.due_minor:
        raise Conflict("Nothing is due for this invoice.", code="nothing_due")
    invoice.dispute = move(DISPUTE_MOVES, DisputeState(invoice.dispute), DisputeState.OPEN).value
    invoice.disputed_at, invoice.dispute_reason, invoice.dispute_ended_at = at, text, None
    invoice.save(update_fields=FIELDS)
    audit.record(
        invoice.organization, "invoice.disputed", invoice, by=by, at=at, customer=customer, reason=text
    )
    follow_debts(customer, by=by, at=at)
    emit(invoice.organization, "invoice.disputed", invoice, as_it_is(invoice), at=at)
    return invoice


FIELDS = ["dispute", "disputed_at", "dispute_reason", "dispute_ended_at", "updated_at"]


@transaction.atomic
def end_dispute(
    invoice: Invoice, outcome: DisputeState, *, note: str = "", by: Actor, at: datetime
) -> Invoice:
    """Say how a dispute ended. What is still due can be asked for again; where the customer was right (`upheld`), a
    credit note is what corrects the invoice. Raises Conflict (invalid_move) when there is none.
    """
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    before = audit.snapshot(invoice, ["dispute"])
    invoice.dispute = move(DISPUTE_MOVES, DisputeState(invoice.dispute), outcome).value
    invoice.dispute_ended_at = at
    invoice.save(update_fields=FIELDS)
    audit.record(
        invoice.organization,
        "invoice.dispute_ended",
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes=audit.differences(before, invoice),
        reason=note.strip(),
    )
    follow_debts(customer, on=timezone.localtime(at).date(), by=by, at=at)
    emit(invoice.organization, "invoice.dispute_ended", invoice, as_it_is(invoice), at=at)
    return invoice
