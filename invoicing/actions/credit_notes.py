"""Credit notes: numbered documents that lower what later invoices ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.actions import audit, later
from billing.actions.locks import lock_customer_of
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import allocate_minor
from billing.rules.periods import local_date
from invoicing.actions.draft import lock_invoice
from invoicing.actions.numbers import number_credit_note
from invoicing.actions.past_due import follow_debts
from invoicing.actions.publish import ask_for_pdf
from invoicing.models import CreditNote, Invoice, InvoiceLine, PdfState
from invoicing.rules.states import InvoiceStatus, PaymentStatus, payment_status


@dataclass(frozen=True)
class CreditItem:
    """What is credited of a line, after the line's coupons and before tax, in minor units."""

    line: InvoiceLine
    description: str
    amount_minor: int


@transaction.atomic
def create_credit_note(
    invoice: Invoice,
    items: Sequence[CreditItem],
    tax_minor: int,
    *,
    refund_minor: int = 0,
    offset_minor: int = 0,
    key: str,
    reason: str = "order_cancellation",
    description: str = "",
    by: Actor,
    at: datetime,
) -> CreditNote:
    """Credit part of a finalised invoice to the customer's balance, from where later invoices take it;
    `refund_minor` of it is given back as money by the caller and not part of that balance; `offset_minor` of it
    lowers what is due of the invoice itself, at most all of it.

    `key` makes a repeat harmless. Raises Invalid for an invoice that is not finalised, Conflict for more
    than a line still has.
    """
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    found = CreditNote.objects.of(invoice.organization_id).filter(key=key).first()
    if found is not None:
        return found
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid("Only a finalised invoice can be credited.", code="invoice_not_finalized")
    for item in items:
        check_item(invoice, item)
    net = sum(item.amount_minor for item in items)
    if offset_minor > invoice.due_minor:
        raise Conflict("More than is due of the invoice.", code="more_than_due", field="offset")
    note = CreditNote(
        organization=invoice.organization,
        invoice=invoice,
        customer=customer,
        reason=reason,
        description=description[:500],
        currency=invoice.currency,
        issuing_on=local_date(at, invoice.timezone),
        customer_name=invoice.customer_name,
        items=[
            {"description": item.description, "amount_minor": item.amount_minor, "line": str(item.line.pk)}
            for item in items
        ],
        taxes=tax_rows(items, tax_minor),
        net_minor=net,
        tax_minor=tax_minor,
        total_minor=net + tax_minor,
        refund_minor=refund_minor,
        offset_minor=offset_minor,
        balance_minor=net + tax_minor - refund_minor - offset_minor,
        key=key,
        pdf_state=PdfState.PENDING.value,
    )
    note.number = number_credit_note(note)
    note.save(force_insert=True)
    audit.record(
        note.organization,
        "credit_note.created",
        note,
        by=by,
        at=at,
        customer=customer,
        changes={"total_minor": (0, note.total_minor)},
        reason=description,
    )
    later.enqueue(
        note.organization,
        "invoicing.publish_credit_note",
        key=f"cnpdf:{note.pk}",
        label=f"PDF of {note.number}",
        subject_id=note.pk,
    )
    if offset_minor:
        settle(invoice, note, by=by, at=at)
    return note


def settle(invoice: Invoice, note: CreditNote, *, by: Actor, at: datetime) -> None:
    """Take what a note offsets off its invoice, which may be paid by that."""
    before = audit.snapshot(invoice, ["paid_minor", "payment_status"])
    invoice.paid_minor += note.offset_minor
    invoice.offset_minor += note.offset_minor
    invoice.payment_status = payment_status(invoice.total_minor, invoice.paid_minor).value
    if invoice.payment_status == PaymentStatus.PAID.value:
        invoice.paid_at = at
    invoice.save(update_fields=["paid_minor", "offset_minor", "payment_status", "paid_at", "updated_at"])
    audit.record(
        invoice.organization,
        "invoice.offset",
        invoice,
        by=by,
        at=at,
        customer=note.customer,
        changes=audit.differences(before, invoice),
        reason=f"Credit note {note.number}",
    )
    if invoice.payment_status == PaymentStatus.PAID.value:
        follow_debts(note.customer, by=by, at=at)


def check_item(invoice: Invoice, item: CreditItem) -> None:
    """Refuse what is not on the invoice, nothing, or more than is left of the line."""
    if item.line.invoice_id != invoice.pk or item.amount_minor <= 0:
        raise Invalid("Credit a positive amount of a line of the invoice.", field="items")
    if item.amount_minor > item.line.amount_minor - item.line.progressive_minor - credited_of(item.line):
        raise Conflict("More than is left of the line.", code="line_already_credited", field="items")


def credited_of(line: InvoiceLine) -> int:
    """What credit notes have already taken back of a line, in minor units before tax."""
    notes = CreditNote.objects.filter(invoice_id=line.invoice_id).exclude(status="voided")
    items = (item for note in notes for item in note.items)
    return sum(item["amount_minor"] for item in items if item["line"] == str(line.pk))


def tax_rows(items: Sequence[CreditItem], tax_minor: int) -> list[dict[str, Any]]:
    """The tax by rate: [{"code", "name", "rate", "base_minor", "amount_minor"}], summing to `tax_minor`."""
    bases: dict[tuple[str, str, str], int] = {}
    for item in items:
        for tax in item.line.taxes:
            key = (tax["code"], tax["name"], tax["rate"])
            bases[key] = bases.get(key, 0) + item.amount_minor
    if not bases:
        return []
    parts = allocate_minor(tax_minor, [base * Decimal(key[2]) for key, base in bases.items()])
    return [
        {"code": code, "name": name, "rate": rate, "base_minor": base, "amount_minor": part}
        for ((code, name, rate), base), part in zip(bases.items(), parts, strict=True)
    ]


def void_note(note: CreditNote, *, reason: str = "", by: Actor, at: datetime) -> CreditNote:
    """Withdraw an unused credit note; its stamped PDF prints `reason`. The caller holds the customer's lock."""
    note.status = "voided"
    note.balance_minor = 0
    note.voided_at = at
    note.void_reason = reason.strip()[:500]
    note.save(update_fields=["status", "balance_minor", "voided_at", "void_reason", "updated_at"])
    audit.record(
        note.organization,
        "credit_note.voided",
        note,
        by=by,
        at=at,
        customer=note.customer,
        reason=note.void_reason,
    )
    ask_for_pdf(note)
    return note
