"""Finalising: a draft becomes a numbered document that never changes again.

In one transaction: lock the customer, then the invoice; collect what a postpaid customer owes on wallets of the
currency by an invoice of its own; compute the lines anew; use coupons, then credit notes from the oldest, then wallet
credits; copy seller and buyer; take the number last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions.coupons import use_coupons
from billing.actions.locks import lock_customer_of
from billing.actions.wallet_debits import consume
from billing.actions.wallet_watch import look_again
from billing.orm.actor import Actor
from billing.orm.writing import write
from billing.queries.coupons import facts as coupon_facts
from billing.queries.coupons import usable_coupons
from billing.rules.errors import Conflict
from billing.rules.money import from_minor
from invoicing.actions.draft import (
    close,
    groups_of,
    issues_nothing,
    lock_draft,
    priced,
)
from invoicing.actions.issuing import issue
from invoicing.actions.progressive_excess import excess_of, give_back_excess
from invoicing.actions.rows import write_rows
from invoicing.actions.second_looks import reading
from invoicing.actions.wallet_settling import collect_debts
from invoicing.models import CreditNote, DeductionKind, Invoice, InvoiceDeduction, InvoiceType
from invoicing.queries.credits import NO_CREDITS, credits_of
from invoicing.queries.facts import USAGE, Window, windows_of
from invoicing.queries.preview import taxed_anew
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line
from invoicing.rules.states import InvoiceStatus
from invoicing.rules.totals import CreditNoteFacts, compute_totals, parts_of


@transaction.atomic
def finalize_invoice(
    invoice: Invoice,
    *,
    by: Actor,
    at: datetime,
    expected_total: int | None = None,
    rates: Rates | None = None,
) -> Invoice:
    """Issue a draft. Returns the invoice, finalized, or closed when there was nothing to ask for.

    `expected_total`: the total in minor units that a person has confirmed; another one is a Conflict
    (total_changed) and nothing happens. Raises Invalid (invoice_not_draft) when it is no draft any more.
    """
    customer = lock_customer_of(invoice)
    draft = lock_draft(invoice)
    return finalize_locked(draft, customer, expected_total=expected_total, rates=rates, by=by, at=at)


def finalize_locked(
    invoice: Invoice,
    customer: Any,
    *,
    rates: Rates | None = None,
    expected_total: int | None = None,
    by: Actor,
    at: datetime,
) -> Invoice:
    """`finalize_invoice` for a caller that has locked the customer and then the draft. `rates`: prices and taxes that
    a run has read for many invoices.
    """
    if invoice.type == InvoiceType.SUBSCRIPTION.value:
        windows = windows_of(invoice, rates)
        write(reading(invoice))
        settle_subscription(invoice, customer, windows, priced(invoice, windows, rates), by=by, at=at)
    elif invoice.type == InvoiceType.ONE_OFF.value:
        lines = taxed_anew(invoice, rates)
        if lines is not None:
            write_rows(invoice, lines, compute_totals(lines, currency=invoice.currency))
        if credits_of(customer.pk, invoice.currency).wallets:
            collect_debts(customer, invoice.currency, by=by, at=at)
    if expected_total is not None and invoice.total_minor != expected_total:
        total = from_minor(invoice.total_minor, invoice.currency)
        raise Conflict(
            f"The total is {total:f} {invoice.currency} now. Check it again.", code="total_changed"
        )
    if invoice.status != InvoiceStatus.CLOSED.value:
        issue(invoice, customer, by=by, at=at)
    return invoice


def finalize_new(
    invoice: Invoice,
    customer: Any,
    windows: Sequence[Window],
    lines: Sequence[Line],
    *,
    groups: Mapping[str, str] | None = None,
    by: Actor,
    at: datetime,
) -> Invoice | None:
    """Issue an empty invoice of this transaction at once (no grace period). None: nothing to ask for. `groups`:
    {subscription id: heading}, where it is not that of the windows.
    """
    settle_subscription(invoice, customer, windows, lines, groups=groups, by=by, at=at, fresh=True)
    if invoice.status == InvoiceStatus.CLOSED.value:
        return None
    return issue(invoice, customer, by=by, at=at)


def settle_subscription(
    invoice: Invoice,
    customer: Any,
    windows: Sequence[Window],
    lines: Sequence[Line],
    *,
    groups: Mapping[str, str] | None = None,
    by: Actor,
    at: datetime,
    fresh: bool = False,
) -> None:
    """Write the final lines and use up coupons, credit notes and wallet credits, in this order. What progressive
    invoices asked for too much is given back first: this invoice can use it.
    """
    if any(window.kind == USAGE and window.subscription.progressively_billed for window in windows):
        give_back_excess(invoice, excess_of(windows, lines), by=by, at=at)
    has = credits_of(customer.pk, invoice.currency) if lines else NO_CREDITS
    if has.in_use or not (lines or fresh):
        look_again(customer)
    applied = usable_coupons(customer, invoice.currency, lock=True) if has.coupons else []
    notes = usable_notes(invoice, customer) if has.notes else []
    totals = compute_totals(
        lines,
        [coupon_facts(row) for row in applied],
        credit_notes=[CreditNoteFacts(str(note.pk), note.balance_minor) for note in notes],
        currency=invoice.currency,
    )
    headings = groups_of(windows) if groups is None else groups
    rows = write_rows(invoice, lines, totals, applied, groups=headings, fresh=fresh)
    if not lines or issues_nothing(customer, lines):
        close(invoice)
        return
    use_coupons(totals.coupons, applied, at=at)
    deductions = [use_note(invoice, note, dict(totals.credit_notes)) for note in notes]
    invoice.credit_notes_minor = totals.credit_notes_minor
    if has.wallets:
        collect_debts(customer, invoice.currency, by=by, at=at)
    if totals.total_minor and has.wallets:
        for wallet, minor in consume(
            customer,
            totals.total_minor,
            invoice.currency,
            parts_of(lines, totals),
            [row.pk for row in rows],
            invoice=invoice,
            by=by,
            at=at,
        ):
            deductions.append(deduction(invoice, DeductionKind.WALLET, str(wallet), minor, wallet=wallet))
            invoice.wallet_credits_minor += minor
    if used := [row for row in deductions if row]:
        InvoiceDeduction.objects.bulk_create(used)
    invoice.total_minor = totals.total_minor - invoice.wallet_credits_minor


def usable_notes(invoice: Invoice, customer: Any) -> list[CreditNote]:
    """The customer's credit notes with something left, oldest first, locked; never the invoice's own."""
    rows = CreditNote.objects.available().filter(customer=customer, currency=invoice.currency)
    return list(rows.exclude(invoice=invoice).order_by("created_at", "pk").select_for_update(of=("self",)))


def use_note(invoice: Invoice, note: CreditNote, used: dict[str, int]) -> InvoiceDeduction | None:
    """Take what the totals have taken from a credit note."""
    minor = used.get(str(note.pk), 0)
    if not minor:
        return None
    note.balance_minor -= minor
    note.save(update_fields=["balance_minor", "updated_at"])
    return deduction(invoice, DeductionKind.CREDIT_NOTE, note.number, minor, credit_note=note)


def deduction(invoice: Invoice, kind: DeductionKind, label: str, minor: int, **link: Any) -> InvoiceDeduction:
    """What lowered the invoice after tax."""
    return InvoiceDeduction(
        organization_id=invoice.organization_id,
        invoice=invoice,
        kind=kind.value,
        label=label[:255],
        amount_minor=minor,
        **link,
    )
