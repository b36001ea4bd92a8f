"""The customer view's first tab."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from billing.actions.clock import now
from billing.forms.lists import country_name
from billing.models import AuditEntry, Subscription
from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.queries.overview import (
    customer_figures,
    open_subscriptions,
    running,
    usage_so_far,
    what_comes,
)
from customers.views.activity import described
from customers.views.frame import customer_frame, customer_url, find_customer
from customers.views.merge import follow_merge
from customers.views.notes import notes_of
from invoicing.actions.draft import payment_term

LATEST = 6


@require_GET
@access("customers.view")
def overview(request: StaffRequest, id: UUID) -> HttpResponse:
    """Figures, subscriptions, what is coming, what happened last, and the facts at the side."""
    try:
        customer = find_customer(request, id)
    except Http404:
        return follow_merge(request, id)
    at = now(request.organization)
    subscriptions = open_subscriptions(customer)
    if wants_partial(request) and request.htmx.target == "usage-figure":
        return usage_figure(request, customer, subscriptions, at)
    frame = customer_frame(request, customer, "overview")
    context: dict[str, Any] = {
        "figures": customer_figures(customer, subscriptions, at),
        "subscriptions": subscriptions,
        "coming": what_comes(customer, subscriptions, at),
        "country": country_name(customer.country),
        "term": payment_term(customer),
        "assign_url": next((act["url"] for act in frame["acts"] if act["label"] == "Assign a plan"), ""),
        "invoices_url": customer_url("customer-invoices", customer),
        "wallets_url": customer_url("customer-wallets", customer),
        "activity_url": customer_url("customer-activity", customer),
        "show_usage": may(request.member, "usage.view") and bool(running(subscriptions)),
        "entries": [],
        "notes": notes_of(request, customer),
        "note_add_url": customer_url("customer-note-add", customer) if frame["edit_url"] else "",
    }
    if may(request.member, "audit.view"):
        latest = AuditEntry.objects.of(request.organization).filter(customer=customer)[:LATEST]
        context["entries"] = [described(entry, customer) for entry in latest]
    return render_page(request, "customers/overview.html", frame | context)


def usage_figure(
    request: StaffRequest, customer: Customer, subscriptions: list[Subscription], at: datetime
) -> HttpResponse:
    """The figure that the page asks for after it is shown, because adding usage up may take a while."""
    context = {
        "customer": customer,
        "usage_minor": usage_so_far(customer, subscriptions, at),
        "usage_url": customer_url("customer-usage", customer),
    }
    return render_page(request, "customers/overview.html", context, partials=("usage-figure",))
