"""What assigning a plan, applying a coupon or opening a wallet bills, found out by doing it and taking it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from billing.actions.coupons import apply_coupon
from billing.actions.subscription_terms import period_end
from billing.actions.subscriptions import next_boundary
from billing.models import Coupon, Plan, Subscription, Wallet
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
from invoicing.queries.rates import Rates

Given = TypeVar("Given")


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
    rates = Rates(customer.organization_id)
    with transaction.atomic():
        row = assign_plan(customer, plan, **terms, by=by, at=at)
        made = Invoice.objects.filter(periods__subscription=row).distinct().order_by("created_at", "pk")
        bills = [Coming(at, foreseen(invoice, at, rates)) for invoice in made]
        waits = row.status == SubscriptionStatus.PENDING.value
        until = next_boundary(row, row.subscription_at) if waits else period_end(row, at)
        bills += bills_until(row, until, rates=rates, by=by, at=at).found
        transaction.set_rollback(True)
    own = [own_part(item, row) for item in bills]
    return FirstBills(row, until, [bill for bill in own if bill.lines])


def own_part(item: Coming, row: Subscription) -> OwnBill:
    """The lines of one subscription on an invoice."""
    lines = [line for line in item.bill.lines if line.subscription_id == row.pk]
    return OwnBill(item.at, lines, sum(line.amount_minor for line in lines), item.bill.with_tax)


@dataclass(frozen=True)
class Lowered:
    """The next invoices in a currency as things stand and with what is given. Minor units: `total` with tax, `due`
    what credit notes and wallets leave of it.
    """

    currency: str
    total_minor: int
    lowered_total_minor: int
    due_minor: int
    lowered_due_minor: int


def foresee_coupon(
    customer: Customer, coupon: Coupon, *, by: Actor, at: datetime
) -> tuple[datetime | None, list[Lowered]]:
    """(when the next invoices come, what the coupon makes of them); none when nothing is to be billed. Raises what
    `apply_coupon` would raise, and Conflict while the customer is being billed.
    """
    with transaction.atomic():
        moment, lowered, _ = lowered_by(
            customer, lambda: apply_coupon(customer, coupon, by=by, at=at), by=by, at=at
        )
        transaction.set_rollback(True)
    return moment, lowered


@dataclass(frozen=True)
class OpenedWallet:
    """A wallet that is not stored: what it holds at once, the invoice that asks for the credits that are sold (None:
    none are), and what it pays of the next invoices.
    """

    wallet: Wallet
    sold: Invoice | None
    moment: datetime | None
    lowered: list[Lowered]


def foresee_wallet(
    customer: Customer, open_wallet: Callable[[], Wallet], *, by: Actor, at: datetime
) -> OpenedWallet:
    """What a new wallet with its first credits does. Raises what `open_wallet` raises, and Conflict while the
    customer is being billed.
    """
    with transaction.atomic():
        moment, lowered, wallet = lowered_by(customer, open_wallet, by=by, at=at)
        sold = wallet.credit_invoices.order_by("-created_at").first()
        wallet.refresh_from_db()
        transaction.set_rollback(True)
    return OpenedWallet(wallet, sold, moment, [row for row in lowered if row.currency == wallet.currency])


def lowered_by(
    customer: Customer, act: Callable[[], Given], *, by: Actor, at: datetime
) -> tuple[datetime | None, list[Lowered], Given]:
    """The moment of the next invoices, what they ask for before and after the act, and what the act gives. The
    caller takes it all back.
    """
    moment, rates = next_bill(open_subscriptions(customer), at), Rates(customer.organization_id)
    before = preview_next_bill(customer, moment, by=by, rates=rates) if moment else []
    given = act()
    after = preview_next_bill(customer, moment, by=by, rates=rates) if moment else []
    total, lowered_total = totals(before, "total_minor"), totals(after, "total_minor")
    due, lowered_due = totals(before, "due_minor"), totals(after, "due_minor")
    rows = [
        Lowered(code, minor, lowered_total[code], due[code], lowered_due[code])
        for code, minor in sorted(total.items())
    ]
    return moment, rows, given


def totals(bills: Iterable[NextInvoice], name: str) -> Counter[str]:
    """One of the amounts of invoices, by currency in minor units."""
    found: Counter[str] = Counter()
    for bill in bills:
        found[bill.invoice.currency] += getattr(bill, name)
    return found
