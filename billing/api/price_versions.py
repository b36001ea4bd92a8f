"""/api/plans/{id}/versions, /price-effect and /price-changes: what a change of prices means, and what came of it."""

from __future__ import annotations

from typing import ClassVar, cast

from django.http import Http404, HttpRequest
from ninja import Query, Router

from billing.actions.clock import now
from billing.actions.price_changes import outcomes, try_again
from billing.actions.price_preview import foresee_update
from billing.api.lookups import by_id_or_code
from billing.api.plans import PlanChanges, changes_of
from billing.models import Plan, PriceChange
from billing.queries.payloads_versions import change_payload, effect_payload, row_payload, version_payload
from billing.queries.shapes_catalog import PriceChangeOut, PriceChangeRowOut, PriceEffectOut, PriceVersionOut
from billing.queries.version_changes import versions_of
from billing.rules.ids import decode
from billing.rules.words import word_of
from billing.web.api import ApiRequest, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Counted, Listing, Object

router = Router(tags=["Plans"])


@router.get("/{ref}/versions")
def list_versions(request: HttpRequest, ref: str) -> Counted[PriceVersionOut]:
    """The newest first, with how many running or planned subscriptions pay each."""
    found = versions_of(by_id_or_code(request, Plan, ref))
    return {"data": [version_payload(one) for one in found], "meta": {"total": len(found)}}


@router.post("/{ref}/price-effect")
def price_effect(request: HttpRequest, ref: str, body: PlanChanges) -> Object[PriceEffectOut]:
    """What the body of a PATCH of the plan would mean for existing subscriptions; nothing is written."""
    asked = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    values, rest = changes_of(asked, body, plan)
    effect = foresee_update(plan, values, rest, by=asked.actor, at=now(asked.organization))
    return envelope(effect_payload(effect))


def find_change(request: HttpRequest, ref: str, change_id: str) -> PriceChange:
    """A run of the plan; else 404."""
    plan = by_id_or_code(request, Plan, ref)
    key = decode("pch", change_id)
    found = PriceChange.objects.filter(plan=plan, pk=key).first() if key else None
    if found is None:
        raise Http404("No such change of prices.")
    return found


@router.get("/{ref}/price-changes/{change_id}")
def get_change(request: HttpRequest, ref: str, change_id: str) -> Object[PriceChangeOut]:
    """How far the run is."""
    change = find_change(request, ref, change_id)
    return envelope(change_payload(change, outcomes(change)))


OUTCOMES = ("waiting", "moved", "skipped", "failed")


class RowFilters(ListQuery):
    """What the list can be narrowed to; `outcome`: waiting, moved, skipped or failed."""

    SORTS: ClassVar = {"createdAt": "created_at"}
    USUAL: ClassVar = "asc"

    outcome: str = ""


@router.get("/{ref}/price-changes/{change_id}/rows")
def list_rows(
    request: HttpRequest, ref: str, change_id: str, filters: Query[RowFilters]
) -> Listing[PriceChangeRowOut]:
    """What came of each subscription; `outcome` (waiting, moved, skipped, failed) narrows."""
    rows = find_change(request, ref, change_id).rows.select_related("subscription")
    if filters.outcome:
        rows = rows.filter(outcome=word_of(filters.outcome, OUTCOMES, "outcome"))
    return listed(request, rows, row_payload, filters)


@router.post("/{ref}/price-changes/{change_id}/retry")
def retry(request: HttpRequest, ref: str, change_id: str) -> Object[PriceChangeOut]:
    """Once more for the rows that failed; 409 nothing_failed when none did."""
    asked = cast(ApiRequest, request)
    change = try_again(find_change(request, ref, change_id), by=asked.actor, at=now(asked.organization))
    return envelope(change_payload(change, outcomes(change)))
