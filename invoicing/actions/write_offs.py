"""Giving up the rest of an invoice, and taking that back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from invoicing.actions.draft import lock_invoice
from invoicing.actions.past_due import follow_debts
from invoicing.models import Invoice, WriteOff, WriteOffKind
from invoicing.queries.payloads import write_off_payload
from invoicing.rules.states import InvoiceStatus, payment_status

MOST_KEY = 200
AMOUNTS = ["paid_minor", "written_off_minor", "payment_status"]


@transaction.atomic
def write_off(
    invoice: Invoice,
    *,
    kind: str,
    reason: str = "",
    expected_minor: int | None = None,
    key: str,
    by: Actor,
    at: datetime,
) -> WriteOff:
    """Give up all that is due of a finalised invoice: nothing is owed for it any more, and nothing was received.

    `expected_minor` is what the person saw as due; when a payment came in between, that is a Conflict
    (due_changed). `key` makes a repeat harmless. Raises Invalid for what is not finalised or has nothing due, and for
    an invoice over a wallet's debt (wallet_debt): giving it up would leave the debt on the wallet.
    """
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    found = WriteOff.objects.filter(invoice=invoice, key=key).first()
    if found is not None:
        return found
    if kind not in WriteOffKind.values:
        raise Invalid(f"Use one of {', '.join(WriteOffKind.values)}.", field="kind")
    amount = check_due(invoice, expected_minor)
    row = WriteOff.objects.create(
        organization_id=invoice.organization_id,
        invoice=invoice,
        amount_minor=amount,
        currency=invoice.currency,
        kind=kind,
        reason=reason.strip()[:500],
        written_off_at=at,
        key=key,
    )
    before = audit.snapshot(invoice, AMOUNTS)
    invoice.paid_minor += amount
    invoice.written_off_minor = amount
    said = ". ".join(filter(None, [row.get_kind_display(), row.reason]))
    settle(invoice, customer, before, row, "invoice.written_off", said, by=by, at=at)
    follow_debts(customer, by=by, at=at)
    return row


@transaction.atomic
def undo_write_off(invoice: Invoice, *, by: Actor, at: datetime) -> WriteOff:
    """What was given up is owed again. Raises Invalid (not_written_off) when nothing was."""
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    row = WriteOff.objects.select_for_update(of=("self",)).filter(invoice=invoice, undone_at=None).first()
    if row is None:
        raise Invalid("Nothing of this invoice is written off.", code="not_written_off")
    row.undone_at = at
    row.save(update_fields=["undone_at", "updated_at"])
    before = audit.snapshot(invoice, AMOUNTS)
    invoice.paid_minor -= invoice.written_off_minor
    invoice.written_off_minor = 0
    settle(invoice, customer, before, row, "invoice.write_off_undone", "", by=by, at=at)
    return row


def check_due(invoice: Invoice, expected_minor: int | None) -> int:
    """What is due of it, or the reason why it cannot be given up."""
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid(
            f"This invoice is {invoice.status}: only a finalised one can be written off.",
            code="invoice_not_finalized",
        )
    if invoice.written_off_minor:
        raise Invalid("The rest of this invoice is written off already.", code="invoice_written_off")
    if not invoice.due_minor:
        raise Invalid("Nothing is due of this invoice.", code="invoice_paid")
    if invoice.wallet_id and not invoice.wallet_credits:
        raise Invalid(
            "This invoice asks for what is owed on a wallet, and that would still be owed. Void it instead.",
            code="wallet_debt",
        )
    if expected_minor is not None and expected_minor != invoice.due_minor:
        due = from_minor(invoice.due_minor, invoice.currency)
        raise Conflict(f"Meanwhile {due:f} {invoice.currency} is due. Look again.", code="due_changed")
    return invoice.due_minor


def settle(
    invoice: Invoice,
    customer: Any,
    before: dict[str, Any],
    row: WriteOff,
    action: str,
    reason: str,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Write what is due now, and tell."""
    invoice.payment_status = payment_status(invoice.total_minor, invoice.paid_minor).value
    invoice.save(update_fields=[*AMOUNTS, "updated_at"])
    audit.record(
        invoice.organization,
        action,
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes=audit.differences(before, invoice),
        reason=reason,
    )
    emit(invoice.organization, action, row, write_off_payload(row), at=at)
