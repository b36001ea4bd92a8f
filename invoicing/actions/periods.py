"""Billing what is due of one customer: each moment that has come becomes an invoice, in order of time.

The caller holds the customer's lock and that of the subscriptions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from billing.actions.subscriptions import end_trial
from billing.models import Subscription
from billing.orm.actor import Actor
from invoicing.actions.draft import grace_days, make_draft, open_invoice
from invoicing.actions.finalize import finalize_new
from invoicing.models import Invoice
from invoicing.queries.due import (
    Account,
    accounts,
    boundary_windows,
    by_invoice,
    due_moments,
    trial_is_over,
    trial_windows,
)
from invoicing.queries.facts import Window, customer_zone, schedule_of, window_lines
from invoicing.queries.rates import Rates
from invoicing.rules.boundaries import period_from


def invoice_windows(
    customer: Any, windows: Sequence[Window], *, by: Actor, at: datetime, rates: Rates
) -> list[Invoice]:
    """One invoice per group of windows that belong together: a draft, or final at once without a grace
    period.
    """
    made: list[Invoice] = []
    for group in by_invoice(windows, customer):
        if grace_days(customer):
            invoice = make_draft(customer, group, at=at, by=by, rates=rates)
        else:
            opened = open_invoice(customer, group, at=at)
            lines = window_lines(group, tz=opened.timezone, currency=opened.currency, rates=rates)
            invoice = finalize_new(opened, customer, group, lines, by=by, at=at)
        if invoice is not None:
            made.append(invoice)
    return made


def bill_due(
    customer: Any,
    subscriptions: Sequence[Subscription],
    *,
    by: Actor,
    at: datetime,
    rates: Rates,
    until: datetime | None = None,
    unpaid_from: datetime | None = None,
) -> list[Invoice]:
    """Bill every period end and trial end up to `until` (default: `at`), the earliest first.

    Subscriptions that are due at the same moment share an invoice. Periods that begin at `unpaid_from` or later are
    not paid for in advance: the subscription is being ended, and was not used from then on.
    """
    stop = until or at
    tz = customer_zone(customer)
    book = accounts(subscriptions, tz, rates)
    moments: dict[datetime, list[Account]] = defaultdict(list)
    trials: dict[datetime, list[Account]] = defaultdict(list)
    for account in book.values():
        for moment in due_moments(account.subscription, tz, stop):
            moments[moment].append(account)
        if trial_is_over(account.subscription, stop) and account.subscription.trial_ends_at:
            trials[account.subscription.trial_ends_at].append(account)

    def unpaid(moment: datetime) -> bool:
        return unpaid_from is not None and moment >= unpaid_from

    made: list[Invoice] = []
    for moment in sorted(moments.keys() | trials.keys()):
        windows: list[Window] = []
        for account in moments.get(moment, []):
            windows += boundary_windows(account, moment, last=unpaid(moment))
        for account in trials.get(moment, []):
            windows += [] if unpaid(moment) else trial_windows(account, moment)
        if windows:
            made += invoice_windows(customer, windows, by=by, at=at, rates=rates)
    for account in book.values():
        move_on(account, tz, stop, by=by, rates=rates)
    return made


def move_on(account: Account, tz: str, stop: datetime, *, by: Actor, rates: Rates) -> None:
    """Set the end of the period that runs now and the fee that counts in it, and end a trial that is over."""
    subscription = account.subscription
    moments = due_moments(subscription, tz, stop)
    if moments:
        subscription.next_billing_at = period_from(schedule_of(subscription, tz), moments[-1]).end
        since = subscription.price_since
        if since is not None and since <= moments[-1]:
            subscription.amount_minor = rates.terms(subscription, moments[-1]).amount_minor
        subscription.save(update_fields=["next_billing_at", "amount_minor", "updated_at"])
    if trial_is_over(subscription, stop):
        end_trial(subscription, by=by, at=stop)
