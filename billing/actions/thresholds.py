"""Usage thresholds of a plan or a subscription, and what a subscription had used before it came here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import lock_subscription
from billing.models import Plan, Subscription, UsageActivity, UsageThreshold
from billing.orm.actor import Actor
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.money import from_minor
from billing.rules.thresholds import faults

MOST = 20
MOST_MINOR = 10**15


@dataclass(frozen=True)
class ThresholdTerms:
    """One threshold as it was entered, in minor units without tax."""

    amount_minor: int
    name: str = ""
    recurring: bool = False


@transaction.atomic
def set_plan_thresholds(plan: Plan, terms: Sequence[ThresholdTerms], *, by: Actor, at: datetime) -> Plan:
    """Replace the thresholds of a plan. Its subscriptions are looked at again at once."""
    plan = catalog.lock(plan)
    check(terms)
    before = words(plan.thresholds.all(), plan.currency)
    plan.thresholds.all().delete()
    write(terms, plan=plan, organization_id=plan.organization_id)
    after = words(plan.thresholds.all(), plan.currency)
    changes = {"usage_thresholds": (before, after)}
    audit.record(plan.organization, "plan.updated", plan, by=by, at=at, changes=changes)
    touch(Subscription.objects.live().filter(plan=plan))
    return plan


@transaction.atomic
def set_subscription_thresholds(
    subscription: Subscription,
    terms: Sequence[ThresholdTerms],
    *,
    progressive_billing: bool = True,
    historical_minor: int | None = None,
    by: Actor,
    at: datetime,
) -> Subscription:
    """Replace a subscription's own thresholds: without any, those of its plan count. `progressive_billing` off: no
    threshold makes an invoice. `historical_minor`: what was used before it came here (None: as it is).
    """
    lock_customer_of(subscription, joined=False)
    subscription = lock_subscription(subscription)
    check(terms)
    if historical_minor is not None and not 0 <= historical_minor <= MOST_MINOR:
        raise Invalid("Must be 0 or more.", field="historical_usage")
    currency = subscription.currency
    before = (
        words(subscription.thresholds.all(), currency),
        subscription.progressive_billing,
        subscription.historical_usage_minor,
    )
    subscription.thresholds.all().delete()
    write(terms, subscription=subscription, organization_id=subscription.organization_id)
    subscription.progressive_billing = progressive_billing
    if historical_minor is not None:
        subscription.historical_usage_minor = historical_minor
    subscription.save(update_fields=["progressive_billing", "historical_usage_minor", "updated_at"])
    after = (
        words(subscription.thresholds.all(), currency),
        progressive_billing,
        subscription.historical_usage_minor,
    )
    names = ("usage_thresholds", "progressive_billing", "historical_usage_minor")
    audit.record(
        subscription.organization,
        "subscription.updated",
        subscription,
        by=by,
        at=at,
        customer=subscription.customer,
        changes={name: (old, new) for name, old, new in zip(names, before, after, strict=True) if old != new},
    )
    touch(Subscription.objects.live().filter(pk=subscription.pk))
    return subscription


def check(terms: Sequence[ThresholdTerms]) -> None:
    """Raise FieldErrors (thresholds) for what makes no sense."""
    recurring = [item.amount_minor for item in terms if item.recurring]
    fixed = [item.amount_minor for item in terms if not item.recurring]
    found = faults(fixed, recurring[0] if recurring else None)
    if len(recurring) > 1:
        found = "Only one threshold can recur."
    elif len(terms) > MOST:
        found = f"Use at most {MOST} thresholds."
    elif any(item.amount_minor > MOST_MINOR for item in terms):
        found = "This amount is too large."
    if found:
        raise FieldErrors([("thresholds", found)])


def write(terms: Sequence[ThresholdTerms], **owner: object) -> None:
    """The rows of a plan or a subscription."""
    UsageThreshold.objects.bulk_create(
        UsageThreshold(
            amount_minor=item.amount_minor, name=item.name.strip()[:100], recurring=item.recurring, **owner
        )
        for item in terms
    )


def words(rows: Iterable[UsageThreshold], currency: str) -> str:
    """Thresholds in a line, for the history."""
    return ", ".join(
        f"{'every ' if row.recurring else ''}{from_minor(row.amount_minor, currency):f} {currency}"
        for row in rows
    )


def touch(subscriptions: Iterable[Subscription]) -> None:
    """Have the worker look at them, as after new events."""
    UsageActivity.objects.bulk_create(
        UsageActivity(organization_id=row.organization_id, subscription=row) for row in subscriptions
    )
