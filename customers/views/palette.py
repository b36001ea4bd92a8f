"""`/palette?q=`: what the command palette shows. It is a list of options for a combobox, filled while one types."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import wants_partial
from billing.web.recent import recent
from billing.web.requests import StaffRequest
from customers.queries.recent import seen
from customers.queries.search import search
from customers.views.commands import CREATE, OTHER, acts_by_name, acts_on, fitting, open_customer, pages
from customers.views.search import NOUNS, address

ROWS, COMMANDS = 5, 5
ICONS = {"customer": "users", "invoice": "file-text", "plan": "layers"}


@access("customers.view")
@require_safe
def palette(request: StaffRequest) -> HttpResponse:
    """The options; opened as a page it is the search page."""
    typed = " ".join(request.GET.get("q", "").split())[:100]
    if not wants_partial(request):
        return redirect(f"{reverse('search')}?{urlencode({'q': typed})}")
    groups = found(request, typed) if typed else first_shown(request)
    context = {"groups": [group for group in groups if group["items"]], "typed": typed}
    response = render(request, "customers/search/palette.html", context)
    response["Cache-Control"] = "no-store"
    return response


def group(heading: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A heading and its options."""
    return {"heading": heading, "items": items}


def first_shown(request: StaffRequest) -> list[dict[str, Any]]:
    """Before anything is typed: what was open lately, what can be done here, and all pages."""
    customer = open_customer(request)
    acts = [item | {"note": ""} for _, item in acts_on(request, customer)] if customer else []
    return [
        group("Recently viewed", recent_items(request)),
        group(str(customer) if customer else "", acts),
        group("Actions", [item for _, item in fitting(request, CREATE, "")]),
        group("Pages", [item for _, item in fitting(request, pages(), "")]),
        group("This window", [item for _, item in fitting(request, OTHER, "")]),
    ]


def found(request: StaffRequest, typed: str) -> list[dict[str, Any]]:
    """What fits: acts and pages whose name begins so, then rows, then acts and pages that fit less well."""
    customer = open_customer(request)
    ranked = acts_on(request, customer, typed) if customer else []
    ranked += fitting(request, (*CREATE, *OTHER), typed)
    acts = [item for cost, item in ranked if cost == 0][:COMMANDS]
    acts += [item for item in acts_by_name(request, typed) if item["url"] not in {act["url"] for act in acts}]
    going = fitting(request, pages(), typed)
    nouns = frozenset(noun for noun, about in NOUNS.items() if may(request.member, about[4]))
    rows = [
        {
            "heading": NOUNS[part.noun][0],
            "items": [row_item(part.noun, row) for row in part.rows],
        }
        for part in search(request.organization, typed, nouns, ROWS)
    ]
    return [
        group("Actions", acts),
        group("Pages", [item for cost, item in going if cost == 0][:COMMANDS]),
        *rows,
        group("Did you mean", [item for cost, item in [*ranked, *going] if cost][:COMMANDS]),
    ]


def row_item(noun: str, row: Any) -> dict[str, Any]:
    """A row as the template shows it."""
    _, icon, url_name, _, _ = NOUNS[noun]
    return {"kind": noun, "row": row, "icon": icon, "url": address(url_name, row.public_id)}


def recent_items(request: StaffRequest) -> list[dict[str, Any]]:
    """What this person has looked at, the newest first; what the role may not see is left out."""
    rows = seen(request.organization, recent(request))
    return [
        {
            "label": row.label,
            "note": row.note,
            "icon": ICONS[row.noun],
            "url": address(NOUNS[row.noun][2], row.public_id),
        }
        for row in rows
        if may(request.member, NOUNS[row.noun][4])
    ]
