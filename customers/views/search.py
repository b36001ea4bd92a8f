"""`/search?q=`: everything that has a name or a number."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.queries.search import Group, search

NOUNS = {
    "customer": ("Customers", "users", "customer", "customers", "customers.view"),
    "invoice": ("Invoices", "file-text", "invoice", "invoices", "invoices.view"),
    "credit_note": ("Credit notes", "file-minus", "credit-note", "credit-notes", "credit_notes.view"),
    "subscription": ("Subscriptions", "repeat", "subscription", "subscriptions", "subscriptions.view"),
    "plan": ("Plans", "layers", "plan", "plans", "catalog.view"),
    "coupon": ("Coupons", "ticket-percent", "coupon", "coupons", "coupons.view"),
    "metric": ("Billable metrics", "gauge", "metric", "metrics", "catalog.view"),
}


@access("customers.view")
@require_safe
def results(request: StaffRequest) -> HttpResponse:
    """Grouped results, also as the partial that refreshes while one types."""
    query = request.GET.get("q", "").strip()[:100]
    seen = frozenset(noun for noun, about in NOUNS.items() if may(request.member, about[4]))
    groups = [shown(group, query) for group in search(request.organization, query, seen)]
    context = {"search_query": query, "groups": groups, "too_short": 0 < len(query) < 2}
    return render_page(request, "customers/search/index.html", context, partials=("search-results",))


def shown(group: Group, query: str) -> dict[str, Any]:
    """A group as the template shows it."""
    heading, icon, url_name, list_name, _ = NOUNS[group.noun]
    items = [{"row": row, "url": address(url_name, row.public_id), "kind": group.noun} for row in group.rows]
    return {
        "heading": heading,
        "icon": icon,
        "results": items,
        "more_url": f"{address(list_name)}?{urlencode({'q': query})}"
        if group.more and address(list_name)
        else "",
    }


def address(url_name: str, *args: str) -> str:
    """The page's address, empty while there is none."""
    try:
        return reverse(url_name, args=args)
    except NoReverseMatch:
        return ""
