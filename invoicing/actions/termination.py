"""Ending a subscription: its closing bill, and credit for days that were paid for in advance and are not
used.

In arrears the closing invoice has the fee for the days up to the end and the usage. In advance the unused
days become a credit note on the invoice that billed them, or, while that invoice is a draft, are simply not
billed. The credit note comes first, so that the closing invoice can already use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import end_subscription, lock_subscription
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from billing.rules.money import exact, to_minor
from billing.rules.periods import Period, days_in, local_date, start_of_day
from invoicing.actions.credit_notes import CreditItem, create_credit_note, credited_of
from invoicing.actions.draft import lock_draft, priced, write_draft
from invoicing.actions.periods import bill_due, invoice_windows
from invoicing.models import CreditNote, Invoice, InvoicedPeriod, InvoiceLine
from invoicing.queries.due import Account, accounts
from invoicing.queries.facts import FEE, Window, customer_zone, schedule_of, windows_of
from invoicing.queries.rates import Rates
from invoicing.rules.boundaries import fee_window
from invoicing.rules.states import InvoiceStatus
from invoicing.rules.termination import OnTermination, TerminationCredit, TerminationFacts, termination_credit

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Termination:
    """What ending a subscription has produced."""

    invoice: Invoice | None
    credit_note: CreditNote | None


@transaction.atomic
def terminate_subscription(
    subscription: Subscription,
    *,
    canceled: bool = False,
    reason: str = "",
    by: Actor,
    at: datetime,
    ended_at: datetime | None = None,
) -> Termination:
    """End a running subscription at `ended_at` (default: now) and bill it up to there. `canceled`: because the
    customer wanted out, which is what its status then says.

    Doing it twice changes nothing. A subscription that has not started is a Conflict: cancel it instead.
    """
    ended = ended_at or at
    customer = lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    if subscription.is_ended:
        return Termination(None, None)
    if not subscription.is_live:
        raise Conflict("Only a running subscription can be ended.", code="subscription_not_running")
    rates = Rates(customer.organization_id)
    made = bill_due(customer, [subscription], by=by, at=at, rates=rates, until=ended)
    subscription = end_subscription(subscription, canceled=canceled, reason=reason, by=by, at=ended)
    note = give_credit(customer, subscription, ended, by=by, at=at)
    tz = customer_zone(customer)
    windows = closing_windows(accounts([subscription], tz)[subscription.pk], ended)
    if windows:
        made += invoice_windows(customer, windows, by=by, at=at, rates=rates)
    return Termination(made[-1] if made else None, note)


def closing_windows(account: Account, ended: datetime) -> list[Window]:
    """What is left to bill at the end: usage since the last bill, and in arrears the days of the fee."""
    windows = []
    if account.usage_until < ended:
        windows.append(account.usage(ended, closing=True))
    schedule = schedule_of(account.subscription, account.tz)
    if schedule.pay_in_advance or ended <= schedule.started_at:
        return windows
    days = fee_window(schedule, schedule.period_at(ended - _MICROSECOND))
    if days is not None and days.start < ended and days.start not in account.fees:
        windows.append(Window(account.subscription, FEE, days.start, ended, closing=True))
    return windows


def give_credit(
    customer: Any, subscription: Subscription, ended: datetime, *, by: Actor, at: datetime
) -> CreditNote | None:
    """Give back the unused days of the fee that was billed in advance."""
    rows = InvoicedPeriod.objects.filter(subscription=subscription, kind=FEE, end__gt=ended)
    period = rows.select_related("invoice").order_by("-start").first()
    if not subscription.plan.pay_in_advance or period is None:
        return None
    if period.invoice.status == InvoiceStatus.DRAFT.value:
        shorten(period, customer, ended, by=by, at=at)
        return None
    if period.invoice.status != InvoiceStatus.FINALIZED.value:
        return None
    line = fee_line(period)
    credit = unused_credit(period, line, ended) if line else None
    if line is None or credit is None:
        return None
    days = "1 unused day" if credit.unused_days == 1 else f"{credit.unused_days} unused days"
    return create_credit_note(
        period.invoice,
        [CreditItem(line, f"{line.description}: {days}", credit.sub_total_minor)],
        min(credit.tax_minor, line.tax_minor),
        key=f"termination:{subscription.pk}",
        description=f"{subscription} ended, {credit.unused_days} of {credit.whole_days} days are unused",
        by=by,
        at=at,
    )


def shorten(period: InvoicedPeriod, customer: Any, ended: datetime, *, by: Actor, at: datetime) -> None:
    """While the fee stands on a draft, bill only the days up to the end, that day included."""
    invoice = lock_draft(period.invoice)
    tomorrow = start_of_day(local_date(ended, invoice.timezone) + timedelta(days=1), invoice.timezone)
    if tomorrow >= period.end:
        return
    period.end, period.closing = tomorrow, True
    period.save(update_fields=["end", "closing", "updated_at"])
    windows = windows_of(invoice)
    before = audit.snapshot(invoice, ["total_minor"])
    write_draft(invoice, customer, windows, priced(invoice, windows))
    changes = audit.differences(before, invoice)
    audit.record(
        invoice.organization, "invoice.shortened", invoice, by=by, at=at, customer=customer, changes=changes
    )


def fee_line(period: InvoicedPeriod) -> InvoiceLine | None:
    """The line that billed the fee of the period."""
    rows = InvoiceLine.objects.filter(
        invoice=period.invoice, subscription=period.subscription, kind="subscription", period_end=period.end
    )
    return rows.first()


def unused_credit(period: InvoicedPeriod, line: InvoiceLine, ended: datetime) -> TerminationCredit | None:
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
            invoice_total_minor=invoice.total_minor,
            invoice_paid_minor=invoice.paid_minor,
            trial_ends_at=period.subscription.trial_ends_at,
        ),
        OnTermination.CREDIT,
    )


def billed_price(line: InvoiceLine, whole_days: int, currency: str) -> int:
    """The price of a full period when the line was billed, from its frozen step: plans change."""
    if not line.steps:
        return int(line.amount_minor)
    step = line.steps[0]
    with exact():
        return to_minor(Decimal(step["amount"]) / Decimal(step["units"]) * whole_days, currency)
