"""A customer with one of everything, to be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.actions.coupons import apply_coupon
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant
from billing.models import (
    AppliedCoupon,
    AuditEntry,
    Job,
    Metric,
    Organization,
    Subscription,
    Wallet,
    WalletEntry,
)
from billing.orm.actor import Actor
from customers import tasks
from customers.actions.delete import request_deletion
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.models import CreditNote, Invoice, InvoicedPeriod, Sequence
from tests.factories.catalog import charge, make_coupon, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, make_plan, on, set_entity, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

AT = on(2026, 1, 16, 12)
BY = Actor("user", "Ada Biller")


@dataclass
class Case:
    """A customer with one of everything at noon of 16 January, in EUR, tax 20 %, drafts for three days.

    Arrears plan 31.00 a month since the 1st with 30 units at 0.10; advance plan 62.00 a month since the 1st, its
    invoice of 74.40 paid; a pending subscription; one-off invoices: 120.00 unpaid, 60.00 of which 10.00 is paid, a
    draft over 24.00; a coupon of 10 %; a wallet with 100 credits.
    """

    organization: Organization
    customer: Customer
    arrears: Subscription
    advance: Subscription
    pending: Subscription
    paid: Invoice
    unpaid: Invoice
    partly: Invoice
    draft: Invoice
    wallet: Wallet
    metric: Metric

    def invoice(self, key: str) -> Invoice:
        """A row as it is now."""
        return Invoice.objects.get(pk=getattr(self, key).pk)


def make_case() -> Case:
    """Made by the real actions."""
    organization = make_organization(at=on(2026, 1, 1))
    default_tax(organization, "20")
    set_entity(organization, number_prefix="ACM", grace_period_days=3)
    customer = make_customer(organization, external_id="crm-1", email="a@example.com", currency="EUR")
    metric = make_metric(organization)
    start = on(2026, 1, 1)
    advance = subscribe(customer, make_plan(organization, 6200, pay_in_advance=True), start)
    run(on(2026, 1, 5))
    paid = Invoice.objects.get(customer=customer)
    record_payment(paid, key="all", by=ACTOR, at=on(2026, 1, 6))
    arrears = subscribe(customer, make_plan(organization, 3100, charge(metric)), start)
    use(arrears, metric, 30, at=on(2026, 1, 10))
    pending = subscribe(customer, make_plan(organization), on(2026, 1, 12), subscription_at=on(2026, 3, 1))
    unpaid = one_off(customer, 100)
    partly = one_off(customer, 50)
    record_payment(partly, amount_minor=1000, key="part", by=ACTOR, at=on(2026, 1, 13))
    draft = one_off(customer, 20, finalize=False)
    apply_coupon(customer, make_coupon(organization), by=ACTOR, at=start)
    wallet = create_wallet(customer, name="Prepaid", currency="EUR", by=ACTOR, at=start)
    grant(wallet, Decimal(100), key="first", by=ACTOR, at=start)
    return Case(
        organization, customer, arrears, advance, pending, paid, unpaid, partly, draft, wallet, metric
    )


def one_off(customer: Customer, amount: int, **fields: Any) -> Invoice:
    """An invoice over `amount` before tax."""
    fields = {"finalize": True} | fields
    return create_one_off(customer, [Item("Work", Decimal(amount))], by=ACTOR, at=on(2026, 1, 12), **fields)


def ask(case: Case, at: datetime = AT, **fields: Any) -> Job:
    """Ask for the deletion."""
    return request_deletion(case.customer, by=BY, at=at, **fields)


def work(job: Job) -> Job:
    """What the worker does with the job."""
    tasks.delete(str(job.pk))
    job.refresh_from_db()
    return job


def rows(customer: Customer) -> tuple[Any, ...]:
    """Everything that a deletion touches, to compare."""
    of = {"customer": customer}
    return (
        list(Customer.objects.filter(pk=customer.pk).values_list("deleted_at", "deleting_at")),
        sorted(Subscription.objects.filter(**of).values_list("pk", "status", "terminated_at", "canceled_at")),
        sorted(
            Invoice.objects.filter(**of).values_list("pk", "number", "status", "total_minor", "paid_minor")
        ),
        sorted(CreditNote.objects.filter(**of).values_list("number", "total_minor", "balance_minor")),
        sorted(AppliedCoupon.objects.filter(**of).values_list("pk", "status")),
        sorted(Wallet.objects.filter(**of).values_list("pk", "status", "balance_minor")),
        sorted(WalletEntry.objects.filter(wallet__customer=customer).values_list("key", "amount_minor")),
        sorted(
            InvoicedPeriod.objects.filter(subscription__customer=customer).values_list("start", "end", "kind")
        ),
        sorted(Sequence.objects.values_list("key", "last")),
        AuditEntry.objects.filter(**of).count(),
        Job.objects.count(),
    )
