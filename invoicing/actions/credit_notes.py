"""Credit notes: numbered documents that lower what later invoices ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit, later
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.periods import local_date
from invoicing.actions.announcing import announce
from invoicing.actions.draft import lock_invoice
from invoicing.actions.numbers import number_credit_note
from invoicing.actions.past_due import follow_debts
from invoicing.actions.publish import ask_for_pdf
from invoicing.models import CreditNote, Invoice, InvoiceLine, PdfState
from invoicing.queries.crediting import CreditableTax, notes_of, rates_of, taken_of, taxes_left
from invoicing.queries.payloads import credit_note_payload
from invoicing.rules.credited_tax import exact_tax, tax_by_item, within
from invoicing.rules.states import InvoiceStatus, PaymentStatus, payment_status


@dataclass(frozen=True)
class CreditItem:
    """What is credited of a line, after the line's coupons and before tax, in minor units; over the tax alone it is
    0, and `tax_minor` is what the line carries of it.
    """

    line: InvoiceLine
    description: str
    amount_minor: int
    tax_minor: int = 0


@transaction.atomic
def create_credit_note(
    invoice: Invoice,
    items: Sequence[CreditItem],
    tax: int | Mapping[str, int],
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
    lowers what is due of the invoice itself, at most all of it. `tax`: by tax, as `queries/crediting.py` names them,
    or an amount that is spread over the items' taxes by rate, as far as something of them is left.

    `key` makes a repeat harmless. Raises Invalid for an invoice that is not finalised, Conflict for more
    than a line or a tax still has.
    """
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    found = CreditNote.objects.of(invoice.organization_id).filter(key=key).first()
    if found is not None:
        return found
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid("Only a finalised invoice can be credited.", code="invoice_not_finalized")
    notes = list(notes_of(invoice))
    check_items(invoice, items, taken_of(notes))
    left = taxes_left(invoice, notes)
    taxes = taxes_of(items, tax, left)
    net, tax_minor = sum(item.amount_minor for item in items), sum(taxes.values())
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
        items=item_rows(items, taxes, left),
        taxes=tax_rows(items, taxes, left),
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
    emit(note.organization, "credit_note.created", note, credit_note_payload(note), at=at)
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
        announce(invoice, "invoice.paid", at=at)
        follow_debts(note.customer, by=by, at=at)


def check_items(invoice: Invoice, items: Sequence[CreditItem], taken: Mapping[str, int]) -> None:
    """Refuse what is not on the invoice, nothing, or more than is left of a line; `taken`: by earlier notes."""
    for item in items:
        line = item.line
        positive = item.amount_minor > 0 or (item.amount_minor == 0 and item.tax_minor > 0)
        if line.invoice_id != invoice.pk or not positive:
            raise Invalid("Credit a positive amount of a line of the invoice.", field="items")
        if item.amount_minor > line.amount_minor - line.progressive_minor - taken.get(str(line.pk), 0):
            raise Conflict("More than is left of the line.", code="line_already_credited", field="items")


def credited_of(line: InvoiceLine) -> int:
    """What credit notes have already taken back of a line, in minor units before tax."""
    notes = CreditNote.objects.filter(invoice_id=line.invoice_id).exclude(status="voided")
    return taken_of(notes)[str(line.pk)]


def taxes_of(
    items: Sequence[CreditItem], tax: int | Mapping[str, int], left: Sequence[CreditableTax]
) -> dict[str, int]:
    """The note's taxes, never more than is left of one."""
    most = {row.key: row.left_minor for row in left}
    if isinstance(tax, int):
        weights = exact_tax([(item.amount_minor, rates_of(item.line, left)) for item in items])
        return within(tax, weights, most)
    if any(not 0 <= minor <= most.get(key, 0) for key, minor in tax.items()):
        raise Conflict("More than is left of the tax.", code="tax_already_credited", field="taxes")
    return dict(tax)


def item_rows(
    items: Sequence[CreditItem], taxes: Mapping[str, int], left: Sequence[CreditableTax]
) -> list[dict[str, Any]]:
    """The items as they are kept, each with its part of the taxes."""
    parts = [item.tax_minor for item in items]
    if not any(parts):
        parts = tax_by_item([(item.amount_minor, rates_of(item.line, left)) for item in items], taxes)
    return [
        {
            "description": item.description,
            "amount_minor": item.amount_minor,
            "tax_minor": part,
            "line": str(item.line.pk),
        }
        for item, part in zip(items, parts, strict=True)
    ]


def tax_rows(
    items: Sequence[CreditItem], taxes: Mapping[str, int], left: Sequence[CreditableTax]
) -> list[dict[str, Any]]:
    """The tax by rate: [{"code", "name", "rate", "base_minor", "amount_minor"}], summing to the note's tax. The base
    is what is credited before tax of the items that have it: 0 over the tax alone.
    """
    bases: Counter[str] = Counter()
    for item in items:
        for key, _ in rates_of(item.line, left):
            bases[key] += item.amount_minor
    return [
        {
            "code": tax.row.code,
            "name": tax.row.name,
            "rate": f"{tax.row.rate.normalize():f}",
            "base_minor": bases[tax.key],
            "amount_minor": taxes.get(tax.key, 0),
        }
        for tax in left
        if tax.key in bases or taxes.get(tax.key)
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
    emit(note.organization, "credit_note.voided", note, credit_note_payload(note), at=at)
    ask_for_pdf(note)
    return note
