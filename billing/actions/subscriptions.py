"""The life of a subscription: start, activation, end. What is billed for it is decided in `invoicing`."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction

from billing.actions import audit
from billing.actions.own_versions import keep_own, own_terms_of, said
from billing.actions.webhooks import emit, emit_if_heard, is_heard
from billing.models import Plan, Subscription
from billing.orm.actor import Actor
from billing.orm.fields import new_id
from billing.queries.own_terms import OwnTerms
from billing.queries.payloads_subscriptions import subscription_payload
from billing.queries.schedules import customer_zone, schedule_of
from billing.queries.terms import price_book
from billing.queries.versions import snapshot, thawed
from billing.rules.errors import Conflict, Invalid
from billing.rules.periods import BillingTime, local_date
from billing.rules.states import SUBSCRIPTION_MOVES, SubscriptionStatus, move

RENEWED = "subscription.renewed"


def next_boundary(subscription: Subscription, after: datetime) -> datetime:
    """The end of the period that contains `after`, at local midnight of the customer."""
    return schedule_of(subscription, customer_zone(subscription.customer)).period_at(after).end


def lock_plan(plan: Plan) -> Plan:
    """The plan as it is now; until the transaction ends it can be neither edited nor deleted, so a subscription
    never starts on terms that nobody sees any more. Invalid (plan_inactive) when it takes no subscriptions.
    """
    found = Plan.objects.select_for_update(of=("self",), no_key=True).get(pk=plan.pk)
    if found.deleted_at or not found.active:
        raise Invalid("This plan takes no new subscriptions.", code="plan_inactive", field="plan")
    return found


@transaction.atomic
def start_subscription(
    customer: Any,
    plan: Plan,
    *,
    currency: str = "",
    external_id: str = "",
    name: str = "",
    billing_time: str = BillingTime.CALENDAR.value,
    subscription_at: datetime | None = None,
    ending_at: datetime | None = None,
    trial_days: int | None = None,
    separate_invoice: bool = False,
    metadata: dict[str, Any] | None = None,
    own: OwnTerms | None = None,
    by: Actor,
    at: datetime,
) -> Subscription:
    """A subscription in `currency` (default: the plan's own) that runs from `subscription_at` (default: now): pending
    when that day is still to come in the customer's timezone, else active (or trialing) at once. A start in the past
    is not billed backwards at creation; the next billing covers it. `own`: what is agreed instead of the plan's.
    """
    plan = lock_plan(plan)
    book = price_book(plan)
    book.check(currency or plan.currency)
    agreed, told = None, dict[str, tuple[object, object]]()
    if own is not None:
        usual = snapshot(plan)
        found = own_terms_of(plan, currency or plan.currency, own, usual)
        if found != usual:
            agreed, book = found, thawed(plan, found)
            told |= {"price version": (None, "its own"), **said(usual, found, currency or plan.currency)}
    terms = book.terms(currency or plan.currency)
    tz = customer_zone(customer)
    start = subscription_at or at
    if ending_at is not None and (ending_at <= start or ending_at <= at):
        raise Invalid("The end must be in the future and after the start.", field="ending_at")
    days = plan.trial_days if trial_days is None else trial_days
    pending = local_date(start, tz) > local_date(at, tz)
    subscription = Subscription(
        id=new_id(),
        organization=customer.organization,
        customer=customer,
        plan=plan,
        external_id=external_id.strip(),
        name=name.strip(),
        currency=terms.currency,
        amount_minor=terms.amount_minor,
        price_version=plan.price_version,
        billing_time=billing_time,
        subscription_at=start,
        trial_ends_at=start + timedelta(days=days) if days else None,
        ending_at=ending_at,
        status=SubscriptionStatus.PENDING.value,
        metadata=metadata or {},
        separate_invoice=separate_invoice,
    )
    subscription.external_id = subscription.external_id or subscription.public_id
    if not pending:
        begin(subscription, min(start, at) if subscription_at else at, at=at)
    try:
        with transaction.atomic():
            subscription.save(force_insert=True)
    except IntegrityError as error:
        if "subscription_external_id" not in str(error):
            raise
        raise Conflict(
            "A running subscription has this external ID already.",
            code="external_id_taken",
            field="external_id",
        ) from error
    if agreed is not None:
        subscription.price_version = keep_own(subscription, plan, agreed, by=by, at=at)
        subscription.save(update_fields=["price_version", "updated_at"])
    if not pending:  # both are told, in the order in which they happen; the trail has one line
        data = subscription_payload(subscription)
        emit(subscription.organization, "subscription.created", subscription, data, at=at)
    tell(
        subscription,
        "subscription.created" if pending else "subscription.started",
        by=by,
        at=at,
        changes={"plan": (None, plan.name), "status": (None, subscription.status), **told},
    )
    return subscription


def begin(subscription: Subscription, started_at: datetime, *, at: datetime) -> None:
    """Set what a running subscription has: its start, its state, when it is billed first."""
    trial = subscription.trial_ends_at is not None and subscription.trial_ends_at > at
    new = SubscriptionStatus.TRIALING if trial else SubscriptionStatus.ACTIVE
    subscription.status = move(SUBSCRIPTION_MOVES, SubscriptionStatus(subscription.status), new).value
    subscription.started_at = started_at
    schedule = schedule_of(subscription, customer_zone(subscription.customer))
    subscription.next_billing_at = schedule.step_at(started_at).end


def lock_subscription(subscription: Subscription) -> Subscription:
    """The row as it is now, locked until the transaction ends; events of it can still be stored (`locks.py`)."""
    rows = Subscription.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("plan", "customer__billing_entity", "organization").get(pk=subscription.pk)


@transaction.atomic
def activate(subscription: Subscription, *, by: Actor, at: datetime) -> Subscription:
    """Start a pending subscription whose time has come. Twice changes nothing."""
    subscription = lock_subscription(subscription)
    if subscription.status != SubscriptionStatus.PENDING.value:
        return subscription
    begin(subscription, subscription.subscription_at, at=at)
    subscription.save()
    tell(subscription, "subscription.started", by=by, at=at)
    return subscription


@transaction.atomic
def end_trial(subscription: Subscription, *, by: Actor, at: datetime) -> Subscription:
    """From trialing to active once the trial is over."""
    subscription = lock_subscription(subscription)
    over = subscription.trial_ends_at is None or subscription.trial_ends_at <= at
    if subscription.status == SubscriptionStatus.TRIALING.value and over:
        set_status(subscription, SubscriptionStatus.ACTIVE, "subscription.trial_ended", by=by, at=at)
    return subscription


def tell_renewed(subscription: Subscription, *, at: datetime) -> None:
    """Tell other systems that its next period has begun. No line of the trail: its bill has one. Without a query
    where it is known that nobody listens.
    """
    if subscription.renewal_heard is not False or is_heard(RENEWED, []):
        payload = partial(subscription_payload, subscription)
        emit_if_heard(subscription.organization, [RENEWED], subscription, payload, at=at)


@transaction.atomic
def end_subscription(
    subscription: Subscription,
    *,
    canceled: bool = False,
    plan_changed: bool = False,
    reason: str = "",
    by: Actor,
    at: datetime,
) -> Subscription:
    """It has ended at that moment; usage from then on does not count. The closing bill is the caller's. Twice changes
    nothing. `canceled`: because the customer wanted out; `plan_changed`: another one follows.
    """
    subscription = lock_subscription(subscription)
    if subscription.is_ended:
        return subscription
    new = SubscriptionStatus.CANCELED if canceled else SubscriptionStatus.TERMINATED
    subscription.terminated_at = at
    subscription.plan_changed = plan_changed
    subscription.canceled_at = at if canceled else None
    subscription.next_billing_at = subscription.paused_at = subscription.resumes_at = None
    set_status(subscription, new, f"subscription.{new.value}", reason=reason, by=by, at=at)
    return subscription


@transaction.atomic
def cancel_pending(subscription: Subscription, *, reason: str = "", by: Actor, at: datetime) -> Subscription:
    """Call off a subscription that has not started. Twice changes nothing."""
    subscription = lock_subscription(subscription)
    if subscription.status == SubscriptionStatus.CANCELED.value:
        return subscription
    if subscription.status != SubscriptionStatus.PENDING.value:
        raise Conflict("It has started: terminate it instead.", code="subscription_started")
    subscription.canceled_at, subscription.takes_over_at = at, None
    set_status(
        subscription, SubscriptionStatus.CANCELED, "subscription.canceled", reason=reason, by=by, at=at
    )
    return subscription


def set_status(
    subscription: Subscription,
    new: SubscriptionStatus,
    action: str,
    *,
    reason: str = "",
    by: Actor,
    at: datetime,
) -> None:
    """Move a locked subscription along the table and write its audit line."""
    old = SubscriptionStatus(subscription.status)
    subscription.status = move(SUBSCRIPTION_MOVES, old, new).value
    subscription.save()
    changes = {"status": (old.value, new.value)}
    tell(subscription, action, by=by, at=at, changes=changes, reason=reason)


def tell(
    subscription: Subscription,
    action: str,
    *,
    by: Actor,
    at: datetime,
    changes: audit.Changes | None = None,
    reason: str = "",
) -> None:
    """Write the audit line of what was done to a subscription, and the event of the same name."""
    customer, organization = subscription.customer, subscription.organization
    audit.record(
        organization,
        action,
        subscription,
        by=by,
        at=at,
        customer=customer,
        changes=changes,
        reason=reason,
    )
    emit(organization, action, subscription, subscription_payload(subscription), at=at)
