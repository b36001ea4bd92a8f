"""The customer view's first tab."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from billing.actions.clock import now
from billing.forms.lists import country_name
from billing.models import Subscription
from billing.queries.schedules import customer_zone, schedule_of
from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.queries.overview import open_subscriptions, running
from customers.queries.overview_strip import Figures, balance_strip
from customers.queries.overview_usage import MOST, usage_figures, usage_of
from customers.views.dunning import chases
from customers.views.frame import customer_frame, customer_url, find_customer
from customers.views.merge import follow_merge
from customers.views.notes import notes_of
from customers.views.timeline import history, timeline
from invoicing.actions.draft import payment_term

TEMPLATE = "customers/overview.html"
LISTED = 8


@require_GET
@access("customers.view")
def overview(request: StaffRequest, id: UUID) -> HttpResponse:
    """Figures, subscriptions, notes, the timeline, and the facts at the side.

    The page asks for usage after it is shown, because adding it up may take a while; notes and timeline refresh by
    themselves.
    """
    try:
        customer = find_customer(request, id)
    except Http404:
        return follow_merge(request, id)
    at = now(request.organization)
    part = PARTS.get(str(request.htmx.target)) if wants_partial(request) else None
    if part is not None:
        context = {"customer": customer, "tz": customer_zone(customer)} | part(request, customer, at)
        return render_page(request, TEMPLATE, context, partials=tuple(PARTS))
    subscriptions = open_subscriptions(customer)
    strip = balance_strip(customer, subscriptions, at)
    frame = customer_frame(request, customer, "overview")
    context = {
        "strip": strip,
        "several": len(strip.currencies) > 1,
        "ageing": [ageing(customer, figures, strip.today) for figures in strip.overdue],
        "subscriptions": [listed(row, at, customer_zone(customer)) for row in subscriptions[:LISTED]],
        "more_subscriptions": max(len(subscriptions) - LISTED, 0),
        "country": country_name(customer.country),
        "term": payment_term(customer),
        "assign_url": next((act["url"] for act in frame["acts"] if act["label"] == "Assign a plan"), ""),
        "show_usage": may(request.member, "usage.view") and bool(running(subscriptions)),
        "activity_url": customer_url("customer-activity", customer)
        if may(request.member, "audit.view")
        else "",
        "ask_url": next((act["url"] for act in frame["acts"] if act["label"] == "Request payment"), ""),
        "urls": tab_urls(request, customer),
        **chases(request, customer, [row.currency for row in strip.overdue if row.overdue.minor]),
        **notes_of(request, customer),
        **timeline(request, customer, subscriptions, at),
    }
    return render_page(request, TEMPLATE, frame | context)


def tab_urls(request: StaffRequest, customer: Customer) -> dict[str, str]:
    """Where the figures lead, as far as this member may go."""
    tabs = {
        "invoices": "invoices.view",
        "payments": "invoices.view",
        "usage": "usage.view",
        "wallets": "wallets.view",
        "subscriptions": "subscriptions.view",
    }
    allowed = {name for name, permission in tabs.items() if may(request.member, permission)}
    return {name: customer_url(f"customer-{name}", customer) for name in allowed}


def ageing(customer: Customer, figures: Figures, today: date) -> dict[str, Any]:
    """What is late in a currency as a bar of 1,000 units and four links to the invoices behind it."""
    whole, passed, x = figures.overdue.minor, 0, 0
    buckets = []
    for tone, (bucket, late) in enumerate(figures.late, 1):
        first, last = bucket.due_days(today)
        passed += late.minor
        end = 1000 * passed // whole if whole else 0
        days = {"due_from": first.isoformat()} if first else {}
        query = {"tab": "outstanding", "customer": customer.public_id, "currency": figures.currency, **days}
        url = f"{reverse('invoices')}?{urlencode(query | {'due_to': last.isoformat()})}"
        buckets.append(
            {"label": bucket.label, "late": late, "tone": tone, "x": x, "width": end - x, "url": url}
        )
        x = end
    return {"figures": figures, "buckets": buckets}


def listed(row: Subscription, at: datetime, tz: str) -> dict[str, Any]:
    """A row of the table; a running one with the first and last day of its running period."""
    if row.status == "pending" or row.started_at is None:
        return {"row": row, "period": None}
    period = schedule_of(row, tz).period_at(at)
    return {"row": row, "period": period, "last": period.end - timedelta(microseconds=1)}


def usage_part(request: StaffRequest, customer: Customer, at: datetime) -> dict[str, Any]:
    """Usage so far in all, against the last period, and by subscription."""
    rows = running(open_subscriptions(customer)) if may(request.member, "usage.view") else []
    used = usage_of(customer, rows, at)
    return {
        "usage": usage_figures(used, customer.currency),
        "used": used[:LISTED],
        "left_out": max(len(rows) - MOST, 0),
        "urls": tab_urls(request, customer),
    }


def notes_part(request: StaffRequest, customer: Customer, at: datetime) -> dict[str, Any]:
    """The card of notes alone."""
    return notes_of(request, customer)


def timeline_part(request: StaffRequest, customer: Customer, at: datetime) -> dict[str, Any]:
    """The whole card, after something on the page has changed."""
    return timeline(request, customer, open_subscriptions(customer), at)


PARTS = {
    "usage-figure": usage_part,
    "notes": notes_part,
    "timeline": timeline_part,
    "timeline-more": history,
}
