"""The list of all wallets of the organization."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.orm.windows import CAP, Order, Window, capped_count, found_at_once, numbered, walked
from billing.web.access import access
from billing.web.formats import units_text
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import PER_PAGE
from billing.web.requests import StaffRequest
from billing.web.saved_lists import place, tidy
from customers.forms.wallet_filters import WalletFilters
from customers.queries.narrow import Narrowed
from customers.queries.wallet_list import WalletTotal, listed_wallets, wallet_totals, wallets_narrowed

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
    window = window_of(rows, query)
    context = {
        "window": window,
        "total": units_text(window.count) + ("+" if window.more else ""),
        "previous_url": place(query, window.previous),
        "next_url": place(query, window.following),
        "filters": filters,
        "chips": filters.chips(query),
        "narrowed": bool(filters.values),
        "only_used": not filters.values.keys() & {"use", "q"},
        "sort": query.get("sort", ""),
        "sortable": not window.more,
        "rows": listed_wallets(request.organization, window.keys, at),
        "totals": totals_of(rows, window, query, at),
        "totals_url": place(query, {"totals": "1"}) if window.more else "",
    }
    partials = ("wallet-table", "wallet-totals")
    response = render_page(request, "customers/wallets/list.html", context, partials=partials)
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(query, request.path)
    return response


def sort_of(query: QueryDict, names: Collection[str]) -> Order:
    """The order that `?sort=` asks for among these, else the newest first."""
    wanted = query.get("sort") or DEFAULT_SORT
    if wanted.removeprefix("-") not in names:
        wanted = DEFAULT_SORT
    return Order(SORTS[wanted.removeprefix("-")], wanted.startswith("-"))


def window_of(found: Narrowed, query: QueryDict) -> Window:
    """A few are sorted after they were found; many are met along the order's index."""
    order, page = sort_of(query, SORTS), query.get("page")
    if found.costly:
        window = found_at_once(found.rows, order, page, size=PER_PAGE)
        if window is not None:
            return window
    elif (count := capped_count(found.rows)) <= CAP:
        return numbered(found.rows, order, count, page, size=PER_PAGE, indexed=False)
    order = sort_of(query, WALKED)
    return walked(found.walk, order, query.get("cursor", ""), size=PER_PAGE, count=CAP)


def totals_of(found: Narrowed, window: Window, query: QueryDict, at: datetime) -> list[WalletTotal]:
    """Those of a list that was counted to its end; of a longer one when they are asked for."""
    if window.more:
        return wallet_totals(found.walk, at) if "totals" in query else []
    return wallet_totals(found.rows, at) if window.count else []
