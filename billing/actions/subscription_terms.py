"""What may change while a subscription runs: its name, whether it shares invoices, when it ends, and whether it is
canceled.

A cancellation takes effect at the end of the running period and can be taken back until then; the end that was set
before stands again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import lock_subscription, next_boundary, tell
from billing.actions.successors import cancel_scheduled
from billing.models import Subscription
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone, schedule_of
from billing.rules.errors import Conflict, Invalid
from billing.rules.states import SubscriptionStatus

FIELDS = ("name", "ending_at", "metadata", "separate_invoice")


@transaction.atomic
def update_subscription(
    subscription: Subscription, given: Mapping[str, Any], *, by: Actor, at: datetime
) -> Subscription:
    """Set the given ones of `FIELDS`; an `ending_at` of None lets it run until it is ended.

    Raises Invalid for an end that is not ahead, Conflict for a subscription that is over or canceled at the end of
    its period.
    """
    lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    if subscription.is_ended:
        raise Conflict("This subscription has ended.", code="subscription_ended")
    before = audit.snapshot(subscription, FIELDS)
    for name in FIELDS:
        if name in given:
            value = given[name]
            setattr(subscription, name, value.strip() if isinstance(value, str) else value)
    changes = audit.differences(before, subscription)
    if "ending_at" in changes:
        check_end(subscription, at)
    if changes:
        subscription.save()
        tell(subscription, "subscription.updated", by=by, at=at, changes=changes)
    return subscription


def check_end(subscription: Subscription, at: datetime) -> None:
    """Refuse an end that cannot be set."""
    if subscription.is_canceling:
        raise Conflict(
            "It is canceled at the end of its period. Keep it first, then set another end.",
            code="cancel_requested",
            field="ending_at",
        )
    end = subscription.ending_at
    if end is not None and (end <= at or end <= subscription.subscription_at):
        raise Invalid("The end must be in the future and after the start.", field="ending_at")


@transaction.atomic
def cancel_at_period_end(
    subscription: Subscription, *, reason: str = "", by: Actor, at: datetime
) -> Subscription:
    """It runs to the end of the period, or to an earlier end that is set, and then ends as canceled.

    Twice changes nothing. Raises Conflict for one that does not run.
    """
    lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    if subscription.status == SubscriptionStatus.PENDING.value:
        raise Conflict("It has not started: call it off instead.", code="subscription_not_running")
    if subscription.is_ended:
        raise Conflict("This subscription has ended.", code="subscription_ended")
    if subscription.is_canceling:
        return subscription
    cancel_scheduled(subscription, by=by, at=at)
    before = audit.snapshot(subscription, ["ending_at"])
    end = period_end(subscription, at)
    subscription.end_before_cancel = subscription.ending_at
    subscription.ending_at = min(end, subscription.ending_at or end)
    subscription.cancel_requested_at = at
    subscription.save()
    changes = audit.differences(before, subscription)
    tell(subscription, "subscription.cancel_scheduled", by=by, at=at, changes=changes, reason=reason)
    return subscription


def period_end(subscription: Subscription, at: datetime) -> datetime:
    """The end of the period that runs at a moment."""
    stored = subscription.next_billing_at
    if stored is None or stored <= at:
        return next_boundary(subscription, at)
    schedule = schedule_of(subscription, customer_zone(subscription.customer))
    return next_boundary(subscription, at) if schedule.split else stored


@transaction.atomic
def keep_subscription(subscription: Subscription, *, by: Actor, at: datetime) -> Subscription:
    """Take a cancellation back; it runs on as before. One that is not canceled stays as it is."""
    lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    if subscription.is_ended:
        raise Conflict("This subscription has ended.", code="subscription_ended")
    if not subscription.is_canceling:
        return subscription
    if subscription.ending_at is not None and subscription.ending_at <= at:
        raise Conflict("Its period is over: it ends now.", code="subscription_ended")
    before = audit.snapshot(subscription, ["ending_at"])
    subscription.ending_at = subscription.end_before_cancel
    subscription.cancel_requested_at = subscription.end_before_cancel = None
    subscription.save()
    changes = audit.differences(before, subscription)
    tell(subscription, "subscription.kept", by=by, at=at, changes=changes)
    return subscription
