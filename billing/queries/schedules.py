"""When subscriptions are billed, and in which timezone."""

from __future__ import annotations

from typing import Any

from billing.models import Subscription
from billing.rules.periods import BillingTime, Interval
from billing.rules.windows import Schedule


def customer_zone(customer: Any) -> str:
    """The customer's timezone, else that of its billing entity."""
    return customer.timezone or customer.billing_entity.timezone or "UTC"


def schedule_of(subscription: Subscription, tz: str) -> Schedule:
    """When the subscription is billed, in that timezone."""
    plan = subscription.plan
    return Schedule(
        interval=Interval(plan.interval),
        billing_time=BillingTime(subscription.billing_time),
        anchor=subscription.subscription_at,
        tz=tz,
        pay_in_advance=plan.pay_in_advance,
        started_at=subscription.started_at or subscription.subscription_at,
        ended_at=subscription.terminated_at,
        usage_monthly=plan.bill_charges_monthly,
        fixed_monthly=plan.bill_fixed_charges_monthly,
    )
