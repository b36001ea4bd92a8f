"""Possible duplicates, and what staff have found to be different."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from billing.actions.clock import now
from billing.rules.ids import decode
from billing.web.access import access, may
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.duplicates import keep_apart, keep_apart_no_more
from customers.models import NotDuplicate
from customers.queries.duplicates import MOST_PAIRS, Pair, duplicates
from customers.views.frame import find_customer
from customers.views.merge import compare_url

SURE, LIKELY = 85, 60


@require_GET
@access("customers.view")
def suggestions(request: StaffRequest) -> HttpResponse:
    """The likeliest pairs with their reasons, and below them the pairs that were dismissed."""
    pairs = duplicates(request.organization)
    dismissed = (
        NotDuplicate.objects.of(request.organization)
        .filter(first__deleted_at=None, second__deleted_at=None)
        .select_related("first", "second")
        .order_by("-created_at")
    )[:MOST_PAIRS]
    context = {
        "pairs": [pair_context(pair) for pair in pairs],
        "full": len(pairs) == MOST_PAIRS,
        "dismissed": dismissed,
        "dismissed_note": str(len(dismissed)),
        "may_merge": may(request.member, "customers.delete"),
    }
    return render_page(request, "customers/merge/duplicates.html", context)


def pair_context(pair: Pair) -> dict[str, Any]:
    """A card: the older customer is proposed to stay."""
    older, younger = sorted((pair.first, pair.second), key=lambda row: (row.created_at, row.pk))
    sure = pair.score >= SURE
    word = "Very likely" if sure else "Likely" if pair.score >= LIKELY else "Possible"
    return {
        "first": older,
        "second": younger,
        "customers": [older, younger],
        "reasons": pair.reasons,
        "likely": f"{word}, {pair.score} %",
        "tone": "danger" if sure else "warning" if pair.score >= LIKELY else "neutral",
        "url": compare_url(younger, older),
    }


@require_POST
@access("customers.delete")
def decide(request: StaffRequest) -> HttpResponse:
    """Remember that two customers are different, or (`undo`) forget it."""
    keys: list[UUID] = []
    for name in ("first", "second"):
        key = decode("cust", request.POST.get(name, ""))
        if key is None:
            raise Http404("No such customer.")
        keys.append(key)
    first, second = (find_customer(request, key) for key in keys)
    at = now(request.organization)
    page = reverse("customer-duplicates")
    if request.POST.get("undo"):
        keep_apart_no_more(first, second, by=request.actor, at=at)
        return done(request, page, "The pair may be suggested again.")
    keep_apart(first, second, by=request.actor, at=at)
    return done(request, page, f"{first.display_name} and {second.display_name} are not suggested any more.")
