"""What needs a person today, and how the month goes: the numbers of the first page.

Seven queries whatever the size of the organization; each reads an index or this half-year's invoices only.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, F, IntegerField, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth

from billing.models import (
    AuditEntry,
    Event,
    Job,
    Metric,
    Organization,
    Plan,
    QuarantinedEvent,
    Subscription,
    Wallet,
)
from billing.rules.recurring import monthly_recurring
from billing.rules.states import LIVE, JobState
from customers.models import Customer
from invoicing.models import Invoice, Payment

MONTHS = 6
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Amount:
    """A sum in one currency, and how many things it is made of."""

    currency: str
    minor: int
    count: int


@dataclass
class Home:
    """The first page's figures. Sums are by currency: the organization's own, then by count."""

    drafts: list[Amount] = field(default_factory=list)
    next_finalize_at: datetime | None = None
    overdue: list[Amount] = field(default_factory=list)
    unpaid: list[Amount] = field(default_factory=list)
    invoiced: list[Amount] = field(default_factory=list)
    paid: list[Amount] = field(default_factory=list)
    mrr: list[Amount] = field(default_factory=list)
    months: list[tuple[date, int]] = field(default_factory=list)
    chart_currency: str = ""
    counts: dict[str, Any] = field(default_factory=dict)
    failed_jobs: list[Job] = field(default_factory=list)
    activity: list[AuditEntry] = field(default_factory=list)

    @property
    def started(self) -> bool:
        """Whether the four first steps are all done."""
        return all(self.counts[name] for name in ("has_metric", "has_plan", "customers", "has_event"))


def home(organization: Organization, at: datetime) -> Home:
    """All figures of the first page at a moment, with days and months in the organization's time zone."""
    zone = ZoneInfo(organization.timezone)
    today = at.astimezone(zone).date()
    found = Home(counts=counts(organization, at))
    add_open_invoices(found, organization, today)
    add_months(found, organization, today)
    month_start = datetime(today.year, today.month, 1, tzinfo=zone)
    received = Payment.objects.of(organization).filter(status="successful", paid_at__gte=month_start)
    found.paid = amounts(
        received.order_by().values("currency").annotate(count=Count("*"), minor=Sum("amount_minor"))
    )
    found.mrr = recurring(organization)
    for name in ("drafts", "overdue", "unpaid", "invoiced", "paid", "mrr"):
        getattr(found, name).sort(key=lambda amount: amount.currency != organization.default_currency)
    failed = Job.objects.of(organization).filter(state=JobState.FAILED.value)
    found.failed_jobs = list(failed.order_by("-finished_at")[:3])
    found.activity = list(AuditEntry.objects.of(organization).order_by("-at", "-id")[:8])
    return found


