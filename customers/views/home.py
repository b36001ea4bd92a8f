"""`/`: what needs a person today, how the month goes, and the first steps of a new organization."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.web.access import access, may
from billing.web.activity import timeline_items
from billing.web.formats import money_text
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.queries.home import Home, home


def link(url_name: str, query: str = "") -> str:
    """The address of a page with a filter; empty while there is no such page."""
    try:
        return reverse(url_name) + (f"?{query}" if query else "")
    except NoReverseMatch:
        return ""


@access("customers.view")
@require_safe
def index(request: StaffRequest) -> HttpResponse:
    """The first page."""
    organization = request.organization
    at = now(organization)
    found = home(organization, at)
    today = at.astimezone(ZoneInfo(organization.timezone)).date()
    context = {
        "home": found,
        "today": at,
        "todo": todo(found),
        "steps": first_steps(found),
        "bars": bars(found),
        "activity": timeline_items(found.activity, organization.timezone, brief_on=today),
        "can_retry": may(request.member, "jobs.retry"),
        "quiet": not (found.invoiced or found.mrr or found.months),
    }
    return render_page(request, "customers/home/index.html", context)


def todo(found: Home) -> list[dict[str, Any]]:
    """Tiles of what waits for a person; only those that have something."""
    count = found.counts
    tiles = [
        {
            "label": "Overdue invoices",
            "value": sum(part.count for part in found.overdue),
            "amounts": found.overdue,
            "url": link("invoices", "tab=overdue"),
            "icon": "clock-alert",
            "tone": "danger",
        },
        {
            "label": "Drafts to review",
            "value": sum(part.count for part in found.drafts),
            "amounts": found.drafts,
            "until": found.next_finalize_at,
            "url": link("invoices", "tab=draft"),
            "icon": "file-pen-line",
            "tone": "warning",
        },
        {
            "label": "Failed jobs",
            "value": count["failed"],
            "note": "Work that stopped; run it again",
            "url": link("jobs", "state=failed"),
            "icon": "circle-x",
            "tone": "danger",
        },
        {
            "label": "Events in quarantine",
            "value": count["quarantined"],
            "note": "They match no subscription or metric",
            "url": link("events-quarantine"),
            "icon": "shield-alert",
            "tone": "warning",
        },
        {
            "label": "Credits expiring",
            "value": count["wallets_expiring"],
            "note": "Wallets with a balance, in 30 days",
            "url": link("wallets"),
            "icon": "hourglass",
            "tone": "info",
        },
        {
            "label": "Subscriptions ending",
            "value": count["ending"],
            "note": "In the next 30 days",
            "url": link("subscriptions"),
            "icon": "calendar-clock",
            "tone": "info",
        },
    ]
    return [tile for tile in tiles if tile["value"]]


def bars(found: Home) -> list[dict[str, Any]]:
    """The half-year as bars."""
    return [
        {
            "label": f"{month:%b %Y}",
            "value": minor,
            "title": money_text(minor, found.chart_currency),
        }
        for month, minor in found.months
    ]


def first_steps(found: Home) -> list[dict[str, Any]]:
    """The four steps from nothing to the first usage; empty once all are done."""
    if found.started:
        return []
    count = found.counts
    return [
        {
            "label": "Say what is measured",
            "note": "A billable metric turns events into units: API calls, gigabytes, seats.",
            "done": count["has_metric"],
            "url": link("metrics"),
            "action": "Create a metric",
        },
        {
            "label": "Set a price",
            "note": "A plan has a fee and charges on metrics: per unit, in tiers, in packages.",
            "done": count["has_plan"],
            "url": link("plans"),
            "action": "Create a plan",
        },
        {
            "label": "Add a customer",
            "note": "Then assign the plan under Actions.",
            "done": bool(count["customers"]),
            "url": link("customers"),
            "action": "Add a customer",
        },
        {
            "label": "Push a usage event",
            "note": "One curl command with an API key; it shows in the Usage tab at once.",
            "done": count["has_event"],
            "url": link("developers"),
            "action": "Open the quick start",
        },
    ]
