"""The list of all wallets of the organization."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.orm.windows import CAP, Order, Window, capped_count, numbered, walked
from billing.web.access import access
from billing.web.formats import units_text
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import PER_PAGE
from billing.web.requests import StaffRequest
from customers.forms.wallet_filters import WalletFilters
from customers.queries.wallet_list import listed_wallets, wallet_totals, wallets_narrowed
from customers.views.listing import place, tidy

SORTS = {"customer": "customer__name", "balance": "balance_minor", "created": "created_at"}
WALKED = ("created",)  # by these a list is walked that is too long to be sorted
DEFAULT_SORT = "-created"


@require_safe
@access("wallets.view")
def wallets(request: StaffRequest) -> HttpResponse:
    """Search, filters, order and place come from the URL. The totals of a long list are added up when asked for."""
    query, at = request.GET, now(request.organization)
    filters = WalletFilters(query)
    rows = wallets_narrowed(request.organization, filters.values)
    count = capped_count(rows)
    sort = sort_of(query, count)
    window = window_of(rows, sort, query, count)
    context = {
        "window": window,
        "total": units_text(window.count) + ("+" if window.more else ""),
        "previous_url": place(query, window.previous),
        "next_url": place(query, window.following),
        "filters": filters,
        "chips": filters.chips(query),
        "narrowed": bool(filters.values),
        "sort": query.get("sort", ""),
        "sortable": count <= CAP,
        "rows": listed_wallets(request.organization, window.keys, at),
        "totals": wallet_totals(rows, at) if 0 < count <= CAP or "totals" in query else [],
        "totals_url": place(query, {"totals": "1"}) if count > CAP else "",
    }
    partials = ("wallet-table", "wallet-totals")
    response = render_page(request, "customers/wallets/list.html", context, partials=partials)
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(query, request.path)
    return response


def sort_of(query: QueryDict, count: int) -> Order:
    """The order that `?sort=` asks for, else the newest first."""
    wanted = query.get("sort") or DEFAULT_SORT
    name = wanted.removeprefix("-")
    if name not in SORTS or (count > CAP and name not in WALKED):
        wanted = DEFAULT_SORT
    return Order(SORTS[wanted.removeprefix("-")], wanted.startswith("-"))


def window_of(rows: QuerySet[Any], order: Order, query: QueryDict, count: int) -> Window:
    """A few are sorted after they were found; many are met along the order's index."""
    if count <= CAP:
        return numbered(rows, order, count, query.get("page"), size=PER_PAGE, indexed=False)
    return walked(rows, order, query.get("cursor", ""), size=PER_PAGE, count=CAP)