def number_of(rows: QuerySet[Any]) -> Coalesce:
    """A count as a column, so that many of them make one query."""
    counted = rows.order_by().values("organization_id").annotate(number=Count("*")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def counts(organization: Organization, at: datetime) -> dict[str, Any]:
    """Everything that is a plain number or a yes/no, in one query."""
    mine = {"organization_id": OuterRef("pk")}
    live = [status.value for status in LIVE]
    subscriptions = Subscription.objects.filter(**mine)
    columns = {
        "quarantined": number_of(QuarantinedEvent.objects.filter(**mine)),
        "failed": number_of(Job.objects.filter(**mine, state=JobState.FAILED.value)),
        "running": number_of(Job.objects.open().filter(**mine)),
        "customers": number_of(Customer.objects.kept().filter(**mine)),
        "subscriptions": number_of(subscriptions.filter(status__in=live)),
        "ending": number_of(
            subscriptions.filter(status__in=live, ending_at__gte=at, ending_at__lt=at + SOON)
        ),
        "wallets_expiring": number_of(
            Wallet.objects.active().filter(
                **mine, expires_at__gte=at, expires_at__lt=at + SOON, balance_minor__gt=0
            )
        ),
        "has_metric": Exists(Metric.objects.kept().filter(**mine)),
        "has_plan": Exists(Plan.objects.kept().filter(**mine)),
        "has_event": Exists(Event.objects.filter(**mine)),
    }
    return dict(Organization.objects.filter(pk=organization.pk).values(**columns).get())


def amounts(rows: Any) -> list[Amount]:
    """Grouped rows as amounts, most documents first."""
    found = [Amount(row["currency"], row["minor"] or 0, row["count"]) for row in rows if row["count"]]
    return sorted(found, key=lambda amount: (-amount.count, amount.currency))


def add_open_invoices(found: Home, organization: Organization, today: date) -> None:
    """Drafts, unpaid and overdue ones, in one query over what is open."""
    draft, due = Q(status="draft"), Q(status="finalized") & ~Q(payment_status="paid")
    late = due & Q(due_on__lt=today)
    rest = F("total_minor") - F("paid_minor")
    rows = list(
        Invoice.objects.of(organization)
        .filter(draft | due)
        .order_by()
        .values("currency")
        .annotate(
            drafts=Count("pk", filter=draft),
            drafts_minor=Sum("total_minor", filter=draft),
            next_at=Min("finalize_at", filter=draft),
            due=Count("pk", filter=due),
            due_minor=Sum(rest, filter=due),
            late=Count("pk", filter=late),
            late_minor=Sum(rest, filter=late),
        )
    )
    for target, prefix in (("drafts", "drafts"), ("unpaid", "due"), ("overdue", "late")):
        parts = [
            {"currency": row["currency"], "minor": row[f"{prefix}_minor"], "count": row[prefix]}
            for row in rows
        ]
        setattr(found, target, amounts(parts))
    found.next_finalize_at = min((row["next_at"] for row in rows if row["next_at"]), default=None)


def add_months(found: Home, organization: Organization, today: date) -> None:
    """What was invoiced in this and the five months before, in the organization's or the most used currency."""
    months = [first_of_month(today, back) for back in range(MONTHS - 1, -1, -1)]
    rows = (
        Invoice.objects.of(organization)
        .filter(status="finalized", issuing_on__gte=months[0])
        .order_by()
        .annotate(month=TruncMonth("issuing_on"))
        .values("currency", "month")
        .annotate(count=Count("*"), minor=Sum("total_minor"))
    )
    by_currency: dict[str, dict[date, Amount]] = defaultdict(dict)
    for row in rows:
        by_currency[row["currency"]][row["month"]] = Amount(row["currency"], row["minor"], row["count"])
    this_month = [part[months[-1]] for part in by_currency.values() if months[-1] in part]
    found.invoiced = sorted(this_month, key=lambda amount: (-amount.count, amount.currency))
    if by_currency:
        used = max(
            by_currency, key=lambda code: (sum(part.count for part in by_currency[code].values()), code)
        )
        main = organization.default_currency if organization.default_currency in by_currency else used
        found.chart_currency = main
        part = by_currency[main]
        found.months = [(month, part[month].minor if month in part else 0) for month in months]


def first_of_month(day: date, back: int) -> date:
    """The first day of the month `back` months before that of `day`."""
    number = day.year * 12 + day.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def recurring(organization: Organization) -> list[Amount]:
    """Monthly recurring revenue of active subscriptions by currency; trials and pauses do not count yet."""
    rows = (
        Subscription.objects.of(organization)
        .filter(status__in=["active", "past_due"])
        .order_by()
        .values("plan__currency", "plan__interval", "plan__amount_minor")
        .annotate(count=Count("*"))
    )
    prices: dict[str, list[tuple[str, int]]] = defaultdict(list)
    numbers: dict[str, int] = defaultdict(int)
    for row in rows:
        currency = row["plan__currency"]
        prices[currency].append((row["plan__interval"], row["plan__amount_minor"] * row["count"]))
        numbers[currency] += row["count"]
    found = [Amount(code, monthly_recurring(parts), numbers[code]) for code, parts in prices.items()]
    return sorted(found, key=lambda amount: (-amount.count, amount.currency))
