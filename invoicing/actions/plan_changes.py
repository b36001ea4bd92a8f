"""Changing the plan of a subscription: at once, or at the end of its running period.

At once: the old one ends and its successor starts at the same moment, and one invoice bills both: the usage and, in
arrears, the days of the old plan up to the day before; in advance the days of the new one from this day on. What was
paid in advance for the old plan from this day on becomes a credit note first, which the invoice can use.

At the end of the period: the successor waits; the billing run switches them (`periods.py`) and bills both together.
Without a wish, as much or more a year changes at once and less waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from billing.actions.locks import lock_present_customer
from billing.actions.subscription_terms import period_end
from billing.actions.subscriptions import lock_plan, lock_subscription, tell
from billing.actions.successors import cancel_scheduled, hand_over, successor_of, trial_of
from billing.models import Plan, Subscription
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone
from billing.rules.errors import Conflict
from billing.rules.periods import local_date, start_of_day
from billing.rules.plan_changes import USUAL, Direction, When, direction, yearly_minor
from billing.rules.states import SubscriptionStatus
from invoicing.actions.advance import work_off
from invoicing.actions.periods import bill_due, invoice_windows
from invoicing.actions.termination import closing_windows
from invoicing.actions.unused_days import NOTHING, GivenBack, give_back
from invoicing.models import Invoice
from invoicing.queries.due import Account, accounts, boundary_windows, start_windows
from invoicing.queries.facts import Window
from invoicing.queries.plan_changes import counted_until
from invoicing.queries.rates import Rates
from invoicing.rules.termination import OnTermination

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class PlanChange:
    """What came of it: the subscription on the new plan, which waits until `at` when the change was scheduled, and
    what was billed and given back.
    """

    subscription: Subscription
    direction: Direction
    when: When
    at: datetime
    invoices: tuple[Invoice, ...] = ()
    given_back: GivenBack = NOTHING


@transaction.atomic
def change_plan(
    subscription: Subscription,
    plan: Plan,
    *,
    when: When | None = None,
    give_back_unused: bool = True,
    by: Actor,
    at: datetime,
    rates: Rates | None = None,
) -> PlanChange:
    """Move a subscription to another plan. `when`: now or at the end of the period (default: by the direction).
    `give_back_unused` off: a change now keeps what was paid in advance for the old plan. `rates`: prices and taxes
    that were read already.

    A change that waits is replaced. One that has not started simply starts on the new plan. Raises Conflict for one
    that is over, paused, canceled at the end of its period or on that plan already, Invalid (field plan) for a plan
    without a price in its currency or that takes no new subscriptions.
    """
    customer = lock_present_customer(subscription.customer_id)
    subscription = lock_subscription(subscription)
    subscription.customer = customer
    check_changeable(subscription)
    plan = lock_plan(plan)
    waiting = cancel_scheduled(subscription, by=by, at=at)
    if plan.pk == subscription.plan_id:
        if waiting is not None:  # the change was taken back
            return PlanChange(subscription, Direction.UPGRADE, When.NOW, at)
        raise Conflict("It is on this plan already.", code="same_plan", field="plan")
    if subscription.status == SubscriptionStatus.PENDING.value:
        return swap(subscription, plan, by=by, at=at)
    row = successor_of(subscription, plan, at=at)
    way = direction_of(subscription, row)
    moment = when or USUAL[way]
    if moment == When.PERIOD_END:
        return schedule(subscription, row, way, by=by, at=at)
    unused = OnTermination.CREDIT if give_back_unused else OnTermination.SKIP
    rates = rates or Rates(customer.organization_id)
    return switch(customer, subscription, row, way, unused, rates=rates, by=by, at=at)


def check_changeable(subscription: Subscription) -> None:
    """Refuse a subscription whose plan cannot be changed as it is."""
    if subscription.is_ended:
        raise Conflict("This subscription has ended.", code="subscription_ended")
    if subscription.previous_id and subscription.status == SubscriptionStatus.PENDING.value:
        raise Conflict("It waits to follow another one. Change that one.", code="subscription_not_running")
    if subscription.paused_at:
        raise Conflict("It is paused. Resume it first.", code="subscription_paused")
    if subscription.is_canceling:
        raise Conflict("It is canceled at the end of its period. Keep it first.", code="cancel_requested")


def direction_of(current: Subscription, row: Subscription) -> Direction:
    """Upgrade or downgrade, by what the plans cost a year."""
    return direction(
        yearly_minor(current.amount_minor, current.plan.interval),
        yearly_minor(row.amount_minor, row.plan.interval),
    )


def swap(subscription: Subscription, plan: Plan, *, by: Actor, at: datetime) -> PlanChange:
    """Another plan for a subscription that has not started."""
    row = successor_of(subscription, plan, at=at)
    way, old = direction_of(subscription, row), subscription.plan.name
    subscription.trial_ends_at = trial_of(subscription, plan, at=at)
    subscription.plan, subscription.amount_minor = plan, row.amount_minor
    subscription.price_version, subscription.price_since = row.price_version, None
    subscription.save()
    tell(subscription, "subscription.updated", by=by, at=at, changes={"plan": (old, plan.name)})
    return PlanChange(subscription, way, When.NOW, subscription.subscription_at)


def schedule(
    current: Subscription, row: Subscription, way: Direction, *, by: Actor, at: datetime
) -> PlanChange:
    """The successor waits for the end of the running period."""
    end = period_end(current, at)
    if current.ending_at is not None and current.ending_at <= end:
        raise Conflict("It ends before its plan would change.", code="subscription_ending", field="when")
    row.takes_over_at = end
    row.trial_ends_at = trial_of(current, row.plan, at=end)
    row.save(force_insert=True)
    changes = {"plan": (current.plan.name, row.plan.name), "changes_at": (None, end)}
    tell(current, "subscription.plan_change_scheduled", by=by, at=at, changes=changes)
    return PlanChange(row, way, When.PERIOD_END, end)


def switch(
    customer: Any,
    current: Subscription,
    row: Subscription,
    way: Direction,
    unused: OnTermination,
    *,
    rates: Rates,
    by: Actor,
    at: datetime,
) -> PlanChange:
    """The successor takes over now. `unused`: what becomes of days paid in advance."""
    tz = customer_zone(customer)
    work_off(customer, [current], by=by, at=at, rates=rates)
    made = bill_due(customer, [current], by=by, at=at, rates=rates, until=at - _MICROSECOND)
    today = start_of_day(local_date(at, tz), tz)
    account = accounts([current], tz, rates)[current.pk]
    windows: list[Window] = []
    if current.next_billing_at is not None and current.next_billing_at <= at:
        windows += boundary_windows(account, current.next_billing_at, last=True)
    used_until = counted_until(current, at)
    ended = hand_over(current, row, by=by, at=at)
    account.subscription = ended
    given_back = give_back(customer, ended, today - _MICROSECOND, unused, by=by, at=at)
    windows += closing_windows(account, at, used_until=used_until, fee_until=today)
    windows = [Window(ended, w.kind, w.start, w.end, w.closing) for w in windows]
    windows += start_windows(Account(row, tz, at, rates=rates))
    if windows:
        made += invoice_windows(customer, windows, by=by, at=at, rates=rates)
    return PlanChange(row, way, When.NOW, at, tuple(made), given_back)


@transaction.atomic
def keep_plan(subscription: Subscription, *, by: Actor, at: datetime) -> Subscription:
    """Call off the change that waits. Without one nothing changes."""
    lock_present_customer(subscription.customer_id)
    subscription = lock_subscription(subscription)
    cancel_scheduled(subscription, by=by, at=at)
    return subscription
