"""Ending a subscription: its closing bill, and credit for days that were paid for in advance and are not
used.

In arrears the closing invoice has the fee for the days up to the end and the usage. In advance the unused
days are given back (`unused_days.py`). That comes first, so that the closing invoice can already use the credit.
Both can be left out: then the usage up to the end is never billed, or the days that are left are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from billing.actions.locks import lock_customer_of
from billing.actions.pauses import close_pause
from billing.actions.subscriptions import end_subscription, lock_subscription
from billing.actions.successors import cancel_scheduled, scheduled_for
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone, schedule_of
from billing.rules.errors import Conflict
from billing.rules.periods import Period
from invoicing.actions.advance import gather_rest, work_off
from invoicing.actions.periods import bill_due, invoice_windows
from invoicing.actions.unused_days import NOTHING, GivenBack, give_back
from invoicing.models import CreditNote, Invoice
from invoicing.queries.due import Account, accounts
from invoicing.queries.facts import FEE, SETTLING, Window
from invoicing.queries.plan_changes import counted_until
from invoicing.queries.rates import Rates
from invoicing.rules.boundaries import between_months, fee_window
from invoicing.rules.termination import CREDIT_AND_BILL, Ending

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Termination:
    """What ending a subscription has produced: its closing invoice and what was given back. `earlier`: invoices of
    periods that were over before.
    """

    invoice: Invoice | None = None
    given_back: GivenBack = NOTHING
    earlier: tuple[Invoice, ...] = ()

    @property
    def invoices(self) -> list[Invoice]:
        """All of them, in order."""
        return [*self.earlier, *([self.invoice] if self.invoice else [])]

    @property
    def credit_note(self) -> CreditNote | None:
        """The credit note for unused days."""
        return self.given_back.note


@transaction.atomic
def terminate_subscription(
    subscription: Subscription,
    ending: Ending = CREDIT_AND_BILL,
    *,
    canceled: bool = False,
    reason: str = "",
    by: Actor,
    at: datetime,
    ended_at: datetime | None = None,
    rates: Rates | None = None,
) -> Termination:
    """End a running subscription at `ended_at` (default: now) and bill it up to there. `canceled`: because the
    customer wanted out, which is what its status then says.

    `ending`: what becomes of the usage up to there and of days paid in advance. Periods that ended before are billed
    in any case. Doing it twice changes nothing. A subscription that has not started is a Conflict: cancel it instead.
    `rates`: prices and taxes that were read already.
    """
    ended = ended_at or at
    customer = lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    if subscription.is_ended:
        return Termination()
    if not subscription.is_live:
        raise Conflict("Only a running subscription can be ended.", code="subscription_not_running")
    rates = rates or Rates(customer.organization_id)
    follower = scheduled_for(subscription)
    if follower is not None and follower.takes_over_at is not None and follower.takes_over_at <= ended:
        # The plan has changed by now, and the run was late: what ends is the subscription that took over.
        before = bill_due(customer, [subscription], by=by, at=at, rates=rates, until=ended)
        told: dict[str, Any] = {"reason": reason, "by": by, "at": at, "ended_at": ended, "rates": rates}
        outcome = terminate_subscription(follower, ending, canceled=canceled, **told)
        return replace(outcome, earlier=(*before, *outcome.earlier))
    work_off(customer, [subscription], by=by, at=at, rates=rates)
    cancel_scheduled(subscription, by=by, at=at)
    pause = close_pause(subscription, at=ended) if subscription.paused_at else None
    if pause:
        subscription.save(update_fields=["has_paused", "updated_at"])
    unpaid_from = pause.started_at if pause else ended

    def bill(until: datetime) -> list[Invoice]:
        return bill_due(
            customer, [subscription], by=by, at=at, rates=rates, until=until, unpaid_from=unpaid_from
        )

    earlier = bill(ended - _MICROSECOND)
    made = bill(ended) if ending.invoice else []
    subscription = end_subscription(subscription, canceled=canceled, reason=reason, by=by, at=ended)
    given_back = give_back(customer, subscription, unpaid_from, ending.unused, by=by, at=at)
    account = accounts([subscription], customer_zone(customer))[subscription.pk]
    windows: list[Window] = []
    if not ending.invoice and account.usage_until < ended:
        used = Period(account.usage_until, ended)
        rest = gather_rest(customer, subscription, used, by=by, at=at, rates=rates)
        made += [rest] if rest else []
    if ending.invoice:
        # What comes at the very end of a period belongs to the next one, which it has not lived.
        boundary = schedule_of(subscription, account.tz).usage_period_at(ended).start == ended
        used_until = ended if ended_at or boundary else counted_until(subscription, ended)
        windows = closing_windows(account, ended, used_until=used_until)
    if windows:
        made += invoice_windows(customer, windows, by=by, at=at, rates=rates)
    return Termination(made[-1] if made else None, given_back, tuple(earlier))


def closing_windows(
    account: Account,
    ended: datetime,
    *,
    used_until: datetime | None = None,
    fee_until: datetime | None = None,
) -> list[Window]:
    """What is left to bill at the end: usage since the last bill, and in arrears the days of the fee. They may end at
    other moments: where a plan changes, the day of the change is the new one's.

    A bill in between at the very same moment has left minimum spends and what stays in use for this one. What closed
    a month at that moment has left the commitment. Where the plan changes between two periods, usage that lies ahead
    is billed without the minimum spend of a period that the subscription has not lived.
    """
    windows = []
    schedule = schedule_of(account.subscription, account.tz)
    begun = schedule.started_at < ended
    used_until, fee_until = used_until or ended, fee_until or ended
    if account.usage_until < used_until or (begun and account.in_between):
        ahead = used_until > ended and schedule.usage_period_at(ended).start == ended
        windows.append(account.usage(used_until, closing=not ahead))
    if not schedule.together and account.fixed_from < used_until:
        windows.append(account.arrears(used_until))
    if begun and schedule.split and between_months(schedule, ended):
        windows.append(Window(account.subscription, SETTLING, ended, ended, closing=True))
    if schedule.pay_in_advance or not begun:
        return windows
    days = fee_window(schedule, schedule.period_at(fee_until - _MICROSECOND))
    if days is not None and days.start < fee_until and days.start not in account.fees:
        windows.append(Window(account.subscription, FEE, days.start, fee_until, closing=True))
    return windows
