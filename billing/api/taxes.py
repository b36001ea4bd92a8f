"""/api/taxes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Query, Router

from billing.actions.clock import now
from billing.actions.taxes import WHY, create_tax, delete_tax, update_tax
from billing.api.lookups import by_id_or_code, columns, refuse_null
from billing.models import Tax
from billing.queries.payloads_catalog import tax_payload
from billing.queries.shapes_catalog import DeletedTaxOut, TaxOut
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import CATALOGUE_SORTS, ListQuery, listed
from billing.web.shapes import Listing, Object

router = Router(tags=["Taxes"])


class TaxChanges(ApiSchema):
    """What PATCH takes; `rate` in percent. `category`: S, Z, E, AE, K, G or O; null: what the rate says."""

    name: str | None = None
    code: str | None = None
    rate: Decimal | None = None
    description: str | None = None
    applied_by_default: bool | None = None
    category: str | None = None
    exemption_code: str | None = None
    exemption_reason: str | None = None


class TaxIn(TaxChanges):
    """What POST takes."""

    name: str
    code: str
    rate: Decimal


class TaxFilters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = CATALOGUE_SORTS | {"rate": "rate"}
    USUAL: ClassVar = "asc"

    applied_by_default: bool | None = None


def values_of(body: TaxChanges) -> dict[str, Any]:
    """The body by column."""
    values = columns(body, {})
    for name in ("description", *WHY):
        if name in values:
            values[name] = values[name] or ""
    refuse_null(values, {})
    return values


@router.get("")
def list_taxes(request: HttpRequest, filters: Query[TaxFilters]) -> Listing[TaxOut]:
    """By name."""
    rows = Tax.objects.of(cast(ApiRequest, request).organization).kept()
    if filters.applied_by_default is not None:
        rows = rows.filter(applied_by_default=filters.applied_by_default)
    return listed(request, rows, tax_payload, filters)


@router.post("", response={201: dict})
def create(request: HttpRequest, body: TaxIn) -> tuple[int, Object[TaxOut]]:
    """409 for a code in use."""
    asked = cast(ApiRequest, request)
    tax = create_tax(asked.organization, **values_of(body), by=asked.actor, at=now(asked.organization))
    tax.refresh_from_db()
    return 201, envelope(tax_payload(tax))


@router.get("/{ref}")
def get(request: HttpRequest, ref: str) -> Object[TaxOut]:
    """By id or code."""
    return envelope(tax_payload(by_id_or_code(request, Tax, ref)))


@router.patch("/{ref}")
def update(request: HttpRequest, ref: str, body: TaxChanges) -> Object[TaxOut]:
    """Counts for drafts and later invoices."""
    asked = cast(ApiRequest, request)
    tax = by_id_or_code(request, Tax, ref)
    update_tax(tax, values_of(body), by=asked.actor, at=now(asked.organization))
    tax.refresh_from_db()
    return envelope(tax_payload(tax))


@router.delete("/{ref}")
def delete(request: HttpRequest, ref: str) -> Object[DeletedTaxOut]:
    """409 tax_in_use while a plan, charge or customer names it."""
    asked = cast(ApiRequest, request)
    tax = delete_tax(by_id_or_code(request, Tax, ref), by=asked.actor, at=now(asked.organization))
    return envelope({**tax_payload(tax), "deletedAt": tax.deleted_at})
