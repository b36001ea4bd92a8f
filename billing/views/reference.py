"""`/api/docs` and `/api/openapi.json`: the API for people and for programs; both are open to everybody."""

from __future__ import annotations

import json
from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from billing.web.htmx import render_page
from billing.web.openapi import document
from billing.web.reference import found_by, groups, manners

TEMPLATE = "billing/reference/index.html"


@lru_cache(maxsize=1)
def written() -> bytes:
    """The document as it is sent."""
    return json.dumps(document(), ensure_ascii=False).encode()


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    response = HttpResponse(written(), content_type="application/json; charset=utf-8")
    response["Cache-Control"] = "public, max-age=300"
    return response


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """The manners of the API and all its operations; `?q=` finds some."""
    query = request.GET.get("q", "").strip()[:100]
    context = {
        "groups": groups(),
        "manners": manners(),
        "query": query,
        "hits": found_by(query) if query else [],
    }
    return render_page(request, TEMPLATE, context, partials=("reference-page",))


@require_safe
def reference_group(request: HttpRequest, group: str) -> HttpResponse:
    """The operations of one noun, in full."""
    chosen = next((one for one in groups() if one.slug == group), None)
    if chosen is None:
        raise Http404("There is no such group.")
    return render_page(request, TEMPLATE, {"groups": groups(), "chosen": chosen, "query": ""})
