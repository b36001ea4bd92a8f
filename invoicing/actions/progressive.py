"""Billing usage before its period ends, when a threshold is passed.

Laws. Thresholds are looked at after events have come, under the customer's lock. One look makes at most one invoice,
whatever it has passed; it is final at once and bills the usage of the period so far, less what earlier progressive
invoices of that period have billed. A fixed threshold is passed once in the life of a subscription (unique key), also
when its invoice is voided later. The closing invoice takes off what was billed; see `invoicing/rules/progressive.py`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import lock_subscription
from billing.actions.webhooks import emit
from billing.models import Subscription, ThresholdPassing
from billing.orm.actor import Actor
from billing.queries.payloads_subscriptions import subscription_payload
from billing.queries.schedules import customer_zone
from billing.rules.money import from_minor
from billing.rules.states import BILLABLE, SubscriptionStatus
from billing.rules.thresholds import LifetimeUsage, Passed, passed
from invoicing.actions.draft import new_invoice
from invoicing.actions.finalize import finalize_new
from invoicing.models import Invoice, InvoiceType
from invoicing.queries.facts import USAGE, Window, usage_lines
from invoicing.queries.progressive import (
    as_rule,
    billed_progressively,
    lifetime_usage,
    thresholds_of,
    window_so_far,
)
from invoicing.queries.rates import Rates
from invoicing.rules.progressive import take_off


@transaction.atomic
def bill_passed(subscription: Subscription, *, by: Actor, at: datetime) -> Invoice | None:
    """The invoice for thresholds that the usage so far has passed, or None: also while it is paused. Asking again
    changes nothing.
    """
    customer = lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    rows = thresholds_of(subscription)
    if not rows or SubscriptionStatus(subscription.status) not in BILLABLE:
        return None
    start, end = window_so_far(subscription, at)
    rates = Rates(subscription.organization_id)
    tz, currency = customer_zone(customer), subscription.currency
    window = Window(subscription, USAGE, start, end)
    lines = usage_lines(window, tz=tz, currency=currency, rates=rates)
    billed = billed_progressively(subscription, start, end)
    usage = lifetime_usage(subscription, sum(line.amount_minor for line in lines), billed)
    found = unpassed(subscription, passed(as_rule(rows), usage))
    if not found:
        return None
    lines, _ = take_off(lines, billed)
    invoice = finalize_new(
        new_invoice(customer, InvoiceType.PROGRESSIVE, currency, start, end, at=at),
        customer,
        [window],
        lines,
        by=by,
        at=at,
    )
    if invoice is not None:
        Subscription.objects.filter(pk=subscription.pk).update(progressively_billed=True)
    tell(subscription, found, usage, invoice, by=by, at=at)
    return invoice


def unpassed(subscription: Subscription, found: Passed) -> Passed:
    """Without the fixed thresholds that have been passed before."""
    if not found.fixed:
        return found
    before = set(
        ThresholdPassing.objects.filter(subscription=subscription, recurring=False).values_list(
            "amount_minor", flat=True
        )
    )
    return Passed(tuple(amount for amount in found.fixed if amount not in before), found.recurring)


def tell(
    subscription: Subscription,
    found: Passed,
    usage: LifetimeUsage,
    invoice: Invoice | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Keep what was passed, and an event and a line of the history for each."""
    amounts = [(amount, False) for amount in found.fixed]
    if found.recurring is not None:
        amounts.append((found.recurring, True))
    currency = subscription.currency
    for amount, recurring in amounts:
        ThresholdPassing.objects.create(
            organization_id=subscription.organization_id,
            subscription=subscription,
            amount_minor=amount,
            recurring=recurring,
            lifetime_minor=usage.total,
            invoice=invoice,
            at=at,
        )
        mark = f"{'Every ' if recurring else ''}{from_minor(amount, currency):f} {currency}"
        audit.record(
            subscription.organization,
            "subscription.usage_threshold_reached",
            subscription,
            by=by,
            at=at,
            customer=subscription.customer,
            reason=mark,
        )
        payload = {
            "subscription": subscription_payload(subscription),
            "threshold": {"amount": from_minor(amount, currency), "recurring": recurring},
            "lifetimeUsage": from_minor(usage.total, currency),
            "invoiceId": invoice.public_id if invoice else None,
        }
        name = "subscription.usage_threshold_reached"
        emit(subscription.organization, name, subscription, payload, at=at)
