"""The figures of the first page for programs: the same queries, in one currency at a time, major units."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.db.models import Count
from typing_extensions import TypedDict

from billing.models import Organization, Subscription
from billing.rules.money import exact, from_minor, round_half_up
from billing.rules.states import SubscriptionStatus
from customers.models import Customer
from customers.queries.charts import recurring_movements
from customers.queries.home import Home
from customers.rules.movements import Movement
from invoicing.models import Payment
from invoicing.rules.states import PaymentState

OVERDUE = ("overdue_30", "overdue_60", "overdue_90", "overdue_more")


class RevenueMonth(TypedDict):
    """A calendar month of the organization: final invoices by issue date, payments less refunds."""

    month: date
    invoiced: Decimal
    invoiceCount: int
    received: Decimal
    paymentCount: int


class RevenueOut(TypedDict):
    """Twelve months, the running one last. `totalRevenue` is what was received in them, `arr` twelve times `mrr`."""

    currency: str
    currencies: list[str]
    totalRevenue: Decimal
    totalInvoiced: Decimal
    invoiceCount: int
    mrr: Decimal
    arr: Decimal
    months: list[RevenueMonth]


class SubscriptionsOut(TypedDict):
    """How many subscriptions there are; `live` are those that run, trials and pauses included."""

    total: int
    live: int
    pending: int
    trialing: int
    active: int
    paused: int
    pastDue: int
    canceled: int
    terminated: int
    newThisMonth: int


class CustomersOut(TypedDict):
    """How many customers there are. `arpu`: monthly recurring revenue per customer that pays some."""

    currency: str
    totalCustomers: int
    newThisMonth: int
    payingCustomers: int
    arpu: Decimal | None


class PaymentsOut(TypedDict):
    """Payments in a currency. `successRate`: the percentage of those that ended which brought money."""

    currency: str
    totalPayments: int
    successful: int
    failed: int
    pending: int
    successRate: Decimal | None
    receivedThisMonth: Decimal
    outstanding: Decimal
    outstandingInvoices: int
    overdue: Decimal
    overdueInvoices: int


class RecurringMonth(TypedDict):
    """start + new + expansion - contraction - churn = end."""

    month: date
    start: Decimal
    new: Decimal
    expansion: Decimal
    contraction: Decimal
    churn: Decimal
    end: Decimal


class RecurringOut(TypedDict):
    """Monthly recurring revenue: what running plans come to in a month, without usage."""

    currency: str
    currencies: list[str]
    mrr: Decimal
    arr: Decimal
    subscriptions: int
    months: list[RecurringMonth]


class ChurnMonth(TypedDict):
    """What was lost of what recurred at the start; `rate` in percent, null: nothing recurred."""

    month: date
    start: Decimal
    churn: Decimal
    rate: Decimal | None


class ChurnOut(TypedDict):
    """Twelve months, the running one last."""

    currency: str
    currencies: list[str]
    months: list[ChurnMonth]


def mrr_of(found: Home, currency: str) -> tuple[int, int]:
    """(minor units a month, subscriptions) of a currency."""
    return next(((one.minor, one.count) for one in found.mrr if one.currency == currency), (0, 0))


def revenue_figures(found: Home, currency: str) -> RevenueOut:
    """The revenue chart."""
    months: list[RevenueMonth] = []
    invoiced = received = invoices = 0
    for month in found.revenue.months:
        billed = found.revenue.invoiced.get(currency, {}).get(month)
        paid = found.revenue.received.get(currency, {}).get(month)
        months.append(
            {
                "month": month,
                "invoiced": from_minor(billed.minor if billed else 0, currency),
                "invoiceCount": billed.count if billed else 0,
                "received": from_minor(paid.minor if paid else 0, currency),
                "paymentCount": paid.count if paid else 0,
            }
        )
        invoiced, invoices = (
            invoiced + (billed.minor if billed else 0),
            invoices + (billed.count if billed else 0),
        )
        received += paid.minor if paid else 0
    mrr, _ = mrr_of(found, currency)
    return {
        "currency": currency,
        "currencies": found.currencies,
        "totalRevenue": from_minor(received, currency),
        "totalInvoiced": from_minor(invoiced, currency),
        "invoiceCount": invoices,
        "mrr": from_minor(mrr, currency),
        "arr": from_minor(12 * mrr, currency),
        "months": months,
    }


def subscription_figures(organization: Organization, found: Home, since: datetime) -> SubscriptionsOut:
    """By state; `since` is when the running month began. Two queries."""
    rows = Subscription.objects.of(organization).order_by()
    counts = dict(rows.values_list("status").annotate(Count("pk")))
    number = {status: counts.get(status.value, 0) for status in SubscriptionStatus}
    return {
        "total": sum(counts.values()),
        "live": found.count("subscriptions"),
        "pending": number[SubscriptionStatus.PENDING],
        "trialing": number[SubscriptionStatus.TRIALING],
        "active": number[SubscriptionStatus.ACTIVE],
        "paused": number[SubscriptionStatus.PAUSED],
        "pastDue": number[SubscriptionStatus.PAST_DUE],
        "canceled": number[SubscriptionStatus.CANCELED],
        "terminated": number[SubscriptionStatus.TERMINATED],
        "newThisMonth": rows.filter(started_at__gte=since, previous=None).count(),
    }


def customer_figures(organization: Organization, found: Home, currency: str, since: datetime) -> CustomersOut:
    """Two queries."""
    paying = (
        Subscription.objects.of(organization)
        .filter(status__in=["active", "past_due"], currency=currency, amount_minor__gt=0)
        .aggregate(count=Count("customer", distinct=True))["count"]
    )
    mrr, _ = mrr_of(found, currency)
    with exact():
        each = int(round_half_up(Decimal(mrr) / paying)) if paying else None
    return {
        "currency": currency,
        "totalCustomers": found.count("customers"),
        "newThisMonth": Customer.objects.of(organization).kept().filter(created_at__gte=since).count(),
        "payingCustomers": paying,
        "arpu": None if each is None else from_minor(each, currency),
    }


def payment_figures(organization: Organization, found: Home, currency: str) -> PaymentsOut:
    """What came, what failed, and what is still owed. One query."""
    rows = Payment.objects.of(organization).filter(currency=currency).order_by()
    counts = dict(rows.values_list("status").annotate(Count("pk")))
    waiting = sum(counts.get(state.value, 0) for state in (PaymentState.PENDING, PaymentState.PROCESSING))
    failed = counts.get(PaymentState.FAILED.value, 0)
    total = sum(counts.values())
    came = total - waiting - failed
    received = next((one.minor for one in found.received if one.currency == currency), 0)
    unpaid = [part for part in found.unpaid if part.currency == currency]
    overdue = [part for kind in OVERDUE for part in found.needs.get(kind, []) if part.currency == currency]
    return {
        "currency": currency,
        "totalPayments": total,
        "successful": came,
        "failed": failed,
        "pending": waiting,
        "successRate": percentage(came, came + failed),
        "receivedThisMonth": from_minor(received, currency),
        "outstanding": from_minor(sum(part.minor for part in unpaid), currency),
        "outstandingInvoices": sum(part.count for part in unpaid),
        "overdue": from_minor(sum(part.minor for part in overdue), currency),
        "overdueInvoices": sum(part.count for part in overdue),
    }


def recurring_figures(organization: Organization, found: Home, currency: str, at: datetime) -> RecurringOut:
    """The chart of recurring revenue. One query."""
    mrr, count = mrr_of(found, currency)
    moved = recurring_movements(organization, currency, found.revenue.months, at)
    return {
        "currency": currency,
        "currencies": found.currencies,
        "mrr": from_minor(mrr, currency),
        "arr": from_minor(12 * mrr, currency),
        "subscriptions": count,
        "months": [
            recurring_month(month, item, currency)
            for month, item in zip(found.revenue.months, moved, strict=True)
        ],
    }


def recurring_month(month: date, item: Movement, currency: str) -> RecurringMonth:
    """One column of the chart."""
    return {
        "month": month,
        "start": from_minor(item.start, currency),
        "new": from_minor(item.new, currency),
        "expansion": from_minor(item.expansion, currency),
        "contraction": from_minor(item.contraction, currency),
        "churn": from_minor(item.churn, currency),
        "end": from_minor(item.end, currency),
    }


def churn_figures(organization: Organization, found: Home, currency: str, at: datetime) -> ChurnOut:
    """What was lost, month by month. One query."""
    moved = recurring_movements(organization, currency, found.revenue.months, at)
    return {
        "currency": currency,
        "currencies": found.currencies,
        "months": [
            {
                "month": month,
                "start": from_minor(item.start, currency),
                "churn": from_minor(item.churn, currency),
                "rate": percentage(item.churn, item.start),
            }
            for month, item in zip(found.revenue.months, moved, strict=True)
        ],
    }


def percentage(part: int, whole: int) -> Decimal | None:
    """With two decimals; None of nothing."""
    if not whole:
        return None
    with exact():
        return round_half_up(Decimal(part) * 10_000 / whole) / 100
