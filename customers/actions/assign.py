"""Assigning a plan: the customer's currency follows, a subscription starts, a fee in advance is billed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_present_customer
from billing.actions.subscriptions import lock_plan, start_subscription
from billing.actions.thresholds import ThresholdTerms, set_subscription_thresholds
from billing.actions.wallet_opening import follow_customer
from billing.models import Plan, Subscription
from billing.orm.actor import Actor
from billing.queries.own_terms import OwnTerms
from billing.queries.terms import PriceBook, price_book
from billing.rules.errors import Invalid
from billing.rules.periods import BillingTime
from billing.rules.states import SubscriptionStatus
from customers.actions.columns import amounts
from customers.actions.customers import check_columns
from customers.models import Customer
from customers.queries.locks import lock_reasons
from invoicing.actions.billing_run import bill_start


@transaction.atomic
def assign_plan(
    customer: Customer,
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
    thresholds: Sequence[ThresholdTerms] | None = None,
    by: Actor,
    at: datetime,
) -> Subscription:
    """Start a subscription of the customer on the plan.

    It is billed in `currency`: by default the customer's, or the plan's own while nothing was assigned to the
    customer and the plan has no price in its currency. Such a customer takes over what is chosen; for the others
    another currency, or a plan without a price in theirs, is Invalid (fields currency, plan). A plan paid in advance
    is billed at once. `own` and `thresholds`: what is agreed with this customer instead of the plan's.
    """
    customer = lock_present_customer(customer.pk)
    plan = lock_plan(plan)
    book = price_book(plan)
    chosen, field = currency_for(customer, book, currency), "currency" if currency else "plan"
    book.check(chosen, field)
    match_currency(customer, chosen, by=by, at=at, field=field)
    subscription = start_subscription(
        customer,
        plan,
        currency=chosen,
        external_id=external_id,
        name=name,
        billing_time=billing_time,
        subscription_at=subscription_at,
        ending_at=ending_at,
        trial_days=trial_days,
        separate_invoice=separate_invoice,
        metadata=metadata,
        own=own,
        by=by,
        at=at,
    )
    if thresholds:
        subscription = set_subscription_thresholds(subscription, thresholds, by=by, at=at)
    if subscription.status != SubscriptionStatus.PENDING.value:
        bill_start(subscription, by=by, at=at)
    return subscription


def currency_for(customer: Customer, book: PriceBook, asked: str = "") -> str:
    """In which currency a plan would be billed: as asked, else the customer's, or the plan's own where the customer
    may still take that over.
    """
    if asked or customer.currency in book.sold_in or lock_reasons(customer):
        return asked or customer.currency
    return book.plan.currency


def match_currency(customer: Customer, currency: str, *, by: Actor, at: datetime, field: str) -> None:
    """Bring a locked row's currency in line with what is assigned, while it may still change. Its defaults for
    wallets keep their amounts in major units, and an untouched wallet follows.
    """
    if customer.currency == currency:
        return
    if lock_reasons(customer):
        raise Invalid(
            f"This is in {currency}, but the customer is billed in {customer.currency}, which is fixed since "
            "something was assigned.",
            code="currencies_do_not_match",
            field=field,
        )
    values = {"currency": currency} | amounts({}, currency, customer)
    before = audit.snapshot(customer, values)
    for name, value in values.items():
        setattr(customer, name, value)
    check_columns(customer)
    customer.save(update_fields=[*values, "updated_at"])
    changes = audit.differences(before, customer)
    follow_customer(customer, changes)
    audit.record(
        customer.organization,
        "customer.updated",
        customer,
        by=by,
        at=at,
        customer=customer,
        changes=changes,
    )
