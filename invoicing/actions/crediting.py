"""Crediting an issued invoice by hand: by line, over an amount, all that is left, or the tax alone; as credit or as
money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from billing.actions.locks import lock_customer_of
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from invoicing.actions.credit_notes import CreditItem, create_credit_note, void_note
from invoicing.actions.draft import lock_invoice
from invoicing.actions.refunds import refund_invoice
from invoicing.models import CreditNote, Invoice, InvoiceType
from invoicing.queries.crediting import Creditable, creditable
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
    `refund_minor` of it goes back as money.
    """

    items: Mapping[str, int] = field(default_factory=dict)
    total_minor: int | None = None
    everything: bool = False
    only_tax: bool = False
    taxes: Mapping[str, int] | None = None
    refund_minor: int = 0
    with_tax: bool = False


def estimate(invoice: Invoice, request: CreditRequest) -> tuple[Credit, Creditable]:
    """The note that `issue_credit_note` would make, or the reason why it would make none."""
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid("Only a finalised invoice can be credited.", code="invoice_not_finalized")
    if invoice.type == InvoiceType.CREDIT.value:
        raise Invalid(
            "This invoice sold prepaid credits. Take the credits out of their wallet and give the payment back.",
            code="credit_invoice",
        )
    rest = creditable(invoice)
    if request.only_tax and not rest.tax_left_minor:
        raise Conflict("No tax is left on this invoice that could be credited.", code="no_tax_left")
    if not request.only_tax and not sum(rest.left.values()):
        raise Conflict("Everything on this invoice has been credited already.", code="nothing_left_to_credit")
    if request.only_tax:
        wanted = rest.tax_left if request.taxes is None else request.taxes
        credit = credit_tax(rest.lines, wanted, rest.tax_left)
    elif request.everything:
        credit = credit_everything(rest.lines, rest.tax_left)
    elif request.total_minor is not None:
        credit = credit_total(rest.lines, request.total_minor, rest.tax_left)
    elif request.with_tax:
        credit = credit_gross(rest.lines, request.items, rest.tax_left)
    else:
        credit = credit_items(rest.lines, request.items, rest.tax_left)
    most = refundable(credit.total_minor, rest.refundable_minor)
    if request.refund_minor < 0:
        raise Invalid("Must not be negative.", field="refund")
    if request.refund_minor > most:
        amount = from_minor(most, invoice.currency)
        raise Invalid(
            f"At most {amount:f} {invoice.currency} of this note can go back as money.",
            code="more_than_refundable",
            field="refund",
        )
    return credit, rest


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

    The part that is not given back as money is taken by the customer's next invoices.
    """
    lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    found = CreditNote.objects.of(invoice.organization_id).filter(key=key).first()
    if found is not None:
        return found
    credit, rest = estimate(invoice, request)
    rows = {str(row.pk): row for row in rest.rows}
    items = [
        CreditItem(rows[line], rows[line].description, minor, credit.item_taxes.get(line, 0))
        for line, minor in credit.items.items()
    ]
    note = create_credit_note(
        invoice,
        items,
        credit.taxes,
        refund_minor=request.refund_minor,
        reason=reason.value,
        description=description.strip(),
        key=key,
        by=by,
        at=at,
    )
    if request.refund_minor:
        refund_invoice(invoice, request.refund_minor, note=note, key=f"note:{note.pk}", by=by, at=at)
    return note


@transaction.atomic
def void_credit_note(note: CreditNote, *, reason: str = "", by: Actor, at: datetime) -> CreditNote:
    """Withdraw a note of which nothing was used and nothing was given back; its number stays."""
    lock_customer_of(note)
    note = CreditNote.objects.select_for_update(of=("self",)).get(pk=note.pk)
    if note.status == "voided":
        raise Invalid("This credit note is voided already.", code="credit_note_voided")
    if note.refund_minor:
        raise Conflict("Money was given back with this note: it stays.", code="credit_note_refunded")
    if note.offset_minor:
        raise Conflict("This note lowered what is due of its invoice: it stays.", code="credit_note_used")
    if note.balance_minor != note.total_minor:
        raise Conflict("This credit note has been used already.", code="credit_note_used")
    return void_note(note, reason=reason, by=by, at=at)
