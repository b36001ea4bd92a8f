"""What assigning a plan or applying a coupon would bill, found out by doing it and taking it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions.coupons import apply_coupon
from billing.actions.subscription_terms import period_end
from billing.actions.subscriptions import next_boundary
from billing.models import Coupon, Plan, Subscription
from billing.orm.actor import Actor
from billing.rules.states import SubscriptionStatus
from customers.actions.assign import assign_plan
from customers.models import Customer
from customers.queries.coming import next_bill
from customers.queries.overview import open_subscriptions
from invoicing.actions.effects import bills_until
from invoicing.actions.preview import preview_next_bill
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.foreseen import Coming, NextInvoice, foreseen


@dataclass(frozen=True)
class OwnBill:
    """What an invoice bills of one subscription: it may bill others too. `minor`: the sum of its lines, with tax for
    a consumer and without it for others, before coupons and credits.
    """

    at: datetime
    lines: list[InvoiceLine]
    minor: int
    with_tax: bool


@dataclass(frozen=True)
class FirstBills:
    """The invoices of a new subscription up to the end of its first period; the row itself is not stored."""

    subscription: Subscription
    until: datetime
    bills: list[OwnBill]


def foresee_assignment(
    customer: Customer, plan: Plan, terms: Mapping[str, Any], *, by: Actor, at: datetime
) -> FirstBills:
    """What assigning the plan with these terms would bill. Raises what `assign_plan` would raise."""
    with transaction.atomic():
        row = assign_plan(customer, plan, **terms, by=by, at=at)
        made = Invoice.objects.filter(periods__subscription=row).distinct().order_by("created_at", "pk")
        bills = [Coming(at, foreseen(invoice, at)) for invoice in made]
        waits = row.status == SubscriptionStatus.PENDING.value
        until = next_boundary(row, row.subscription_at) if waits else period_end(row, at)
        bills += bills_until(row, until, by=by, at=at).found
        transaction.set_rollback(True)
    own = [own_part(item, row) for item in bills]
    return FirstBills(row, until, [bill for bill in own if bill.lines])


def own_part(item: Coming, row: Subscription) -> OwnBill:
    """The lines of one subscription on an invoice."""
    lines = [line for line in item.bill.lines if line.subscription_id == row.pk]
    return OwnBill(item.at, lines, sum(line.amount_minor for line in lines), item.bill.with_tax)


@dataclass(frozen=True)
class Lowered:
    """The next invoices in a currency, with tax, as things stand and with the coupon."""

    currency: str
    before_minor: int
    after_minor: int


def foresee_coupon(
    customer: Customer, coupon: Coupon, *, by: Actor, at: datetime
) -> tuple[datetime | None, list[Lowered]]:
    """(when the next invoices come, what the coupon makes of them); none when nothing is to be billed. Raises what
    `apply_coupon` would raise, and Conflict while the customer is being billed.
    """
    moment = next_bill(open_subscriptions(customer), at)
    with transaction.atomic():
        before = totals(preview_next_bill(customer, moment, by=by)) if moment else Counter()
        apply_coupon(customer, coupon, by=by, at=at)
        after = totals(preview_next_bill(customer, moment, by=by)) if moment else Counter()
        transaction.set_rollback(True)
    return moment, [Lowered(currency, minor, after[currency]) for currency, minor in sorted(before.items())]


def totals(bills: Iterable[NextInvoice]) -> Counter[str]:
    """What invoices ask for with tax, by currency in minor units."""
    found: Counter[str] = Counter()
    for bill in bills:
        found[bill.invoice.currency] += bill.total_minor
    return found
