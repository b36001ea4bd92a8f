"""When subscriptions are billed."""

from __future__ import annotations

from billing.models import Subscription
from billing.rules.periods import BillingTime, Interval
from billing.rules.windows import Schedule


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
