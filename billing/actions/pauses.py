"""Pausing a subscription, and the end of a pause. What that bills or gives back is decided in `invoicing`.

While it is paused no invoice is made. Usage counts on; the periods that end meanwhile are billed when it goes on.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import lock_subscription, tell
from billing.actions.successors import scheduled_for
from billing.models import Pause, Subscription
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.states import SUBSCRIPTION_MOVES, SubscriptionStatus, move


@transaction.atomic
def pause_subscription(
    subscription: Subscription,
    *,
    resumes_at: datetime | None = None,
    reason: str = "",
    by: Actor,
    at: datetime,
) -> Subscription:
    """Pause it now, until it is resumed or, when that is given, until `resumes_at`.

    Raises Conflict for one that does not run or is paused, Invalid for a moment that is not ahead.
    """
    lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    old = SubscriptionStatus(subscription.status)
    if old == SubscriptionStatus.PAUSED:
        raise Conflict("It is paused already.", code="subscription_paused")
    if not subscription.is_live:
        raise Conflict("Only a running subscription can be paused.", code="subscription_not_running")
    check_resumption(subscription, resumes_at, at)
    if scheduled_for(subscription) is not None:
        raise Conflict(
            "Its plan changes at the end of the period. Call that off first.", code="plan_change_scheduled"
        )
    subscription.status = move(SUBSCRIPTION_MOVES, old, SubscriptionStatus.PAUSED).value
    subscription.paused_at, subscription.resumes_at = at, resumes_at
    subscription.save()
    Pause.objects.create(organization=subscription.organization, subscription=subscription, started_at=at)
    changes = {"status": (old.value, subscription.status), "resumes_at": (None, resumes_at)}
    if resumes_at is None:
        del changes["resumes_at"]
    tell(subscription, "subscription.paused", by=by, at=at, changes=changes, reason=reason)
    return subscription


def check_resumption(subscription: Subscription, resumes_at: datetime | None, at: datetime) -> None:
    """Refuse a moment at which it could not go on."""
    if resumes_at is None:
        return
    if resumes_at <= at:
        raise Invalid("It can only go on later than now.", field="resumes_at")
    if subscription.ending_at is not None and resumes_at >= subscription.ending_at:
        raise Invalid("It has ended by then.", field="resumes_at")


def close_pause(subscription: Subscription, *, at: datetime) -> Pause:
    """The open pause of a locked subscription ends; the caller moves it to another state and saves it."""
    pause: Pause = Pause.objects.select_for_update().get(subscription=subscription, ended_at=None)
    pause.ended_at = max(at, pause.started_at)
    pause.save(update_fields=["ended_at", "updated_at"])
    subscription.paused_at = subscription.resumes_at = None
    subscription.has_paused = True
    return pause


def go_on(subscription: Subscription, *, resumed_at: datetime, by: Actor) -> Pause:
    """End the pause of a locked subscription: it is trialing when it was before, else active. The caller bills what
    has come due.
    """
    old = SubscriptionStatus(subscription.status)
    if old != SubscriptionStatus.PAUSED:
        raise Conflict("It is not paused.", code="subscription_not_paused")
    pause = close_pause(subscription, at=resumed_at)
    trial = subscription.trial_ends_at
    trialing = trial is not None and trial > pause.started_at
    new = SubscriptionStatus.TRIALING if trialing else SubscriptionStatus.ACTIVE
    subscription.status = move(SUBSCRIPTION_MOVES, old, new).value
    subscription.save()
    tell(
        subscription,
        "subscription.resumed",
        by=by,
        at=resumed_at,
        changes={"status": (old.value, new.value)},
    )
    return pause
