"""Fixed charges as the API takes them: within a plan, and /api/plans/{id}/fixed-charges."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router
from pydantic import AliasChoices, StrictBool

from billing.actions.clock import now
from billing.actions.fixed_charges import FixedTerms, add_fixed, remove_fixed, terms_of_fixed, update_fixed
from billing.api.follow import FollowIn, follow_of
from billing.api.lookups import by_id_or_code, columns, refuse_null, taxes_of
from billing.models import FixedCharge, Organization, Plan
from billing.queries.add_ons import add_ons_by_reference
from billing.queries.payloads_catalog import fixed_payload, full_fixed
from billing.queries.shapes_catalog import FixedChargeOut, Gone
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import PlacedQuery, listed
from billing.web.shapes import Listing, Object

router = Router(tags=["Plans"])


class FixedPriceIn(ApiSchema):
    """What its units cost in another currency of the plan."""

    currency: str
    properties: dict[str, Any] = Field(default_factory=dict)


class FixedChanges(FollowIn):
    """What PATCH takes; fields that are left out stay. The add-on stays."""

    charge_model: str | None = None
    properties: dict[str, Any] | None = None
    units: Decimal | None = None
    pay_in_advance: StrictBool | None = None
    prorated: StrictBool | None = None
    invoice_display_name: str | None = None
    tax_codes: list[str] | None = None
    prices: list[FixedPriceIn] | None = None


class FixedIn(FixedChanges):
    """A fixed charge: the add-on by id or code. In a plan's PATCH, `id` keeps an existing one."""

    id: str | None = None
    add_on: str = Field(
        validation_alias=AliasChoices("addOn", "addOnId", "addOnCode", "add_on", "add_on_id", "add_on_code"),
        serialization_alias="addOn",
    )


def fixed_terms(organization: Organization, bodies: Sequence[FixedIn]) -> list[FixedTerms]:
    """The fixed charges of a body; a problem is named with its place (`fixedCharges[1].addOn`)."""
    known = add_ons_by_reference(organization, [body.add_on for body in bodies])
    terms, errors = [], []
    for index, body in enumerate(bodies):
        path, key = f"fixedCharges[{index}]", decode("fxc", body.id) if body.id else None
        if body.id and key is None:
            errors.append((f"{path}.id", "This plan has no such fixed charge."))
        elif body.add_on not in known:
            errors.append((f"{path}.addOn", "There is no such add-on."))
        else:
            try:
                base = FixedTerms(known[body.add_on], id=key)
                terms.append(changed_terms(organization, base, body))
            except Invalid as error:
                errors.append((f"{path}.{error.field}", str(error)))
    if errors:
        raise FieldErrors(errors, code="invalid_fixed_charges")
    return terms


def changed_terms(organization: Organization, base: FixedTerms, body: FixedChanges) -> FixedTerms:
    """Terms with what a body sent."""
    values = columns(body, {})
    refuse_null(values, {}, allowed=("invoice_display_name", "tax_codes", "prices", "id"))
    taxes = base.taxes if body.tax_codes is None else taxes_of(organization, body.tax_codes)
    prices = None
    if body.prices is not None:
        prices = {price.currency.upper(): price.properties for price in body.prices}
        if len(prices) != len(body.prices):
            raise Invalid("There are two prices in one currency.", field="prices")
    return FixedTerms(
        add_on=base.add_on,
        charge_model=values.get("charge_model", base.charge_model).lower(),
        properties=values.get("properties", base.properties),
        units=values.get("units", base.units),
        pay_in_advance=values.get("pay_in_advance", base.pay_in_advance),
        prorated=values.get("prorated", base.prorated),
        invoice_display_name=values.get("invoice_display_name", base.invoice_display_name) or "",
        taxes=taxes,
        id=base.id,
        prices=prices,
    )


def find_fixed(request: HttpRequest, ref: str, fixed_id: str) -> FixedCharge:
    """The kept fixed charge of a kept plan; else 404."""
    plan = by_id_or_code(request, Plan, ref)
    key = decode("fxc", fixed_id)
    rows = full_fixed(plan.fixed_charges.kept()).select_related("organization")
    found = rows.filter(pk=key).first() if key else None
    if found is None:
        raise Http404("No such fixed charge.")
    return found


@router.get("/{ref}/fixed-charges")
def list_fixed(request: HttpRequest, ref: str, filters: Query[PlacedQuery]) -> Listing[FixedChargeOut]:
    """In the order of the plan."""
    plan = by_id_or_code(request, Plan, ref)
    return listed(request, full_fixed(plan.fixed_charges.kept()), fixed_payload, filters)


@router.post("/{ref}/fixed-charges", response={201: dict})
def create_fixed(request: HttpRequest, ref: str, body: FixedIn) -> tuple[int, Object[FixedChargeOut]]:
    """One more; 400 when the plan includes the add-on already."""
    asked = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    if body.id:
        raise Invalid("A new fixed charge has no id yet.", field="id")
    try:
        (terms,) = fixed_terms(asked.organization, [body])
    except FieldErrors as error:
        start = "fixedCharges[0]."
        named = [(name.removeprefix(start), text) for name, text in error.errors]
        raise FieldErrors(named, code=error.code) from error
    row = add_fixed(plan, terms, follow=follow_of(body), by=asked.actor, at=now(asked.organization))
    return 201, envelope(fixed_payload(find_fixed(request, plan.public_id, row.public_id)))


@router.patch("/{ref}/fixed-charges/{fixed_id}")
def change_fixed(request: HttpRequest, ref: str, fixed_id: str, body: FixedChanges) -> Object[FixedChargeOut]:
    """Model, properties and units are replaced whole."""
    asked = cast(ApiRequest, request)
    row = find_fixed(request, ref, fixed_id)
    terms = changed_terms(asked.organization, terms_of_fixed(row), body)
    update_fixed(row, terms, follow=follow_of(body), by=asked.actor, at=now(asked.organization))
    return envelope(fixed_payload(find_fixed(request, ref, fixed_id)))


@router.delete("/{ref}/fixed-charges/{fixed_id}")
def delete_fixed(request: HttpRequest, ref: str, fixed_id: str, query: Query[FollowIn]) -> Object[Gone]:
    """It is billed no more of those who follow."""
    asked = cast(ApiRequest, request)
    row = find_fixed(request, ref, fixed_id)
    remove_fixed(row, follow=follow_of(query), by=asked.actor, at=now(asked.organization))
    return envelope({"id": row.public_id, "deletedAt": now(asked.organization)})
