"""What needs a person today, and how the month goes: the numbers of the first page.

Five queries whatever the size of the organization (six with a failed job); the charts are in `charts.py`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Count

from billing.models import AuditEntry, Job, Organization, Subscription
from billing.rules.recurring import monthly_recurring
from billing.rules.states import JobState
from customers.queries.charts import Amount, Revenue, revenue
from customers.queries.needs import Part, waiting

FIRST_STEPS = ("metric", "plan", "customers", "event")


@dataclass
class Home:
    """The first page's figures. Sums are by currency: the organization's own, then by count."""

    today: date
    needs: dict[str, list[Part]]
    revenue: Revenue
    invoiced: list[Amount] = field(default_factory=list)
    received: list[Amount] = field(default_factory=list)
    mrr: list[Amount] = field(default_factory=list)
    failed_jobs: list[Job] = field(default_factory=list)
    activity: list[AuditEntry] = field(default_factory=list)

    def count(self, *kinds: str) -> int:
        """How many there are of these kinds."""
        return sum(part.count for kind in kinds for part in self.needs.get(kind, []))

    @property
    def unpaid(self) -> list[Part]:
        """What is outstanding."""
        return self.needs.get("unpaid", [])

    @property
    def currencies(self) -> list[str]:
        """Everything that was invoiced, received or recurs in."""
        return sorted({*self.revenue.currencies, *(amount.currency for amount in self.mrr)})

    def main_currency(self, own: str) -> str:
        """That of the charts when none is asked for."""
        known, main = self.currencies, self.revenue.main_currency(own)
        return main if main in known or not known else known[0]

    @property
    def started(self) -> bool:
        """Whether the four first steps are all done."""
        return all(self.count(kind) for kind in FIRST_STEPS)


def home(organization: Organization, at: datetime) -> Home:
    """All figures of the first page at a moment, with days and months in the organization's time zone."""
    today = at.astimezone(ZoneInfo(organization.timezone)).date()
    found = Home(today, waiting(organization, at, today), revenue(organization, today))
    this_month = found.revenue.months[-1]
    for name, source in (("invoiced", found.revenue.invoiced), ("received", found.revenue.received)):
        amounts = [months[this_month] for months in source.values() if this_month in months]
        setattr(found, name, in_order(amounts, organization))
    found.mrr = in_order(recurring(organization), organization)
    if found.count("failed_jobs"):
        failed = Job.objects.of(organization).filter(state=JobState.FAILED.value)
        found.failed_jobs = list(failed.order_by("-finished_at")[:3])
    found.activity = list(AuditEntry.objects.of(organization).order_by("-at", "-id")[:8])
    return found


def in_order(amounts: list[Amount], organization: Organization) -> list[Amount]:
    """The organization's own currency first, then the one with the most documents."""
    own = organization.default_currency
    return sorted(amounts, key=lambda amount: (amount.currency != own, -amount.count, amount.currency))


def recurring(organization: Organization) -> list[Amount]:
    """Monthly recurring revenue of active subscriptions by currency; trials and pauses do not count yet."""
    rows = (
        Subscription.objects.of(organization)
        .filter(status__in=["active", "past_due"])
        .order_by()
        .values("currency", "plan__interval", "amount_minor")
        .annotate(count=Count("*"))
    )
    prices: dict[str, list[tuple[str, int]]] = defaultdict(list)
    numbers: dict[str, int] = defaultdict(int)
    for row in rows:
        currency = row["currency"]
        prices[currency].append((row["plan__interval"], row["amount_minor"] * row["count"]))
        numbers[currency] += row["count"]
    return [Amount(code, monthly_recurring(parts), numbers[code]) for code, parts in prices.items()]
