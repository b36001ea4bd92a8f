"""An invoice made again from a voided one: its lines, as they were or corrected, with others added.

It is issued at once under its own number: what it says was looked at when it was made, and a draft would be computed
from usage again. Its taxes, coupons, credit notes and wallet credits are those of today. Periods stay with the voided
invoice, and no minimum is settled anew. Sold credits are sold again as they were. Progressive invoices are not made
again: what a voided one had billed is asked for when its period closes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_present_customer
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.orm.fields import new_id
from billing.rules.errors import Conflict, FieldErrors, Invalid, NotFound
from invoicing.actions.announcing import as_it_is
from invoicing.actions.draft import lock_invoice, new_invoice
from invoicing.actions.finalize import finalize_new
from invoicing.actions.issuing import issue
from invoicing.actions.line_plans import completed, refuse
from invoicing.actions.one_off import Item, item_lines
from invoicing.actions.rows import write_rows
from invoicing.actions.top_up import sell_credits
from invoicing.actions.wallet_settling import collect_debts
from invoicing.models import Invoice, InvoiceLine, InvoiceType
from invoicing.queries.copied_lines import copied, less_progressive, rows_of, windows_behind
from invoicing.queries.credits import credits_of
from invoicing.queries.line_edits import pricing_of
from invoicing.queries.rates import Rates
from invoicing.rules.adjusting import Correction, corrected, units_alone
from invoicing.rules.lines import Line
from invoicing.rules.states import InvoiceStatus
from invoicing.rules.totals import compute_totals

AS_IT_WAS = Correction()


@dataclass(frozen=True)
class Remade:
    """What is to stand on the new invoice: the voided one's lines by id, each with what changes (`AS_IT_WAS`:
    nothing; a line that is missing is left out), and items that are added. `lines` None: all as they were.
    """

    lines: Mapping[UUID, Correction] | None = None
    items: Sequence[Item] = ()


@dataclass(frozen=True)
class Foreseen:
    """What a new invoice would be: its row and what lowers it, as (label, minor units), and its lines' amounts."""

    invoice: Invoice
    amounts: list[int]
    deductions: list[tuple[str, str, int]]


def refusal(invoice: Invoice) -> str:
    """Why no invoice can be made again from this one; empty when one can."""
    if invoice.status != InvoiceStatus.VOIDED.value:
        return "Only a voided invoice can be made again. Void it first."
    if Invoice.objects.filter(voided_invoice=invoice).exists():
        return "It was made again already."
    if invoice.customer.deleted_at or invoice.customer.deleting_at:
        return "Its customer is deleted."
    if invoice.type == InvoiceType.PROGRESSIVE.value:
        return "What it had billed is asked for by the invoice that closes the period."
    if invoice.type == InvoiceType.CREDIT.value:
        if invoice.wallet is None or invoice.wallet_credits is None:
            return "It collected a debt of a wallet, which the next invoice collects again."
        if invoice.wallet.status != "active":
            return "Its wallet has ended."
    return ""


@transaction.atomic
def regenerate_invoice(invoice: Invoice, wanted: Remade | None = None, *, by: Actor, at: datetime) -> Invoice:
    """Issue an invoice in place of a voided one, once. Raises Conflict (not_regenerable) with the reason, and Invalid
    or FieldErrors naming `lines[<id>].units`, `items[0].units` and the like.
    """
    customer = lock_present_customer(invoice.customer_id)
    invoice = lock_invoice(invoice)
    if invoice.customer_id != customer.pk:
        raise Conflict("Its customer was merged meanwhile. Try again.", code="try_again")
    invoice.customer = customer
    if why := refusal(invoice):
        raise Conflict(why, code="not_regenerable")
    wanted = wanted or Remade()
    if invoice.type == InvoiceType.CREDIT.value:
        made = sold_again(invoice, wanted, by=by, at=at)
    else:
        made = billed_again(invoice, customer, wanted, by=by, at=at)
    audit.record(
        invoice.organization,
        "invoice.regenerated",
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes={
            "number": (invoice.number, made.number),
            "total_minor": (invoice.total_minor, made.total_minor),
        },
    )
    emit(invoice.organization, "invoice.regenerated", made, as_it_is(made), at=at)
    return made


def preview_regeneration(invoice: Invoice, wanted: Remade, *, by: Actor, at: datetime) -> Foreseen:
    """What `regenerate_invoice` would issue, by doing it and taking it back; raises as it does."""
    with transaction.atomic():
        made = regenerate_invoice(invoice, wanted, by=by, at=at)
        found = Foreseen(
            made,
            list(made.lines.order_by("position").values_list("amount_minor", flat=True)),
            [(row.get_kind_display(), row.label, row.amount_minor) for row in made.deductions.all()],
        )
        transaction.set_rollback(True)
    return found


