"""Plans, subscriptions and invoices for tests, made by the real actions where there are any."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.actions.coupons import apply_coupon
from billing.actions.subscriptions import start_subscription
from billing.actions.wallets import create_wallet, grant
from billing.models import (
    AppliedCoupon,
    BillingEntity,
    Charge,
    Coupon,
    Metric,
    Organization,
    Plan,
    Subscription,
    Tax,
    Wallet,
)
from customers.models import Customer
from invoicing.actions.billing_run import bill_start
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR

counter = itertools.count(1)


def on(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def set_entity(organization: Organization, **fields: Any) -> BillingEntity:
    """The default billing entity with other settings: `set_entity(org, grace_period_days=0)`."""
    entity: BillingEntity = BillingEntity.objects.get(organization=organization, is_default=True)
    for name, value in fields.items():
        setattr(entity, name, value)
    entity.save()
    return entity


def make_plan(organization: Organization, amount_minor: int = 3100, **fields: Any) -> Plan:
    """A monthly plan in EUR, in arrears, unless said otherwise."""
    number = next(counter)
    given: dict[str, Any] = {"name": f"Plan {number}", "code": f"plan-{number}", "currency": "EUR"}
    return Plan.objects.create(organization=organization, amount_minor=amount_minor, **(given | fields))


def make_charge(plan: Plan, amount: str = "2", **fields: Any) -> Charge:
    """A standard charge on a new count metric; other models by `charge_model` and `properties`."""
    number = next(counter)
    metric = fields.pop("metric", None) or Metric.objects.create(
        organization=plan.organization, name=f"Metric {number}", code=f"metric-{number}", aggregation="count"
    )
    given: dict[str, Any] = {"charge_model": "standard", "properties": {"amount": amount}}
    return Charge.objects.create(organization=plan.organization, plan=plan, metric=metric, **(given | fields))


def make_tax(organization: Organization, rate: str = "20", **fields: Any) -> Tax:
    """A default tax of the organization unless said otherwise."""
    number = next(counter)
    given: dict[str, Any] = {"name": f"VAT {rate}", "code": f"vat-{number}", "applied_by_default": True}
    return Tax.objects.create(organization=organization, rate=Decimal(rate), **(given | fields))


def subscribe(customer: Customer, plan: Plan, at: datetime, **fields: Any) -> Subscription:
    """A subscription from that moment, its first fee in advance billed."""
    subscription = start_subscription(customer, plan, by=ACTOR, at=at, **fields)
    if subscription.started_at:
        bill_start(subscription, by=ACTOR, at=at)
        subscription.refresh_from_db()
    return subscription


def give_coupon(customer: Customer, at: datetime, **terms: Any) -> AppliedCoupon:
    """A coupon with these terms, applied: `give_coupon(c, at, kind="percentage", percentage=Decimal(10))`."""
    number = next(counter)
    coupon = Coupon.objects.create(
        organization=customer.organization, name=f"Coupon {number}", code=f"coupon-{number}", **terms
    )
    return apply_coupon(customer, coupon, by=ACTOR, at=at)


def make_wallet(customer: Customer, credits: str, at: datetime, **fields: Any) -> Wallet:
    """A wallet of the customer's currency with granted credits."""
    given: dict[str, Any] = {"currency": customer.currency}
    wallet = create_wallet(customer, by=ACTOR, at=at, **(given | fields))
    grant(wallet, Decimal(credits), key="test", by=ACTOR, at=at)
    wallet.refresh_from_db()
    return wallet


def billed_customer(organization: Organization, **fields: Any) -> Customer:
    """A customer whose invoices are final at once."""
    return make_customer(organization, **({"grace_period_days": 0, "currency": "EUR"} | fields))
