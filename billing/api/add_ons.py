"""/api/add-ons."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Query, Router

from billing.actions.add_ons import create_add_on, delete_add_on, update_add_on
from billing.actions.clock import now
from billing.api.lookups import by_id_or_code, columns, minor, refuse_null, taxes_of
from billing.api.plans import PriceIn, own_and_others
from billing.models import AddOn
from billing.queries.add_ons import add_on_payload, found
from billing.queries.shapes_catalog import AddOnOut, Gone
from billing.rules.errors import Invalid
from billing.web.api import ApiRequest, ApiSchema, envelope, named
from billing.web.api_lists import CATALOGUE_SORTS, ListQuery, listed
from billing.web.shapes import Listing, Object

router = Router(tags=["Add-ons"])
TAKEN_APART = {"amount", "currency", "prices", "tax_codes"}


class AddOnChanges(ApiSchema):
    """What PATCH takes; fields that are left out stay, `prices` replaces all of them."""

    name: str | None = None
    code: str | None = None
    description: str | None = None
    invoice_display_name: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    prices: list[PriceIn] | None = None
    tax_codes: list[str] | None = None


class AddOnIn(AddOnChanges):
    """What POST takes; without a price it costs 0 in the organization's currency."""

    name: str
    code: str


class AddOnFilters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = CATALOGUE_SORTS
    USUAL: ClassVar = "asc"

    search: str = ""


def values_of(request: ApiRequest, body: AddOnChanges, add_on: AddOn | None) -> dict[str, Any]:
    """The body as the action takes it."""
    values = {name: value for name, value in columns(body, {}).items() if name not in TAKEN_APART}
    for name in ("description", "invoice_display_name"):
        if name in values:
            values[name] = values[name] or ""
    refuse_null(values, {})
    now_in = add_on.currency if add_on else request.organization.default_currency
    amount, currency, path = body.amount, body.currency, "amount"
    prices: dict[str, int] | None = None
    if body.prices is not None:
        place, others = own_and_others(body.prices, body.amount, body.currency, now_in)
        amount, currency = body.prices[place].amount, body.prices[place].currency
        path = f"prices[{place}].amount"
        prices = {}
        for index in others:
            code = body.prices[index].currency.upper()
            prices[code] = minor(body.prices[index].amount, code, f"prices[{index}].amount")
    chosen = currency.upper() if currency else now_in
    if add_on is None or chosen != now_in:
        if add_on is not None and amount is None:
            raise Invalid("Send the amount in the new currency.", code="required", field="amount")
        values["currency"] = chosen
    if amount is not None:
        values["amount_minor"] = minor(amount, chosen, path)
    extra: dict[str, Any] = {} if prices is None else {"prices": prices}
    if body.tax_codes is not None:
        extra["taxes"] = taxes_of(request.organization, body.tax_codes)
    return values | extra


def answer(add_on: AddOn) -> Object[AddOnOut]:
    """The add-on, fresh from the table."""
    return envelope(add_on_payload(AddOn.objects.prefetch_related("taxes", "prices").get(pk=add_on.pk)))


@router.get("")
def list_add_ons(request: HttpRequest, filters: Query[AddOnFilters]) -> Listing[AddOnOut]:
    """By name; `search` looks in name and code."""
    rows = AddOn.objects.of(cast(ApiRequest, request).organization).kept()
    if filters.search:
        rows = rows.filter(found(filters.search))
    rows = rows.prefetch_related("taxes", "prices")
    return listed(request, rows, add_on_payload, filters)


@router.post("", response={201: dict})
def create(request: HttpRequest, body: AddOnIn) -> tuple[int, Object[AddOnOut]]:
    """409 code_taken for a code in use."""
    asked = cast(ApiRequest, request)
    values = values_of(asked, body, None)
    with named(amount_minor="amount"):
        add_on = create_add_on(asked.organization, **values, by=asked.actor, at=now(asked.organization))
    return 201, answer(add_on)


@router.get("/{ref}")
def get(request: HttpRequest, ref: str) -> Object[AddOnOut]:
    """By id or code."""
    return answer(by_id_or_code(request, AddOn, ref))


@router.patch("/{ref}")
def update(request: HttpRequest, ref: str, body: AddOnChanges) -> Object[AddOnOut]:
    """Counts for later invoices."""
    asked = cast(ApiRequest, request)
    add_on = by_id_or_code(request, AddOn, ref)
    values = values_of(asked, body, add_on)
    rest = {name: values.pop(name) for name in ("taxes", "prices") if name in values}
    with named(amount_minor="amount"):
        update_add_on(add_on, values, **rest, by=asked.actor, at=now(asked.organization))
    return answer(add_on)


@router.delete("/{ref}")
def delete(request: HttpRequest, ref: str) -> Object[Gone]:
    """409 add_on_in_use while a plan includes it."""
    asked = cast(ApiRequest, request)
    add_on = delete_add_on(by_id_or_code(request, AddOn, ref), by=asked.actor, at=now(asked.organization))
    return envelope({"id": add_on.public_id, "deletedAt": add_on.deleted_at})
