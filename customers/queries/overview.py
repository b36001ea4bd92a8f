"""A customer's figures: for the list, the API and the Overview tab."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import Subscription, Wallet
from billing.queries.usage import current_usage
from billing.rules.states import LIVE, OPEN
from customers.models import Customer
from customers.rules.recurring import monthly_minor
from invoicing.models import RECEIVED, Invoice, Payment

LIVE_VALUES = [status.value for status in LIVE]
OPEN_VALUES = [status.value for status in OPEN]
PAYING = ("active", "past_due")  # trials and paused ones bring nothing yet


def count_of(rows: QuerySet[Any]) -> Coalesce:
    """The number of a customer's rows, as a column of the customer's query."""
    mine = rows.filter(customer=OuterRef("pk")).order_by().values("customer")
    return Coalesce(Subquery(mine.annotate(n=Count("pk")).values("n")), 0)


def sum_of(rows: QuerySet[Any], amount: Any) -> Coalesce:
    """The sum over a customer's rows in the customer's currency, in minor units."""
    mine = rows.filter(customer=OuterRef("pk"), currency=OuterRef("currency")).order_by().values("customer")
    return Coalesce(Subquery(mine.annotate(n=Sum(amount)).values("n")), 0)


def with_figures(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Adds `active_subscriptions` (live ones), `outstanding_minor` and `spent_minor` (payments received)."""
    return rows.annotate(
        active_subscriptions=count_of(Subscription.objects.filter(status__in=LIVE_VALUES)),
        outstanding_minor=sum_of(Invoice.objects.unpaid(), F("total_minor") - F("paid_minor")),
        spent_minor=sum_of(Payment.objects.filter(status__in=RECEIVED), F("amount_minor")),
    )


def customers_by_id(ids: Iterable[Any]) -> list[Customer]:
    """These customers with their figures and taxes, in this order.

    A page is found by ids first: the figures of all the rows before it would otherwise be added up, too.
    """
    keys = list(ids)
    found = with_figures(Customer.objects.filter(pk__in=keys)).prefetch_related("taxes").in_bulk()
    return [found[key] for key in keys if key in found]


@dataclass(frozen=True)
class Figures:
    """Amounts in minor units of the customer's currency; `mrr_minor` is what the plans bring per month."""

    spent_minor: int
    outstanding_minor: int
    outstanding_count: int
    overdue_minor: int
    overdue_count: int
    wallet_minor: int
    mrr_minor: int

    @property
    def outstanding_note(self) -> str:
        """ "3 invoices", or nothing."""
        return invoices(self.outstanding_count)

    @property
    def overdue_note(self) -> str:
        """ "1 invoice", or nothing."""
        return invoices(self.overdue_count)


def invoices(count: int) -> str:
    """A number of invoices in words; nothing for none."""
    return f"{count} invoice{'' if count == 1 else 's'}" if count else ""


def customer_figures(customer: Customer, subscriptions: list[Subscription], at: datetime) -> Figures:
    """The strip of the Overview tab. One query; `subscriptions` are the open ones with their plans."""
    today = at.astimezone(ZoneInfo(customer.timezone or customer.billing_entity.timezone)).date()
    unpaid, overdue = Invoice.objects.unpaid(), Invoice.objects.overdue(today)
    wallets = Wallet.objects.active()
    due = F("total_minor") - F("paid_minor")
    found = (
        Customer.objects.filter(pk=customer.pk)
        .values(
            spent_minor=sum_of(Payment.objects.filter(status__in=RECEIVED), F("amount_minor")),
            outstanding_minor=sum_of(unpaid, due),
            outstanding_count=count_of(unpaid),
            overdue_minor=sum_of(overdue, due),
            overdue_count=count_of(overdue),
            wallet_minor=sum_of(wallets, F("balance_minor")),
        )
        .get()
    )
    running = [row for row in subscriptions if row.status in PAYING]
    mrr = sum(
        monthly_minor(row.plan.amount_minor, row.plan.interval)
        for row in running
        if row.plan.currency == customer.currency
    )
    return Figures(**found, mrr_minor=mrr)


def open_subscriptions(customer: Customer) -> list[Subscription]:
    """Running and pending ones with their plans, the running ones first."""
    rows = Subscription.objects.filter(customer=customer, status__in=OPEN_VALUES).select_related("plan")
    return sorted(rows, key=lambda row: (row.status == "pending", row.subscription_at, row.pk))


def running(subscriptions: list[Subscription]) -> list[Subscription]:
    """Those that count usage."""
    return [row for row in subscriptions if row.status in LIVE_VALUES]


def usage_so_far(customer: Customer, subscriptions: list[Subscription], at: datetime) -> int:
    """Usage of the running periods in the customer's currency, in minor units. Some queries per subscription."""
    rows = [row for row in running(subscriptions) if row.plan.currency == customer.currency]
    for row in rows:
        row.customer = customer
    return sum(current_usage(row, at, with_days=False).amount_minor for row in rows)


@dataclass(frozen=True)
class Coming:
    """Something that the calendar will do: `kind` is bill, finalize, start, trial_end or end."""

    at: datetime
    kind: str
    subject: Any


def what_comes(customer: Customer, subscriptions: list[Subscription], at: datetime) -> list[Coming]:
    """The next things that will happen by themselves, soonest first. One query, for the drafts."""
    moments: list[Coming] = []
    for row in subscriptions:
        dated = [("trial_end", row.trial_ends_at), ("end", row.ending_at)]
        pending = row.status == "pending"
        dated += [("start", row.subscription_at) if pending else ("bill", row.next_billing_at)]
        moments += [Coming(when, kind, row) for kind, when in dated if when and when > at]
    drafts = Invoice.objects.filter(customer=customer).draft().exclude(finalize_at=None)
    moments += [Coming(draft.finalize_at, "finalize", draft) for draft in drafts[:20] if draft.finalize_at]
    return sorted(moments, key=lambda coming: coming.at)[:6]


SUBSCRIBED = Q(pk__in=Subscription.objects.filter(status__in=LIVE_VALUES).values("customer"))
