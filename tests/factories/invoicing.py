"""What is needed to bill in tests, made by the real actions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.actions.charge_terms import ChargeTerms
from billing.actions.coupons import apply_coupon
from billing.actions.subscriptions import start_subscription
from billing.actions.wallet_ledger import book
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant
from billing.models import (
    AppliedCoupon,
    BillingEntity,
    EntryKind,
    Organization,
    Plan,
    Subscription,
    Tax,
    Wallet,
    WalletLot,
)
from billing.rules.money import from_minor
from customers.models import Customer
from invoicing.actions.billing_run import bill_start
from tests.factories import catalog
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW


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


def make_plan(
    organization: Organization, amount_minor: int = 3100, *charges: ChargeTerms, **fields: Any
) -> Plan:
    """A monthly plan in EUR, in arrears, unless said otherwise."""
    return catalog.make_plan(
        organization, charges, **({"amount_minor": amount_minor, "currency": "EUR"} | fields)
    )


def default_tax(organization: Organization, rate: str = "20", **fields: Any) -> Tax:
    """A tax that applies where nothing nearer says otherwise."""
    return catalog.make_tax(organization, rate=rate, applied_by_default=True, **fields)


def billed_customer(organization: Organization, **fields: Any) -> Customer:
    """A customer in EUR whose invoices are final at once."""
    return make_customer(organization, **({"grace_period_days": 0, "currency": "EUR"} | fields))


def subscribe(customer: Customer, plan: Plan, at: datetime, **fields: Any) -> Subscription:
    """A subscription from that moment, its first fee in advance billed."""
    subscription = start_subscription(customer, plan, by=ACTOR, at=at, **fields)
    if subscription.started_at:
        bill_start(subscription, by=ACTOR, at=at)
        subscription.refresh_from_db()
    return subscription


def give_coupon(customer: Customer, at: datetime, **terms: Any) -> AppliedCoupon:
    """A coupon with these terms, given: `give_coupon(customer, at, percentage=Decimal(10))`."""
    return apply_coupon(customer, catalog.make_coupon(customer.organization, **terms), by=ACTOR, at=at)


def make_wallet(customer: Customer, credits: str, at: datetime, **fields: Any) -> Wallet:
    """A wallet in the customer's currency with granted credits."""
    wallet = create_wallet(customer, by=ACTOR, at=at, **({"currency": customer.currency} | fields))
    grant(wallet, Decimal(credits), key="test", by=ACTOR, at=at)
    wallet.refresh_from_db()
    return wallet


def owing(wallet: Wallet, minor: int) -> Wallet:
    """The wallet of a postpaid customer who owes that much on it, its ledger in order."""
    out = wallet.balance_minor + minor
    Customer.objects.filter(pk=wallet.customer_id).update(mode="postpaid")
    wallet.credit_limit_minor = max(wallet.credit_limit_minor, minor)
    wallet.save()
    book(
        wallet, EntryKind.CONSUMED, credits=-from_minor(out, wallet.currency), minor=-out, key="owing", at=NOW
    )
    WalletLot.objects.filter(wallet=wallet).update(remaining_minor=0)
    return wallet
