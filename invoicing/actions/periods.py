"""Billing what is due of one customer: each moment that has come becomes an invoice, in order of time.

The caller holds the customer's lock and that of the subscriptions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from billing.actions.subscriptions import end_trial, tell_renewed
from billing.actions.successors import hand_over
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.orm.writing import updated, write
from billing.queries.schedules import customer_zone, schedule_of
from billing.rules.states import SubscriptionStatus
from invoicing.actions.draft import grace_days, make_draft, open_invoice
from invoicing.actions.finalize import finalize_new
from invoicing.models import Invoice
from invoicing.queries.due import (
    Account,
    accounts,
    boundary_windows,
    by_invoice,
    due_moments,
    start_windows,
    trial_is_over,
    trial_windows,
)
from invoicing.queries.facts import Window, window_lines
from invoicing.queries.rates import Rates
from invoicing.rules.boundaries import ZONES_APART, period_begins, step_from


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
            opened = open_invoice(customer, group, at=at, final=True)
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

    Subscriptions that are due at the same moment share an invoice. Where a change of plan waits for the end of a
    period, the successor takes over there and is billed on. Periods that begin at `unpaid_from` or later are not paid
    for in advance: the subscription is being ended, and was not used from then on.
    """
    stop = until or at
    if not any(is_due(row, stop) for row in subscriptions):
        return []
    agenda = Agenda(customer, subscriptions, stop, by, rates)
    made: list[Invoice] = []
    while (moment := agenda.next_moment()) is not None:
        unpaid = unpaid_from is not None and moment >= unpaid_from
        windows = agenda.windows_at(moment, unpaid=unpaid)
        if windows:
            made += invoice_windows(customer, windows, by=by, at=at, rates=rates)
    agenda.move_on()
    return made


def is_due(row: Subscription, at: datetime) -> bool:
    """Whether the end of a period or of a trial has come."""
    return (row.next_billing_at is not None and row.next_billing_at <= at) or trial_is_over(row, at)


class Agenda:
    """The moments at which a customer's subscriptions are to be billed, up to `stop`, and what is billed then."""

    def __init__(
        self, customer: Any, subscriptions: Sequence[Subscription], stop: datetime, by: Actor, rates: Rates
    ) -> None:
        self.tz, self.stop, self.by, self.rates = customer_zone(customer), stop, by, rates
        self.ends: dict[datetime, list[Account]] = defaultdict(list)
        self.trials: dict[datetime, list[Account]] = defaultdict(list)
        self.open: list[Account] = []
        self.renewed: set[Any] = set()  # subscriptions that went on into another period, after their trial
        self.changes: dict[Any, datetime] = {}  # when a plan changes, by the subscription that ends with it
        self.successors = scheduled(customer, subscriptions)
        for account in accounts(subscriptions, self.tz, rates).values():
            self.add(account)

    def add(self, account: Account, *, before: datetime | None = None) -> None:
        """Put the moments of one subscription down; those `before` its end only, when that has come, too."""
        row = account.subscription
        moments = [one for one in due_moments(row, self.tz, self.stop) if before is None or one < before]
        if row.pk in self.successors:
            moments = self.up_to_the_change(row, moments)
        for moment in moments:
            self.ends[moment].append(account)
        if trial_is_over(row, self.stop) and row.trial_ends_at:
            self.trials[row.trial_ends_at].append(account)
        self.open.append(account)

    def up_to_the_change(self, row: Subscription, moments: list[datetime]) -> list[datetime]:
        """The moments of a subscription whose plan is to change, up to the end of the period in which it does."""
        change, schedule = self.successors[row.pk].takes_over_at, schedule_of(row, self.tz)
        for place, moment in enumerate(moments):
            if (change is None or moment > change - ZONES_APART) and period_begins(schedule, moment):
                self.changes[row.pk] = moment
                return moments[: place + 1]
        return moments

    def next_moment(self) -> datetime | None:
        """The earliest moment that is left."""
        return min(self.ends.keys() | self.trials.keys(), default=None)

    def windows_at(self, moment: datetime, *, unpaid: bool) -> list[Window]:
        """What is billed at a moment, which is then done with."""
        windows: list[Window] = []
        for account in self.ends.pop(moment, []):
            key = account.subscription.pk
            successor = self.successors.pop(key) if self.changes.get(key) == moment else None
            windows += boundary_windows(account, moment, last=unpaid or successor is not None)
            if not unpaid and successor is None and self.is_renewal(account.subscription, moment):
                self.renewed.add(key)
            if successor is not None:
                windows = [*windows, *self.hand_over(account, successor, moment)]
        for account in self.trials.pop(moment, []):
            windows += [] if unpaid else trial_windows(account, moment)
        return windows

    def is_renewal(self, row: Subscription, moment: datetime) -> bool:
        """Whether a period begins that follows another one; the first after a trial follows none."""
        begins = period_begins(schedule_of(row, self.tz), moment)
        return begins and (row.trial_ends_at is None or moment > row.trial_ends_at)

    def hand_over(self, account: Account, row: Subscription, moment: datetime) -> list[Window]:
        """The successor takes over; what is billed of it at its start."""
        self.open.remove(account)
        ended = hand_over(account.subscription, row, by=self.by, at=moment)
        # The windows of the old one were made of this object: it must know that it has ended.
        account.subscription.terminated_at, account.subscription.plan_changed = moment, True
        account.subscription.status = ended.status
        follower = Account(row, self.tz, moment, rates=self.rates)
        self.add(follower, before=row.ending_at)
        return start_windows(follower)

    def move_on(self) -> None:
        """Set the end of the period that runs now and the fee that counts in it, end trials that are over, and tell
        of those that went on, once however many periods were missed.
        """
        for account in self.open:
            row = account.subscription
            moments = due_moments(row, self.tz, self.stop)
            if moments:
                row.next_billing_at = step_from(schedule_of(row, self.tz), moments[-1]).end
                if row.price_since is not None and row.price_since <= moments[-1]:
                    row.amount_minor = self.rates.terms(row, moments[-1]).amount_minor
                write(updated(row, "next_billing_at", "amount_minor", "updated_at"))
            if trial_is_over(row, self.stop):
                row.status = end_trial(row, by=self.by, at=self.stop).status
            if row.pk in self.renewed:
                tell_renewed(row, at=self.stop)


def scheduled(customer: Any, subscriptions: Sequence[Subscription]) -> dict[Any, Subscription]:
    """{subscription id: what follows it when its period ends}, locked. A query where one may wait."""
    keys = [row.pk for row in subscriptions if row.changes_plan is not False]
    if not keys:
        return {}
    rows = Subscription.objects.filter(previous__in=keys, status=SubscriptionStatus.PENDING.value)
    found = {}
    for row in rows.select_related("plan").locked(no_key=True):
        row.customer, row.organization = customer, customer.organization
        found[row.previous_id] = row
    return found