def sold_again(invoice: Invoice, wanted: Remade, *, by: Actor, at: datetime) -> Invoice:
    """The same credits of the same wallet; they arrive when this one is paid."""
    if wanted.lines is not None or wanted.items:
        raise Invalid("Sold credits are made again as they were.", code="lines_fixed", field="lines")
    wallet, credits = invoice.wallet, invoice.wallet_credits
    assert wallet is not None and credits is not None  # noqa: S101 - `refusal` saw to it
    made = sell_credits(wallet, credits, key=f"regenerated:{invoice.pk.hex}", by=by, at=at)
    made.voided_invoice = invoice
    made.save(update_fields=["voided_invoice", "updated_at"])
    return made


def billed_again(invoice: Invoice, customer: Any, wanted: Remade, *, by: Actor, at: datetime) -> Invoice:
    """The lines that stay, as they are to be, and the added ones on a new invoice."""
    rates = Rates(invoice.organization_id)
    rows = chosen_rows(invoice, wanted)
    lines = [
        changed(row, copied(row, rates), wanted.lines[row.pk] if wanted.lines else AS_IT_WAS, rates)
        for row in rows
    ]
    lines += added(wanted, customer, invoice.currency)
    if not lines:
        raise Invalid("An invoice needs a line.", code="no_lines", field="lines")
    made = fresh_invoice(invoice, customer, at)
    if invoice.type == InvoiceType.ONE_OFF.value:
        if credits_of(customer.pk, made.currency).wallets:
            collect_debts(customer, made.currency, by=by, at=at)
        write_rows(made, lines, compute_totals(lines, currency=made.currency), fresh=True)
        return issue(made, customer, by=by, at=at)
    windows = windows_behind(rows)
    groups = {str(row.subscription_id): row.group for row in rows if row.subscription_id}
    issued = finalize_new(
        made, customer, windows, less_progressive(lines, windows), groups=groups, by=by, at=at
    )
    if issued is None:
        raise Conflict("There is nothing to ask for: all its lines are 0.", code="nothing_to_ask_for")
    return issued


def fresh_invoice(invoice: Invoice, customer: Any, at: datetime) -> Invoice:
    """The new invoice with what it takes over."""
    made = new_invoice(
        customer,
        InvoiceType(invoice.type),
        invoice.currency,
        invoice.period_start or at,
        invoice.period_end or at,
        at=at,
    )
    made.period_start, made.period_end = invoice.period_start, invoice.period_end
    made.timezone = invoice.timezone
    made.purchase_order, made.notes = invoice.purchase_order, invoice.notes
    made.voided_invoice = invoice
    return made


def chosen_rows(invoice: Invoice, wanted: Remade) -> list[InvoiceLine]:
    """The lines that stay."""
    rows = rows_of(invoice)
    if wanted.lines is None:
        return rows
    if unknown := wanted.lines.keys() - {row.pk for row in rows}:
        raise NotFound(f"The voided invoice has no line {min(map(str, unknown))}.", code="line_not_found")
    return [row for row in rows if row.pk in wanted.lines]


def changed(row: InvoiceLine, line: Line, wanted: Correction, rates: Rates) -> Line:
    """A line as it is to be; other units alone are priced by the charge where that makes sense, else at the line's
    own unit price.
    """
    if wanted == AS_IT_WAS:
        return line
    try:
        refuse(wanted, line.facts.currency, line.facts.description, above_zero=False)
        pricing = pricing_of(row.subscription, line.facts, rates) if row.subscription else None
        if wanted.unit_amount is not None or (wanted.units is not None and units_alone(line.kind, pricing)):
            wanted = completed(wanted, line.facts.description, line.units, line.unit_amount)
        return replace(corrected(line, wanted, pricing), original=line)
    except FieldErrors as error:
        raise FieldErrors(
            [(f"lines[{row.public_id}].{name}", text) for name, text in error.errors]
        ) from error
    except Invalid as error:
        raise FieldErrors([(f"lines[{row.public_id}].{error.field}", str(error))]) from error


def added(wanted: Remade, customer: Any, currency: str) -> list[Line]:
    """The items that are added, in the invoice's currency."""
    if not wanted.items:
        return []
    billed = copy(customer)
    billed.currency = currency  # the customer's may have changed since
    return [replace(line, key=new_id()) for line in item_lines(wanted.items, billed, None)]
