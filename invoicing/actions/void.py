"""Voiding: an issued invoice is withdrawn. It keeps its number and its lines; what it used up is given
back.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit, coupons, wallet_debits
from billing.actions.locks import lock_customer_of
from billing.actions.wallet_watch import look_again
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.states import move
from invoicing.actions.announcing import announce
from invoicing.actions.credit_notes import void_note
from invoicing.actions.draft import lock_invoice
from invoicing.actions.past_due import follow_debts
from invoicing.actions.publish import ask_for_pdf
from invoicing.models import CreditNote, DeductionKind, Invoice, InvoiceDeduction, InvoiceType
from invoicing.rules.states import INVOICE_MOVES, InvoiceStatus, PaymentStatus


@transaction.atomic
def void_invoice(invoice: Invoice, *, reason: str = "", by: Actor, at: datetime) -> Invoice:
    """Withdraw a finalised invoice: coupons, credit notes and wallet credits it used are given back, its own
    unused credit notes are voided. The periods it billed are not billed again. A worker then makes the PDF with the
    stamp, which prints `reason`. A progressive
    invoice that a later one has taken off is voided after that one.

    Raises Invalid (invoice_paid) when money was received for it, Invalid (invoice_not_finalized) when it is
    not finalised (or voided already), Conflict (credit_note_used) when one of its credit notes has been
    used.
    """
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid(f"This invoice is {invoice.status}, it cannot be voided.", code="invoice_not_finalized")
    if invoice.offset_minor:
        raise Conflict("A credit note lowered what is due of it: it stays.", code="credit_note_used")
    if invoice.written_off_minor:
        raise Conflict("The rest of it was written off. Undo that first.", code="invoice_written_off")
    if invoice.paid_minor:
        raise Invalid("Money was received for this invoice, it cannot be voided.", code="invoice_paid")
    check_taken_off(invoice)
    for note in CreditNote.objects.filter(invoice=invoice).exclude(status="voided").locked():
        if note.balance_minor != note.total_minor:
            raise Conflict(f"Credit note {note.number} has been used already.", code="credit_note_used")
        void_note(note, reason=reason, by=by, at=at)
    give_back(invoice, by=by, at=at)
    move(INVOICE_MOVES, InvoiceStatus(invoice.status), InvoiceStatus.VOIDED)
    invoice.status = InvoiceStatus.VOIDED.value
    invoice.payment_status = PaymentStatus.PENDING.value
    invoice.paid_at = None
    invoice.voided_at = at
    invoice.void_reason = reason.strip()[:500]
    invoice.save()
    audit.record(
        invoice.organization,
        "invoice.voided",
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes={"status": (InvoiceStatus.FINALIZED.value, InvoiceStatus.VOIDED.value)},
        reason=invoice.void_reason,
    )
    announce(invoice, "invoice.voided", at=at)
    follow_debts(customer, by=by, at=at)
    look_again(customer)
    ask_for_pdf(invoice)
    return invoice


def check_taken_off(invoice: Invoice) -> None:
    """Refuse while an invoice asks for less because of this progressive one."""
    if invoice.type != InvoiceType.PROGRESSIVE.value:
        return
    uses = InvoiceDeduction.objects.filter(
        kind=DeductionKind.PROGRESSIVE.value,
        label=invoice.number,
        invoice__customer=invoice.customer_id,
        invoice__billing_entity=invoice.billing_entity_id,
        invoice__status=InvoiceStatus.FINALIZED.value,
    )
    if used := uses.select_related("invoice").first():
        raise Conflict(
            f"Invoice {used.invoice.number} takes off what this one has billed. Void that one first.",
            code="taken_off_elsewhere",
        )


def give_back(invoice: Invoice, *, by: Actor, at: datetime) -> None:
    """Return coupons, credit note balances and wallet credits to the customer. Voided notes stay at zero."""
    rows = InvoiceDeduction.objects.filter(invoice=invoice).select_related("applied_coupon").order_by("pk")
    for row in rows:
        if row.applied_coupon is not None:
            coupons.give_back(row.applied_coupon, row.amount_minor, by=by, at=at)
        elif row.credit_note_id is not None:
            note = CreditNote.objects.select_for_update(of=("self",)).get(pk=row.credit_note_id)
            if note.status == "finalized":
                note.balance_minor += row.amount_minor
                note.save(update_fields=["balance_minor", "updated_at"])
    wallet_debits.give_back(invoice, by=by, at=at)
