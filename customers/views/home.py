"""`/`: what needs a person today, how the month goes, and the first steps of a new organization."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import Organization
from billing.web.access import access, may
from billing.web.activity import timeline_items
from billing.web.formats import money_text
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.queries.charts import Revenue, recurring_movements, usage_by_day
from customers.queries.home import Home, home
from customers.views.needs import link, rows
from customers.views.palette import recent_items

CHART_SECONDS = 60
REVENUE = (
    {"name": "invoiced", "label": "Invoiced", "tone": 1},
    {"name": "received", "label": "Received", "tone": 2},
)
MOVEMENTS = (
    {"name": "new", "label": "New", "tone": 1},
    {"name": "expansion", "label": "Expansion", "tone": 2},
    {"name": "contraction", "label": "Contraction", "tone": 3, "down": True},
    {"name": "churn", "label": "Churn", "tone": 4, "down": True},
)


@access("customers.view")
@require_safe
def index(request: StaffRequest) -> HttpResponse:
    """The first page; `?currency=` chooses that of the charts."""
    organization = request.organization
    at = now(organization)
    found = home(organization, at)
    currency = chosen_currency(request, found)
    context = {
        "home": found,
        "today": found.today,
        "customers": found.count("customers"),
        "subscriptions": found.count("subscriptions"),
        "needs": rows(request, found),
        "steps": first_steps(found),
        "recent": recent_items(request),
        "activity": timeline_items(found.activity, organization.timezone, brief_on=found.today),
        "can_retry": may(request.member, "jobs.retry"),
        "quiet": not (found.invoiced or found.mrr or found.revenue.currencies),
        "currency": currency,
        "currencies": currency_items(found, currency),
        "revenue": revenue_chart(found.revenue, currency),
        **slow_charts(organization, found.revenue, currency, at),
        "revenue_series": REVENUE,
        "movement_series": MOVEMENTS,
    }
    return render_page(request, "customers/home/index.html", context)


def chosen_currency(request: StaffRequest, found: Home) -> str:
    """The one that was asked for when there is something in it."""
    asked = request.GET.get("currency", "")
    return asked if asked in found.currencies else found.main_currency(request.organization.default_currency)


def currency_items(found: Home, chosen: str) -> list[dict[str, Any]]:
    """The switch above the charts; nothing to switch with one currency."""
    known = found.currencies
    if len(known) < 2:
        return []
    return [
        {"label": code, "url": f"?currency={code}#charts", "active": code == chosen, "count": None}
        for code in known
    ]


def revenue_chart(revenue: Revenue, currency: str) -> list[dict[str, Any]]:
    """Invoiced and received by month, as columns."""
    found = []
    for month in revenue.months:
        amounts = [source.get(currency, {}).get(month) for source in (revenue.invoiced, revenue.received)]
        values = [amount.minor if amount else 0 for amount in amounts]
        found.append(
            {
                "label": f"{month:%b %Y}",
                "short": f"{month:%b}",
                "values": values,
                "titles": [money_text(value, currency) for value in values],
            }
        )
    return found if any(any(item["values"]) for item in found) else []


def slow_charts(organization: Organization, revenue: Revenue, currency: str, at: datetime) -> dict[str, Any]:
    """The two charts that read much: everybody of the organization shares them for a minute."""
    key = f"home-charts:{organization.pk}:{currency}:{revenue.months[-1]}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        today = at.astimezone(ZoneInfo(organization.timezone)).date()
        found = {
            "movements": movement_chart(organization, revenue, currency, at),
            "usage": [
                {"label": f"{day.day} {day:%b}", "value": events, "title": f"{events:,} events"}
                for day, events in usage_by_day(organization, today)
            ],
        }
        cache.set(key, found, CHART_SECONDS)
    return found


def movement_chart(
    organization: Organization, revenue: Revenue, currency: str, at: datetime
) -> list[dict[str, Any]]:
    """What recurs, by month: gains upwards, losses downwards."""
    found = []
    moved = recurring_movements(organization, currency, revenue.months, at)
    for month, item in zip(revenue.months, moved, strict=True):
        values = [item.new, item.expansion, item.contraction, item.churn]
        signs = (1, 1, -1, -1)
        found.append(
            {
                "label": f"{month:%b %Y}",
                "short": f"{month:%b}",
                "values": values,
                "titles": [
                    money_text(sign * value, currency) for sign, value in zip(signs, values, strict=True)
                ],
                "total": money_text(item.end, currency),
            }
        )
    return found if any(any(item["values"]) for item in found) else []


def first_steps(found: Home) -> list[dict[str, Any]]:
    """The four steps from nothing to the first usage; empty once all are done."""
    if found.started:
        return []
    return [
        {
            "label": "Say what is measured",
            "note": "A billable metric turns events into units: API calls, gigabytes, seats.",
            "done": bool(found.count("metric")),
            "url": link("metrics"),
            "action": "Create a metric",
        },
        {
            "label": "Set a price",
            "note": "A plan has a fee and charges on metrics: per unit, in tiers, in packages.",
            "done": bool(found.count("plan")),
            "url": link("plans"),
            "action": "Create a plan",
        },
        {
            "label": "Add a customer",
            "note": "Then assign the plan under Actions.",
            "done": bool(found.count("customers")),
            "url": link("customers"),
            "action": "Add a customer",
        },
        {
            "label": "Push a usage event",
            "note": "One curl command with an API key; it shows in the Usage tab at once.",
            "done": bool(found.count("event")),
            "url": link("developers"),
            "action": "Open the quick start",
        },
    ]
