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

from billing.models import Subscription
from billing.models import Tax as TaxRow
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from invoicing.actions.billing_run import bill_customer, bill_now
from invoicing.actions.effects import Effect
from invoicing.actions.one_off import Item, item_lines
from invoicing.actions.pauses import resume_subscription
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.unused_days import NOTHING, GivenBack
from invoicing.queries.foreseen import InvoicePreview, NextInvoice, foreseen, seen
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line
from invoicing.rules.termination import Ending, OnTermination
from invoicing.rules.totals import Totals, compute_totals


def preview_bill_now(customer: Any, *, by: Actor, at: datetime) -> InvoicePreview:
    """The draft that billing the customer now would make. Raises Conflict when there is nothing to bill."""
    with transaction.atomic():
        found = seen(bill_now(customer, by=by, at=at))
        transaction.set_rollback(True)
    return found


def preview_next_bill(
    customer: Any, moment: datetime, *, by: Actor, rates: Rates | None = None
) -> list[NextInvoice]:
    """What billing the customer at a moment to come would make, final: none when nothing would be to bill. `rates`:
    prices and taxes that were read already.

    Raises Conflict while the customer is being billed: it is locked then, and nobody waits for a figure.
    """
    rates = rates or Rates(customer.organization_id)
    with transaction.atomic():
        made = bill_customer(customer.pk, by=by, at=moment, rates=rates, wait=False)
        found = None if made is None else [foreseen(invoice, moment, rates) for invoice in made]
        transaction.set_rollback(True)
    if found is None:
        raise Conflict("This customer is being billed at this moment.", code="customer_busy")
    return found


@dataclass(frozen=True)
class EndingPreview:
    """What ending a subscription would bring: its closing invoice (None: nothing is to be billed), what is given
    back of days that were paid in advance, and the invoices of periods that are over and not billed yet.
    """

    invoice: NextInvoice | None
    given_back: GivenBack
    earlier: list[NextInvoice]


def credited(effect: Effect) -> EndingPreview:
    """The same of an effect that is known: of `effect_of_ending`, which gives the days back as credit."""
    outcome = effect.outcome
    bills = [item.bill for item in effect.after[: len(outcome.invoices)]]
    closing = bills.pop() if outcome.invoice else None
    return EndingPreview(closing, outcome.given_back, bills)


def preview_endings(
    subscription: Subscription, *, credit: EndingPreview | None = None, by: Actor, at: datetime
) -> dict[OnTermination, EndingPreview]:
    """Ending the subscription now, by what becomes of the days that were paid in advance: the ways that make a
    difference, and keeping them. Only that one where nothing can be given back. `credit`: what giving them back as
    credit brings, where that is known.
    """
    rates = Rates(subscription.organization_id)

    def preview(mode: OnTermination) -> EndingPreview:
        with transaction.atomic():
            ended = terminate_subscription(subscription, Ending(unused=mode), by=by, at=at, rates=rates)
            invoice = foreseen(ended.invoice, at, rates) if ended.invoice else None
            earlier = [foreseen(row, at, rates) for row in ended.earlier]
            transaction.set_rollback(True)
        return EndingPreview(invoice, ended.given_back, earlier)

    credit = credit or preview(OnTermination.CREDIT)
    if credit.given_back == NOTHING:  # keeping what cannot be given back is the same
        return {OnTermination.SKIP: credit}
    noted = credit.given_back.note is not None  # on a draft they are not billed, whatever the way
    ways = [OnTermination.REFUND, OnTermination.OFFSET] if noted else []
    found = {OnTermination.CREDIT: credit} | {mode: preview(mode) for mode in [*ways, OnTermination.SKIP]}
    return {mode: shown for mode, shown in found.items() if makes_a_difference(mode, shown)}


@dataclass(frozen=True)
class ResumptionPreview:
    """What going on after a pause would bring: invoices, and paused days that are given back."""

    invoices: list[NextInvoice]
    given_back: GivenBack


def preview_resumption(subscription: Subscription, *, by: Actor, at: datetime) -> ResumptionPreview:
    """Going on now. Raises Conflict for a subscription that is not paused."""
    with transaction.atomic():
        made = resume_subscription(subscription, by=by, at=at)
        found = ResumptionPreview([foreseen(row, at) for row in made.invoices], made.given_back)
        transaction.set_rollback(True)
    return found


def makes_a_difference(mode: OnTermination, preview: EndingPreview) -> bool:
    """Whether a way to give days back does what it says."""
    note = preview.given_back.note
    if mode == OnTermination.REFUND:
        return note is not None and note.refund_minor > 0
    if mode == OnTermination.OFFSET:
        return note is not None and note.offset_minor > 0
    return True


@dataclass(frozen=True)
class OneOffPreview:
    """Priced lines of a one-off invoice and their totals."""

    lines: list[Line]
    totals: Totals


def preview_one_off(customer: Any, items: Sequence[Item], taxes: Sequence[TaxRow] | None) -> OneOffPreview:
    """The totals of these items with these taxes (None: the customer's). Raises FieldErrors like creating."""
    lines = item_lines(items, customer, taxes)
    return OneOffPreview(lines, compute_totals(lines, currency=customer.currency))
