"""A customer's figures: for the list, the API and the Overview tab."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import Subscription
from billing.rules.states import LIVE, OPEN
from customers.models import Customer
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


def open_subscriptions(customer: Customer) -> list[Subscription]:
    """Running and pending ones with their plans, the running ones first."""
    rows = Subscription.objects.filter(customer=customer, status__in=OPEN_VALUES).select_related("plan")
    return sorted(rows, key=lambda row: (row.status == "pending", row.subscription_at, row.pk))


def running(subscriptions: list[Subscription]) -> list[Subscription]:
    """Those that count usage."""
    return [row for row in subscriptions if row.status in LIVE_VALUES]


SUBSCRIBED = Q(pk__in=Subscription.objects.filter(status__in=LIVE_VALUES).values("customer"))
