"""The three charts of the first page: revenue by month, recurring revenue from month to month, usage by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, DateField, F, Q, Sum, Value
from django.db.models.functions import Cast, TruncDate, TruncMonth

from billing.models import Organization, Subscription, UsageHour
from customers.rules.movements import Movement, Span, movements
from customers.rules.recurring import monthly_minor
from invoicing.models import Invoice, Payment

MONTHS = 12
DAYS = 30


@dataclass(frozen=True)
class Amount:
    """A sum in one currency, and how many things it is made of."""

    currency: str
    minor: int
    count: int


@dataclass
class Revenue:
    """What was invoiced (final invoices by issue date) and received (payments less refunds) by currency and month."""

    months: list[date]
    invoiced: dict[str, dict[date, Amount]] = field(default_factory=lambda: defaultdict(dict))
    received: dict[str, dict[date, Amount]] = field(default_factory=lambda: defaultdict(dict))

    def main_currency(self, own: str) -> str:
        """The organization's own, or the one with the most documents when it has none in its own."""
        documents = {
            code: sum(
                amount.count
                for source in (self.invoiced, self.received)
                for amount in source.get(code, {}).values()
            )
            for code in self.currencies
        }
        return (
            own
            if own in documents or not documents
            else max(documents, key=lambda code: (documents[code], code))
        )

    @property
    def currencies(self) -> list[str]:
        """All that have something, by code."""
        return sorted(self.invoiced.keys() | self.received.keys())


def first_of_month(day: date, back: int) -> date:
    """The first day of the month `back` months before that of `day`."""
    number = day.year * 12 + day.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def revenue(organization: Organization, today: date) -> Revenue:
    """The last twelve months, in the organization's time zone. One query."""
    zone = ZoneInfo(organization.timezone)
    found = Revenue([first_of_month(today, back) for back in range(MONTHS - 1, -1, -1)])
    since = found.months[0]
    begin = datetime(since.year, since.month, 1, tzinfo=zone)
    invoiced = (
        Invoice.objects.of(organization)
        .filter(status="finalized", issuing_on__gte=since)
        .order_by()
        .annotate(month=TruncMonth("issuing_on"), what=Value("invoiced"))
        .values("what", "currency", "month")
        .annotate(count=Count("pk"), minor=Sum("total_minor"))
    )
    received = (
        Payment.objects.of(organization)
        .filter(status__in=["successful", "partially_refunded", "refunded"], paid_at__gte=begin)
        .order_by()
        .annotate(month=Cast(TruncMonth("paid_at", tzinfo=zone), DateField()), what=Value("received"))
        .values("what", "currency", "month")
        .annotate(count=Count("pk"), minor=Sum(F("amount_minor") - F("refunded_minor")))
    )
    columns = ("what", "currency", "month", "count", "minor")
    for what, currency, month, count, minor in invoiced.values_list(*columns).union(
        received.values_list(*columns), all=True
    ):
        target = found.invoiced if what == "invoiced" else found.received
        target[currency][month] = Amount(currency, minor or 0, count)
    return found


def recurring_movements(
    organization: Organization, currency: str, months: Sequence[date], at: datetime
) -> list[Movement]:
    """One movement per month; the last one until now. One query over what was in force in these months."""
    zone = ZoneInfo(organization.timezone)
    starts = [datetime(month.year, month.month, 1, tzinfo=zone) for month in months]
    rows = (
        Subscription.objects.of(organization)
        .filter(currency=currency, started_at__lte=at)
        .exclude(status__in=["pending", "trialing"])
        .exclude(Q(terminated_at__lt=starts[0]) | Q(canceled_at__lt=starts[0]))
        .values_list(
            "customer_id",
            "started_at",
            "trial_ends_at",
            "terminated_at",
            "canceled_at",
            "amount_minor",
            "plan__interval",
        )
    )
    spans = [
        Span(
            customer,
            max(started, trial) if trial else started,
            terminated or canceled,
            monthly_minor(amount, interval),
        )
        for customer, started, trial, terminated, canceled, amount, interval in rows
    ]
    return movements(spans, [*starts, at])


def usage_by_day(organization: Organization, today: date) -> list[tuple[date, int]]:
    """Events by day of the organization, today and the 29 days before; [] when there are none. One query."""
    zone = ZoneInfo(organization.timezone)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    begin = datetime(days[0].year, days[0].month, days[0].day, tzinfo=zone)
    rows = (
        UsageHour.objects.of(organization)
        .filter(hour__gte=begin)
        .order_by()
        .annotate(day=TruncDate("hour", tzinfo=zone))
        .values("day")
        .annotate(events=Sum("events_count"))
        .values_list("day", "events")
    )
    counts = dict(rows)
    return [(day, counts.get(day, 0)) for day in days] if any(counts.values()) else []
