"""A customer's usage: of the running periods with tax, and of the periods that have been invoiced."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, Sum, Value, When

from billing.models import LateEvent, Subscription
from billing.queries.usage import UsageReport, current_usage
from billing.rules.tax import TaxedLine, invoice_taxes
from customers.models import Customer
from invoicing.models import InvoicedPeriod, InvoiceLine
from invoicing.queries.rates import Rates

WAITS = Q(settled_at=None)


def subscriptions_with_usage(customer: Customer) -> QuerySet[Subscription]:
    """Those that have begun, running ones first."""
    rows = Subscription.objects.filter(customer=customer, started_at__isnull=False)
    ended = Case(When(status__in=["terminated", "canceled"], then=Value(1)), default=Value(0))
    return (
        rows.annotate(ended=ended)
        .select_related("plan", "customer__billing_entity")
        .order_by("ended", "-started_at")
    )


def usage_tax(report: UsageReport) -> int:
    """The tax on the usage so far in minor units, by the rates an invoice would take."""
    subscription = report.subscription
    rates = Rates(subscription.organization_id)
    own = rates.book(subscription, report.start)[0].taxes
    lines = [
        TaxedLine(
            Decimal(item.amount_minor),
            rates.of_charge(item.charge.pk, subscription.plan_id, subscription.customer_id, own),
        )
        for item in report.charges
        if item.amount_minor
    ]
    return invoice_taxes(lines).total_minor


def running_usage(customer: Customer, at: datetime) -> list[tuple[UsageReport, int]]:
    """The report and its tax for each subscription that runs."""
    rows = subscriptions_with_usage(customer).filter(status__in=["trialing", "active", "paused", "past_due"])
    reports = [current_usage(row, at, with_days=False) for row in rows]
    return [(report, usage_tax(report)) for report in reports]


def past_periods(subscription: Subscription) -> QuerySet[InvoicedPeriod]:
    """The subscription's invoiced usage, newest first, with `amount_minor` and `events_count` of its lines, and the
    events that came after the invoice: all (`late_count`), and those that wait for a decision (`late_open`).

    An invoice can bill several periods of one subscription: a line belongs to the period it names.
    """
    lines = InvoiceLine.objects.filter(
        invoice=OuterRef("invoice"),
        subscription=OuterRef("subscription"),
        kind="charge",
        period_start=OuterRef("start"),
    ).order_by()
    total = lines.values("invoice").annotate(amount=Sum("amount_minor"), events=Sum("events_count"))
    came_late = LateEvent.objects.filter(
        subscription=OuterRef("subscription"), timestamp__gte=OuterRef("start"), timestamp__lt=OuterRef("end")
    )
    late = (
        came_late.order_by().values("subscription").annotate(all=Count("pk"), open=Count("pk", filter=WAITS))
    )
    return (
        InvoicedPeriod.objects.filter(subscription=subscription, kind="usage")
        .select_related("invoice", "subscription")
        .annotate(
            amount_minor=Subquery(total.values("amount")),
            events_count=Subquery(total.values("events")),
            late_count=Subquery(late.values("all")),
            late_open=Subquery(late.values("open")),
        )
        .order_by("-start")
    )


def lines_of(periods: Iterable[InvoicedPeriod]) -> QuerySet[InvoiceLine]:
    """The usage lines of invoiced periods of one subscription."""
    found = list(periods)
    return InvoiceLine.objects.filter(
        invoice__in=[period.invoice_id for period in found],
        subscription__in=[period.subscription_id for period in found],
        kind="charge",
    ).select_related("charge__metric")
