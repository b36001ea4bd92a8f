"""Days that were paid for in advance and are not used: a credit note on the invoice that billed them, or, while that
invoice is a draft, they are simply not billed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.actions import audit
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.queries.pauses import pauses_of
from billing.queries.schedules import schedule_of
from billing.rules.money import exact, to_minor
from billing.rules.pauses import paused_days
from billing.rules.periods import Period, days_in, local_date, start_of_day
from invoicing.actions.credit_notes import CreditItem, create_credit_note, credited_of, taxes_of
from invoicing.actions.draft import lock_draft, priced, write_draft
from invoicing.actions.refunds import refund_invoice
from invoicing.models import CreditNote, Invoice, InvoicedPeriod, InvoiceLine
from invoicing.queries.crediting import creditable, refundable_of
from invoicing.queries.facts import FEE, windows_of
from invoicing.rules.states import InvoiceStatus
from invoicing.rules.termination import OnTermination, TerminationCredit, TerminationFacts, termination_credit


@dataclass(frozen=True)
class GivenBack:
    """How unused days were given back: by credit notes, or by not billing them on a `draft`, which was over
    `before_minor` until then.
    """

    notes: tuple[CreditNote, ...] = ()
    draft: Invoice | None = None
    before_minor: int = 0

    @property
    def note(self) -> CreditNote | None:
        """The one of the last period."""
        return self.notes[-1] if self.notes else None


NOTHING = GivenBack()


def give_back(
    customer: Any,
    subscription: Subscription,
    unused_from: datetime,
    mode: OnTermination,
    *,
    by: Actor,
    at: datetime,
) -> GivenBack:
    """Give back the days of fees billed in advance that follow `unused_from`, at which the subscription ended, or at
    which the pause began in which it did: as credit, as money, or off their invoice.
    """
    if mode == OnTermination.SKIP:
        return NOTHING
    found = NOTHING
    for period in fees_in_advance(subscription, unused_from):
        if period.invoice.status == InvoiceStatus.DRAFT.value:
            found = shorten(period, customer, unused_from, by=by, at=at)
        else:
            credit = unused_credit(period, mode, ended=unused_from)
            words = f"{subscription} ended"
            key = f"termination:{subscription.pk}:{period.pk}"
            found = with_note(found, credit_fee(period, credit, words, key=key, by=by, at=at))
    return found


def give_back_pause(
    customer: Any, subscription: Subscription, pause: Period, *, key: str, by: Actor, at: datetime
) -> GivenBack:
    """Give back the paused days of fees that were billed in advance, as credit; on drafts they are not billed."""
    found = NOTHING
    for period in fees_in_advance(subscription, pause.start, pause.end):
        if period.invoice.status == InvoiceStatus.DRAFT.value:
            found = price_anew(period.invoice, customer, by=by, at=at)
        else:
            credit = unused_credit(period, OnTermination.CREDIT, pause=pause)
            words = f"{subscription} was paused"
            note = credit_fee(period, credit, words, key=f"{key}:{period.pk}", by=by, at=at)
            found = with_note(found, note)
    return found


def fees_in_advance(
    subscription: Subscription, since: datetime, until: datetime | None = None
) -> list[InvoicedPeriod]:
    """What was billed in advance for days after `since`, on issued invoices and drafts."""
    if not subscription.plan.pay_in_advance:
        return []
    rows = InvoicedPeriod.objects.filter(subscription=subscription, kind=FEE, end__gt=since)
    rows = rows.filter(start__lt=until) if until else rows
    standing = [InvoiceStatus.DRAFT.value, InvoiceStatus.FINALIZED.value]
    return list(rows.filter(invoice__status__in=standing).select_related("invoice").order_by("start"))


def with_note(found: GivenBack, note: CreditNote | None) -> GivenBack:
    """One credit note more."""
    return replace(found, notes=(*found.notes, note)) if note else found


def credit_fee(
    period: InvoicedPeriod,
    credit: TerminationCredit | None,
    words: str,
    *,
    key: str,
    by: Actor,
    at: datetime,
) -> CreditNote | None:
    """The credit note for unused days of a period's fee."""
    line = fee_line(period)
    if line is None or credit is None:
        return None
    rest = creditable(period.invoice)
    days = "1 unused day" if credit.unused_days == 1 else f"{credit.unused_days} unused days"
    item = CreditItem(line, f"{line.description}: {days}", credit.sub_total_minor)
    everything = sum(rest.left.values()) == credit.sub_total_minor
    taxes = rest.tax_left if everything else taxes_of([item], credit.tax_minor, rest.taxes)
    # An earlier note over the tax alone leaves less of it, and then less goes back.
    total = credit.sub_total_minor + sum(taxes.values())
    refund = min(credit.refund_minor, total)
    note = create_credit_note(
        period.invoice,
        [item],
        taxes,
        refund_minor=refund,
        offset_minor=min(credit.offset_minor, total - refund),
        key=key,
        description=f"{words}, {credit.unused_days} of {credit.whole_days} days are unused",
        by=by,
        at=at,
    )
    if note.refund_minor:
        refund_invoice(period.invoice, note.refund_minor, note=note, key=f"note:{note.pk}", by=by, at=at)
    return note


