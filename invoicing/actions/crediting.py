"""Crediting an issued invoice by hand: by line, over an amount, all that is left, or the tax alone; as credit for the
next invoices, as money, or off what is due of the invoice itself.

An invoice that sold prepaid credits is credited one way: unpaid as a whole, off what is due of it; paid as money, up
to what is left of the credits that it sold, which go out of their wallet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.wallet_ledger import lock_row
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from invoicing.actions.credit_notes import CreditItem, create_credit_note, void_note
from invoicing.actions.draft import lock_invoice
from invoicing.actions.refunds import refund_invoice
from invoicing.actions.sold_credits import take_back
from invoicing.models import CreditNote, Invoice, InvoiceType
from invoicing.queries.crediting import Creditable, creditable
from invoicing.queries.sold_credits import sale_left, sale_refusal
from invoicing.rules.credited_gross import credit_gross
from invoicing.rules.crediting import (
    Credit,
    CreditReason,
    credit_everything,
    credit_items,
    credit_tax,
    credit_total,
    refundable,
)
from invoicing.rules.states import InvoiceStatus


@dataclass(frozen=True)
class CreditRequest:
    """What is to be credited: `items` {line id: minor units before tax, or with it when
    `with_tax`}, or `total_minor` with tax, or `everything`
    that is left, or `only_tax`: the tax alone, `taxes` {key: minor units} of it, all that is left when that is None.
    `refund_minor` of it goes back as money, `offset_minor` of it lowers what is due of the invoice.
    """

    items: Mapping[str, int] = field(default_factory=dict)
    total_minor: int | None = None
    everything: bool = False
    only_tax: bool = False
    taxes: Mapping[str, int] | None = None
    refund_minor: int = 0
    offset_minor: int = 0
    with_tax: bool = False


@dataclass(frozen=True)
class Estimate:
    """A note before it is made, in minor units: what of it goes back as money and lowers what is due, and the most
    that could.
    """

    credit: Credit
    rest: Creditable
    refund_minor: int
    offset_minor: int
    most_refund_minor: int
    most_offset_minor: int

    @property
    def credit_minor(self) -> int:
        """What the next invoices take."""
        return self.credit.total_minor - self.refund_minor - self.offset_minor


def estimate(invoice: Invoice, request: CreditRequest) -> Estimate:
    """The note that `issue_credit_note` would make, or the reason why it would make none."""
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid("Only a finalised invoice can be credited.", code="invoice_not_finalized")
    if invoice.type == InvoiceType.CREDIT.value:
        return estimate_sale(invoice, request)
    rest = creditable(invoice)
    credit = credit_of(rest, request)
    most_refund = refundable(credit.total_minor, rest.refundable_minor)
    most_offset = min(credit.total_minor, invoice.due_minor)
    check_part("refund", request.refund_minor, most_refund, invoice)
    check_part("offset", request.offset_minor, most_offset, invoice)
    check_part("offset", request.offset_minor, credit.total_minor - request.refund_minor, invoice)
    return Estimate(credit, rest, request.refund_minor, request.offset_minor, most_refund, most_offset)


def estimate_sale(invoice: Invoice, request: CreditRequest) -> Estimate:
    """A note over an invoice that sold prepaid credits: what becomes of it is not to be chosen."""
    if refused := sale_refusal(invoice):
        raise Conflict(refused, code="credit_invoice")
    rest = creditable(invoice)
    received = invoice.received_minor > 0
    most = sale_left(invoice) if received else rest.total_minor
    whole = request.everything or not received
    credit = credit_of(rest, CreditRequest(total_minor=most) if whole else request)
    if credit.total_minor > most:
        amount = from_minor(most, invoice.currency)
        raise Invalid(
            f"Only {amount:f} {invoice.currency} are left of the credits that it sold.",
            code="more_than_left",
            field="amount",
        )
    total = credit.total_minor
    refund, offset = (total, 0) if received else (0, total)
    for field_name, asked, forced in (
        ("refund", request.refund_minor, refund),
        ("offset", request.offset_minor, offset),
    ):
        if asked not in (0, forced):
            word = "goes back as money" if refund else "lowers what is due"
            raise Invalid(f"All of this note {word}.", code="credit_invoice", field=field_name)
    return Estimate(credit, rest, refund, offset, refund, offset)


def credit_of(rest: Creditable, request: CreditRequest) -> Credit:
    """The lines and taxes of a note."""
    if request.only_tax and not rest.tax_left_minor:
        raise Conflict("No tax is left on this invoice that could be credited.", code="no_tax_left")
    if not request.only_tax and not sum(rest.left.values()):
        raise Conflict("Everything on this invoice has been credited already.", code="nothing_left_to_credit")
    if request.only_tax:
        wanted = rest.tax_left if request.taxes is None else request.taxes
        return credit_tax(rest.lines, wanted, rest.tax_left)
    if request.everything:
        return credit_everything(rest.lines, rest.tax_left)
    if request.total_minor is not None:
        return credit_total(rest.lines, request.total_minor, rest.tax_left)
    if request.with_tax:
        return credit_gross(rest.lines, request.items, rest.tax_left)
    return credit_items(rest.lines, request.items, rest.tax_left)


def check_part(name: str, minor: int, most: int, invoice: Invoice) -> None:
    """Refuse a negative part of a note, and more than can be refunded or offset."""
    if minor < 0:
        raise Invalid("Must not be negative.", field=name)
    if minor > most:
        amount = f"{from_minor(most, invoice.currency):f} {invoice.currency}"
        how = "go back as money" if name == "refund" else "be taken off what is due"
        code = "more_than_refundable" if name == "refund" else "more_than_due"
        raise Invalid(f"At most {amount} of this note can {how}.", code=code, field=name)


@transaction.atomic
def issue_credit_note(
    invoice: Invoice,
    request: CreditRequest,
    *,
    reason: CreditReason,
    description: str = "",
    key: str,
    by: Actor,
    at: datetime,
) -> CreditNote:
    """A numbered credit note, also for a customer that has been deleted. `key` makes a repeat harmless.

    The part that is neither given back as money nor taken off what is due is taken by the customer's next invoices.
    """
    lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    found = CreditNote.objects.of(invoice.organization_id).filter(key=key).first()
    if found is not None:
        return found
    made = estimate(invoice, request)
    credit, rest = made.credit, made.rest
    sold_to = lock_row(invoice.wallet) if invoice.wallet and made.refund_minor else None
    rows = {str(row.pk): row for row in rest.rows}
    items = [
        CreditItem(rows[line], rows[line].description, minor, credit.item_taxes.get(line, 0))
        for line, minor in credit.items.items()
    ]
    note = create_credit_note(
        invoice,
        items,
        credit.taxes,
        refund_minor=made.refund_minor,
        offset_minor=made.offset_minor,
        reason=reason.value,
        description=description.strip(),
        key=key,
        by=by,
        at=at,
    )
    if sold_to is not None:
        take_back(sold_to, invoice, note, at=at)
    if made.refund_minor:
        refund_invoice(invoice, made.refund_minor, note=note, key=f"note:{note.pk}", by=by, at=at)
    return note


@transaction.atomic
def void_credit_note(note: CreditNote, *, reason: str = "", by: Actor, at: datetime) -> CreditNote:
    """Withdraw a note of which nothing was used and nothing was given back; its number stays."""
    note = lock_note(note)
    if note.refund_minor:
        raise Conflict("Money was given back with this note: it stays.", code="credit_note_refunded")
    if note.offset_minor:
        raise Conflict("This note lowered what is due of its invoice: it stays.", code="credit_note_used")
    if note.balance_minor != note.total_minor:
        raise Conflict("This credit note has been used already.", code="credit_note_used")
    return void_note(note, reason=reason, by=by, at=at)


@transaction.atomic
def withdraw_rest(note: CreditNote, *, reason: str = "", by: Actor, at: datetime) -> CreditNote:
    """Take what is left of a note out of the customer's credit, after a part was used, given back or offset. The note
    stays in force, also for what can be credited of its invoice. Twice changes nothing.
    """
    note = lock_note(note)
    if note.untouched:
        raise Conflict("Nothing of this note was used yet: void it.", code="credit_note_unused")
    if not note.balance_minor:
        return note
    before = audit.snapshot(note, ["balance_minor"])
    note.withdrawn_minor += note.balance_minor
    note.balance_minor = 0
    note.save(update_fields=["balance_minor", "withdrawn_minor", "updated_at"])
    audit.record(
        note.organization,
        "credit_note.rest_withdrawn",
        note,
        by=by,
        at=at,
        customer=note.customer,
        changes=audit.differences(before, note),
        reason=reason.strip()[:500],
    )
    return note


def lock_note(note: CreditNote) -> CreditNote:
    """The note as it is now, locked after its customer; Invalid once it is voided."""
    lock_customer_of(note)
    rows = CreditNote.objects.select_for_update(of=("self",)).select_related("organization", "customer")
    found = rows.get(pk=note.pk)
    if found.status == "voided":
        raise Invalid("This credit note is voided already.", code="credit_note_voided")
    return found
