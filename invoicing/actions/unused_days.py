"""Days that were paid for in advance and are not used: a credit note on the invoice that billed them, or, while that
invoice is a draft, they are simply not billed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.actions import audit
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.rules.money import exact, to_minor
from billing.rules.periods import Period, days_in, local_date, start_of_day
from invoicing.actions.credit_notes import CreditItem, create_credit_note, credited_of
from invoicing.actions.draft import lock_draft, priced, write_draft
from invoicing.actions.refunds import refund_invoice
from invoicing.models import CreditNote, Invoice, InvoicedPeriod, InvoiceLine
from invoicing.queries.crediting import creditable, refundable_of
from invoicing.queries.facts import FEE, schedule_of, windows_of
from invoicing.rules.states import InvoiceStatus
from invoicing.rules.termination import OnTermination, TerminationCredit, TerminationFacts, termination_credit


@dataclass(frozen=True)
class GivenBack:
    """How unused days were given back: by a credit note, or by not billing them on a `draft`, which was over
    `before_minor` until then.
    """

    note: CreditNote | None = None
    draft: Invoice | None = None
    before_minor: int = 0


NOTHING = GivenBack()


def give_back(
    customer: Any,
    subscription: Subscription,
    ended: datetime,
    mode: OnTermination,
    *,
    by: Actor,
    at: datetime,
) -> GivenBack:
    """Give back the unused days of the fee that was billed in advance, as credit, as money, or off its invoice."""
    rows = InvoicedPeriod.objects.filter(subscription=subscription, kind=FEE, end__gt=ended)
    period = rows.select_related("invoice").order_by("-start").first()
    if mode == OnTermination.SKIP or not subscription.plan.pay_in_advance or period is None:
        return NOTHING
    if period.invoice.status == InvoiceStatus.DRAFT.value:
        return shorten(period, customer, ended, by=by, at=at)
    if period.invoice.status != InvoiceStatus.FINALIZED.value:
        return NOTHING
    line = fee_line(period)
    credit = unused_credit(period, line, ended, mode) if line else None
    if line is None or credit is None:
        return NOTHING
    rest = creditable(period.invoice)
    days = "1 unused day" if credit.unused_days == 1 else f"{credit.unused_days} unused days"
    everything = sum(rest.left.values()) == credit.sub_total_minor
    note = create_credit_note(
        period.invoice,
        [CreditItem(line, f"{line.description}: {days}", credit.sub_total_minor)],
        rest.tax_left if everything else min(credit.tax_minor, rest.tax_left),
        refund_minor=credit.refund_minor,
        offset_minor=credit.offset_minor,
        key=f"termination:{subscription.pk}",
        description=f"{subscription} ended, {credit.unused_days} of {credit.whole_days} days are unused",
        by=by,
        at=at,
    )
    if note.refund_minor:
        refund_invoice(period.invoice, note.refund_minor, note=note, key=f"note:{note.pk}", by=by, at=at)
    return GivenBack(note)


def shorten(period: InvoicedPeriod, customer: Any, ended: datetime, *, by: Actor, at: datetime) -> GivenBack:
    """While the fee stands on a draft, bill only the days up to the end, that day included."""
    invoice = lock_draft(period.invoice)
    tomorrow = start_of_day(local_date(ended, invoice.timezone) + timedelta(days=1), invoice.timezone)
    if tomorrow >= period.end:
        return NOTHING
    period.end, period.closing = tomorrow, True
    period.save(update_fields=["end", "closing", "updated_at"])
    windows = windows_of(invoice)
    before = audit.snapshot(invoice, ["total_minor"])
    write_draft(invoice, customer, windows, priced(invoice, windows))
    changes = audit.differences(before, invoice)
    audit.record(
        invoice.organization, "invoice.shortened", invoice, by=by, at=at, customer=customer, changes=changes
    )
    return GivenBack(draft=invoice, before_minor=before["total_minor"])


def fee_line(period: InvoicedPeriod) -> InvoiceLine | None:
    """The line that billed the fee of the period."""
    rows = InvoiceLine.objects.filter(
        invoice=period.invoice, subscription=period.subscription, kind="subscription", period_end=period.end
    )
    return rows.first()


def unused_credit(
    period: InvoicedPeriod, line: InvoiceLine, ended: datetime, mode: OnTermination
) -> TerminationCredit | None:
    """What the rule gives back for the fee on this line."""
    invoice = period.invoice
    schedule = schedule_of(period.subscription, invoice.timezone)
    full: Period = schedule.period_at(period.start)
    return termination_credit(
        TerminationFacts(
            plan_amount_minor=billed_price(line, days_in(full, invoice.timezone), invoice.currency),
            fee_minor=line.amount_minor,
            period=full,
            terminated_at=ended,
            tz=invoice.timezone,
            tax_rate=line.tax_rate,
            fee_coupons=line.coupon_minor,
            already_credited_minor=credited_of(line),
            # What credit notes and wallets paid was no money: the rest of the invoice was to be paid.
            invoice_total_minor=invoice.subtotal_minor + invoice.taxes_minor,
            invoice_paid_minor=invoice.received_minor,
            trial_ends_at=period.subscription.trial_ends_at,
            refundable_minor=refundable_of(invoice),
            due_minor=invoice.due_minor,
        ),
        mode,
    )


def billed_price(line: InvoiceLine, whole_days: int, currency: str) -> int:
    """The price of a full period when the line was billed, from its frozen step: plans change."""
    if not line.steps:
        return int(line.amount_minor)
    step = line.steps[0]
    with exact():
        return to_minor(Decimal(step["amount"]) / Decimal(step["units"]) * whole_days, currency)