def shorten(period: InvoicedPeriod, customer: Any, ended: datetime, *, by: Actor, at: datetime) -> GivenBack:
    """While the fee stands on a draft, bill only the days up to the end, that day included."""
    tz = period.invoice.timezone
    tomorrow = max(start_of_day(local_date(ended, tz) + timedelta(days=1), tz), period.start)
    if tomorrow >= period.end:
        return NOTHING
    invoice = lock_draft(period.invoice)
    period.end, period.closing = tomorrow, True
    period.save(update_fields=["end", "closing", "updated_at"])
    return price_anew(invoice, customer, by=by, at=at)


def price_anew(invoice: Invoice, customer: Any, *, by: Actor, at: datetime) -> GivenBack:
    """A draft without the days that are not charged any more."""
    invoice = lock_draft(invoice)
    windows = windows_of(invoice)
    before = audit.snapshot(invoice, ["total_minor"])
    write_draft(invoice, customer, windows, priced(invoice, windows))
    changes = audit.differences(before, invoice)
    if not changes:
        return NOTHING
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
    period: InvoicedPeriod,
    mode: OnTermination,
    *,
    ended: datetime | None = None,
    pause: Period | None = None,
) -> TerminationCredit | None:
    """What the rule gives back for the fee of a period: the days after its end, or those of a pause."""
    line = fee_line(period)
    if line is None:
        return None
    invoice, subscription, tz = period.invoice, period.subscription, period.invoice.timezone
    trial = subscription.trial_ends_at
    charged = Period(min(max(period.start, trial or period.start), period.end), period.end)
    since = pause.start if pause else ended
    earlier = [row for row in pauses_of(subscription) if since is None or row.start < since]
    full: Period = schedule_of(subscription, tz).period_at(period.start)
    return termination_credit(
        TerminationFacts(
            plan_amount_minor=billed_price(line, days_in(full, tz), invoice.currency),
            fee_minor=line.amount_minor,
            period=full,
            terminated_at=ended,
            tz=tz,
            tax_rate=line.tax_rate,
            fee_coupons=line.coupon_minor,
            already_credited_minor=credited_of(line),
            # What credit notes and wallets paid was no money: the rest of the invoice was to be paid.
            invoice_total_minor=invoice.subtotal_minor + invoice.taxes_minor,
            invoice_paid_minor=invoice.received_minor,
            trial_ends_at=trial,
            paused_days=paused_days(charged, [pause], tz) if pause else 0,
            paused_before=paused_days(charged, earlier, tz),
            fee_from=period.start,
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
