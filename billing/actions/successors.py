"""The subscription that follows another one when its plan changes: same customer, external ID and anchor.

It is a row of its own, linked by `previous`. A scheduled one is pending until `takes_over_at`, the end of the period
of the one that runs; usage from then on is counted on it even before the billing run has switched them. What watches
a subscription (alerts, thresholds of its own) goes along.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.actions.subscriptions import begin, end_subscription, tell
from billing.models import Alert, Plan, Subscription, UsageThreshold
from billing.orm.actor import Actor
from billing.orm.fields import new_id
from billing.queries.terms import price_book
from billing.rules.errors import Conflict
from billing.rules.states import SubscriptionStatus

PENDING = SubscriptionStatus.PENDING.value


def successor_of(current: Subscription, plan: Plan, *, at: datetime) -> Subscription:
    """The row that follows `current` on another plan from `at` on, not saved yet. Raises Invalid (field plan) when
    the plan has no price in the subscription's currency.
    """
    book = price_book(plan)
    book.check(current.currency, "plan")
    return Subscription(
        id=new_id(),
        organization=current.organization,
        customer=current.customer,
        plan=plan,
        previous=current,
        first_id=current.first_id or current.pk,
        external_id=current.external_id,
        name=current.name,
        currency=current.currency,
        amount_minor=book.terms(current.currency).amount_minor,
        price_version=plan.price_version,
        billing_time=current.billing_time,
        subscription_at=current.subscription_at,
        trial_ends_at=trial_of(current, plan, at=at),
        ending_at=current.ending_at,
        status=PENDING,
        metadata=current.metadata,
        separate_invoice=current.separate_invoice,
        progressive_billing=current.progressive_billing,
        historical_usage_minor=current.historical_usage_minor,
    )


def trial_of(current: Subscription, plan: Plan, *, at: datetime) -> datetime | None:
    """The end of the trial on another plan: its days count from the first start, so that a change begins none anew.
    A trial that was agreed on for this subscription goes on. None when it is over.
    """
    begun = first_start(current)
    usual = begun + timedelta(days=current.plan.trial_days) if current.plan.trial_days else None
    end = begun + timedelta(days=plan.trial_days) if plan.trial_days else None
    if current.trial_ends_at is not None and current.trial_ends_at != usual:
        end = current.trial_ends_at
    return end if end is not None and end > at else None


def first_start(current: Subscription) -> datetime:
    """When the first of the subscriptions began that followed each other up to this one."""
    row = Subscription.objects.get(pk=current.first_id) if current.first_id else current
    return row.started_at or row.subscription_at


def scheduled_for(current: Subscription) -> Subscription | None:
    """The pending successor, locked; the caller holds the customer's lock. No query where none is known to wait."""
    if current.changes_plan is False:
        return None
    rows = Subscription.objects.filter(previous=current, status=PENDING)
    rows = rows.select_for_update(of=("self",), no_key=True)
    found: Subscription | None = rows.select_related("plan").first()
    current.changes_plan = found is not None
    if found is not None:
        found.customer, found.organization, found.previous = current.customer, current.organization, current
    return found


def cancel_scheduled(current: Subscription, *, by: Actor, at: datetime) -> Subscription | None:
    """Call off the change that waits, if there is one. Raises Conflict once its time has come."""
    row = scheduled_for(current)
    if row is None:
        return None
    if row.takes_over_at is not None and row.takes_over_at <= at:
        raise Conflict("The plan changes now; it cannot be called off any more.", code="plan_change_due")
    row.status = SubscriptionStatus.CANCELED.value
    row.canceled_at, row.takes_over_at = at, None
    row.save()
    current.changes_plan = False
    tell(current, "subscription.plan_change_canceled", by=by, at=at, changes={"plan": (row.plan.name, None)})
    return row


def hand_over(current: Subscription, row: Subscription, *, by: Actor, at: datetime) -> Subscription:
    """The locked current one ends at `at` and its successor starts there; the caller bills both.

    Returns the one that ended. `row` is saved as it starts.
    """
    ended = end_subscription(current, by=by, at=at, plan_changed=True)
    row.takes_over_at = None
    begin(row, at, at=at)
    row.save()
    Alert.objects.filter(subscription=ended).update(subscription=row)
    UsageThreshold.objects.filter(subscription=ended).update(subscription=row)
    changes = {"plan": (ended.plan.name, row.plan.name), "status": (PENDING, row.status)}
    tell(row, "subscription.plan_changed", by=by, at=at, changes=changes)
    return ended
