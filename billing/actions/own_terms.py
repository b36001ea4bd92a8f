"""Agreeing on terms with one subscription: prices, a minimum and taxes of its own. They follow no change of the plan,
and end when they are given up or the plan is changed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import catalog
from billing.actions.locks import lock_customer_of
from billing.actions.own_versions import keep_own, own_terms_of, said
from billing.actions.price_changes import move
from billing.actions.subscriptions import lock_subscription
from billing.models import Follow, Plan, PlanVersion, Subscription
from billing.orm.actor import Actor
from billing.queries.own_terms import OwnTerms
from billing.queries.versions import snapshot, version_of
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.price_versions import is_own


@transaction.atomic
def agree_on(
    subscription: Subscription,
    own: OwnTerms | None,
    *,
    follow: str = Follow.NOW.value,
    by: Actor,
    at: datetime,
) -> Subscription:
    """Agree on other terms with a subscription, on top of those of its own that it has, or give those up (None): then
    it pays what its plan says now. `follow`: from its running period on (now), or from its next one (renewal).

    Saying the same again changes nothing. Raises Conflict for one that is over or has no running period, FieldErrors
    for terms that make no sense.
    """
    if follow not in (Follow.NOW.value, Follow.RENEWAL.value):
        raise Invalid("Use now or renewal.", field="overrides_from")
    lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    plan = catalog.lock(subscription.plan)
    subscription.plan = plan
    if subscription.is_ended:
        raise Conflict("This subscription has ended.", code="subscription_ended")
    base = terms_paid(subscription, plan)
    if own is None:
        if subscription.has_own_terms or (follow == Follow.NOW.value and pays_own_terms(subscription, at)):
            also = said(base, snapshot(plan), subscription.currency)
            move(subscription, plan.price_version, Follow(follow), also=also, by=by, at=at)
        return subscription
    if any(one.units is not None for one in own.fixed.values()):
        raise FieldErrors(
            [("planOverrides.fixedCharges", "Change the units of a subscription that exists by themselves.")]
        )
    terms = own_terms_of(plan, subscription.currency, own, base)
    if terms == base:
        return subscription
    number = keep_own(subscription, plan, terms, by=by, at=at)
    move(subscription, number, Follow(follow), also=said(base, terms, subscription.currency), by=by, at=at)
    return subscription


def pays_own_terms(subscription: Subscription, at: datetime) -> bool:
    """Whether terms of its own count for its running period, also where they were given up for the next one."""
    return is_own(version_of(subscription, subscription.plan, at))


def terms_paid(subscription: Subscription, plan: Plan) -> dict[str, Any]:
    """The snapshot of what a subscription pays, or will from its next period on."""
    if subscription.price_version != plan.price_version:
        kept = PlanVersion.objects.filter(plan=plan, number=subscription.price_version).first()
        if kept is not None:
            found: dict[str, Any] = kept.terms
            return found
    return snapshot(plan)
