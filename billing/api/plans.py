"""/api/plans, and the charges of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from ninja import Field, Query, Router
from pydantic import AliasChoices, StrictBool, StrictInt

from billing.actions.charges import add_charge, remove_charge, update_charge
from billing.actions.clock import now
from billing.actions.plan_prices import PriceTerms
from billing.actions.plans import create_plan, delete_plan, update_plan
from billing.api.charges import ChargeChanges, ChargeIn, all_terms, changed_terms, terms_from
from billing.api.fixed_charges import FixedIn, fixed_terms
from billing.api.follow import FollowIn, follow_of
from billing.api.lookups import by_id_or_code, columns, minor, refuse_null, taxes_of
from billing.models import Charge, Plan
from billing.orm.search import matching
from billing.queries.payloads_catalog import charge_payload, full_charges, full_plans, plan_payload
from billing.queries.shapes_catalog import ChargeOut, Gone, PlanOut
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.ids import decode
from billing.rules.periods import Interval
from billing.rules.words import Words, word_of
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import CATALOGUE_SORTS, ListQuery, PlacedQuery, listed
from billing.web.shapes import Listing, Object

router = Router(tags=["Plans"])
TEXTS = ("description", "invoice_display_name")
NAMES = {
    "interval": "billing_interval",
    "commitment_display_name": "minimum_commitment.invoice_display_name",
}
TAKEN_APART = {
    "amount",
    "prices",
    "minimum_commitment",
    "tax_codes",
    "charges",
    "fixed_charges",
    "existing_subscriptions",
}


def also(*names: str, default: Any = None) -> Any:
    """A field that is understood under several names; the first is the one that is answered."""
    return Field(default, validation_alias=AliasChoices(*names), serialization_alias=names[0])


class PriceIn(ApiSchema):
    """What a period costs in a currency, in major units, and what it brings there at the least."""

    currency: str
    amount: Decimal = also("amount", "unitAmount", "unit_amount", default=...)
    minimum_commitment: Decimal | None = None


class CommitmentIn(ApiSchema):
    """What a period brings at the least, in major units of the plan's currency."""

    amount: Decimal
    invoice_display_name: str | None = None


class PlanChanges(ApiSchema):
    """What PATCH takes; fields that are left out stay, `charges` replaces all of them, a `minimumCommitment` of null
    takes it away. `existingSubscriptions` (now, renewal, never): when those that exist pay changed prices.
    """

    name: str | None = None
    code: str | None = None
    description: str | None = None
    invoice_display_name: str | None = None
    interval: str | None = also("billingInterval", "billing_interval", "interval")
    amount: Decimal | None = None
    currency: str | None = None
    prices: list[PriceIn] | None = None
    pay_in_advance: StrictBool | None = None
    trial_days: StrictInt | None = None
    bill_charges_monthly: StrictBool | None = None
    bill_fixed_charges_monthly: StrictBool | None = None
    minimum_commitment: CommitmentIn | None = None
    features: list[str] | None = None
    active: StrictBool | None = also("active", "isActive", "is_active")
    tax_codes: list[str] | None = None
    charges: list[ChargeIn] | None = None
    fixed_charges: list[FixedIn] | None = None
    existing_subscriptions: str | None = None


class PlanIn(PlanChanges):
    """What POST takes; without a price the plan costs 0 in the organization's currency."""

    name: str
    code: str


class PlanFilters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = CATALOGUE_SORTS | {"amount": "amount_minor"}
    USUAL: ClassVar = "asc"

    active: bool | None = None
    is_active: bool | None = None
    interval: Annotated[str, Words(*Interval)] = ""
    billing_interval: Annotated[str, Words(*Interval)] = ""
    currency: str = ""
    search: str = ""


def answer(plan: Plan) -> Object[PlanOut]:
    """The plan, fresh from the table."""
    return envelope(plan_payload(full_plans(Plan.objects.filter(pk=plan.pk)).get()))


def own_and_others(
    prices: Sequence[PriceIn], amount: Decimal | None, currency: str | None, own: str
) -> tuple[int, list[int]]:
    """The places in `prices` of a thing's own price and of the others. Its own is the one in `currency`, else in the
    currency that it has (a new one: the organization's), else the first.
    """
    if not prices:
        raise Invalid("Send at least one price.", field="prices")
    if amount is not None:
        raise Invalid("Send either prices or an amount.", field="prices")
    codes = [price.currency.upper() for price in prices]
    for index, code in enumerate(codes):
        if code in codes[:index]:
            raise Invalid(f"There are two prices in {code}.", field=f"prices[{index}].currency")
    wanted = currency.upper() if currency else own
    if currency and wanted not in codes:
        raise Invalid(f"None of the prices is in {wanted}.", field="currency")
    place = codes.index(wanted) if wanted in codes else 0
    return place, [index for index in range(len(codes)) if index != place]


def values_of(request: ApiRequest, body: PlanChanges, plan: Plan | None) -> tuple[dict[str, Any], str]:
    """(columns, currency): the body as the action takes it, without taxes and charges."""
    values = {name: value for name, value in columns(body, {}).items() if name not in TAKEN_APART}
    for name in TEXTS:
        if name in values:
            values[name] = values[name] or ""
    values.pop("currency", None)
    refuse_null(values, {})
    if "interval" in values:
        values["interval"] = values["interval"].lower()
    now_in = plan.currency if plan else request.organization.default_currency
    amount, currency, path = body.amount, body.currency, "amount"
    if body.prices is not None:
        place, others = own_and_others(body.prices, body.amount, body.currency, now_in)
        own, path = body.prices[place], f"prices[{place}].amount"
        amount, currency = own.amount, own.currency
        values["prices"] = [price_terms(body.prices[index], f"prices[{index}].") for index in others]
        if own.minimum_commitment is not None:
            least = CommitmentIn(amount=own.minimum_commitment)
            values |= {"commitment_minor": commitment_of(least, own.currency.upper())["commitment_minor"]}
    chosen = currency.upper() if currency else now_in
    if plan is None or chosen != now_in:
        if plan is not None and amount is None:
            raise Invalid("Send the amount in the new currency.", code="required", field="amount")
        values["currency"] = chosen
    if amount is not None:
        values["amount_minor"] = minor(amount, chosen, path)
    if "minimum_commitment" in body.model_fields_set:
        values |= commitment_of(body.minimum_commitment, chosen)
    return values, chosen


def commitment_of(body: CommitmentIn | None, currency: str) -> dict[str, Any]:
    """The columns of a minimum commitment."""
    if body is None:
        return {"commitment_minor": 0, "commitment_display_name": ""}
    amount = minor(body.amount, currency, "minimum_commitment.amount")
    if amount <= 0:
        raise Invalid("Must be more than 0.", field="minimum_commitment.amount")
    return {"commitment_minor": amount, "commitment_display_name": body.invoice_display_name or ""}


def price_terms(body: PriceIn, path: str = "") -> PriceTerms:
    """A price in another currency as the action takes it."""
    currency = body.currency.upper()
    least = body.minimum_commitment or Decimal(0)
    return PriceTerms(
        currency,
        minor(body.amount, currency, f"{path}amount"),
        minor(least, currency, f"{path}minimum_commitment"),
    )


def rest_of(request: ApiRequest, body: PlanChanges, currency: str) -> dict[str, Any]:
    """Taxes and charges of a body, where they were sent."""
    rest: dict[str, Any] = {}
    if body.tax_codes is not None:
        rest["taxes"] = taxes_of(request.organization, body.tax_codes)
    if body.charges is not None:
        rest["charges"] = all_terms(request.organization, body.charges, currency)
    if body.fixed_charges is not None:
        rest["fixed_charges"] = fixed_terms(request.organization, body.fixed_charges)
    return rest


def changes_of(request: ApiRequest, body: PlanChanges, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """(columns, the rest) of a PATCH as `update_plan` takes them."""
    values, currency = values_of(request, body, plan)
    rest = rest_of(request, body, currency)
    if "prices" in values:
        rest["prices"] = values.pop("prices")
    if body.existing_subscriptions:
        rest["follow"] = body.existing_subscriptions.lower()
    return values, rest


@router.get("")
def list_plans(request: HttpRequest, filters: Query[PlanFilters]) -> Listing[PlanOut]:
    """By name; `search` looks in name and code."""
    rows: QuerySet[Plan] = Plan.objects.of(cast(ApiRequest, request).organization).kept()
    active = filters.is_active if filters.active is None else filters.active
    interval = filters.interval or filters.billing_interval
    if active is not None:
        rows = rows.filter(active=active)
    if interval:
        rows = rows.filter(interval=word_of(interval, Interval, "billing_interval"))
    if filters.currency:
        rows = rows.filter(currency=filters.currency.upper())
    if filters.search:
        rows = matching(rows, filters.search)
    return listed(request, full_plans(rows), plan_payload, filters)


@router.post("", response={201: dict})
def create(request: HttpRequest, body: PlanIn) -> tuple[int, Object[PlanOut]]:
    """409 code_taken for a code in use."""
    asked = cast(ApiRequest, request)
    values, currency = values_of(asked, body, None)
    rest = rest_of(asked, body, currency)
    plan = create_plan(asked.organization, **values, **rest, by=asked.actor, at=now(asked.organization))
    return 201, answer(plan)


@router.get("/{ref}")
def get(request: HttpRequest, ref: str) -> Object[PlanOut]:
    """By id or code."""
    return answer(by_id_or_code(request, Plan, ref))


@router.patch("/{ref}")
def update(request: HttpRequest, ref: str, body: PlanChanges) -> Object[PlanOut]:
    """Code, interval, what is billed monthly, currency, time of payment and trial stay once there are subscriptions
    (400).
    """
    asked = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    values, rest = changes_of(asked, body, plan)
    try:
        update_plan(plan, values, **rest, by=asked.actor, at=now(asked.organization))
    except FieldErrors as error:
        named = [(NAMES.get(name, name), text) for name, text in error.errors]
        raise FieldErrors(named, code=error.code) from error
    return answer(plan)


@router.delete("/{ref}")
def delete(request: HttpRequest, ref: str) -> Object[Gone]:
    """409 plan_in_use while it has pending or live subscriptions."""
    asked = cast(ApiRequest, request)
    plan = delete_plan(by_id_or_code(request, Plan, ref), by=asked.actor, at=now(asked.organization))
    return envelope({"id": plan.public_id, "deletedAt": plan.deleted_at})


def find_charge(request: HttpRequest, ref: str, charge_id: str) -> Charge:
    """The kept charge of a kept plan; else 404."""
    plan = by_id_or_code(request, Plan, ref)
    rows = full_charges(plan.charges.kept()).select_related("organization")
    key = decode("chg", charge_id)
    found = rows.filter(pk=key).first() if key else None
    if found is None:
        raise Http404("No such charge.")
    return found


@router.get("/{ref}/charges")
def list_charges(request: HttpRequest, ref: str, filters: Query[PlacedQuery]) -> Listing[ChargeOut]:
    """In the order of the plan."""
    plan = by_id_or_code(request, Plan, ref)
    rows = full_charges(plan.charges.kept())
    return listed(request, rows, charge_payload, filters)


@router.post("/{ref}/charges", response={201: dict})
def create_charge(request: HttpRequest, ref: str, body: ChargeIn) -> tuple[int, Object[ChargeOut]]:
    """One more charge; 400 when the metric is priced already."""
    asked = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    if body.id:
        raise Invalid("A new charge has no id yet.", field="id")
    terms = terms_from(asked.organization, body, plan.currency)
    charge = add_charge(plan, terms, follow=follow_of(body), by=asked.actor, at=now(asked.organization))
    return 201, envelope(charge_payload(find_charge(request, plan.public_id, charge.public_id)))


@router.patch("/{ref}/charges/{charge_id}")
def change_charge(request: HttpRequest, ref: str, charge_id: str, body: ChargeChanges) -> Object[ChargeOut]:
    """Model and properties are replaced whole."""
    asked = cast(ApiRequest, request)
    charge = find_charge(request, ref, charge_id)
    terms, at = changed_terms(charge, body), now(asked.organization)
    update_charge(charge, terms, follow=follow_of(body), by=asked.actor, at=at)
    return envelope(charge_payload(find_charge(request, ref, charge_id)))


@router.delete("/{ref}/charges/{charge_id}")
def delete_charge(request: HttpRequest, ref: str, charge_id: str, query: Query[FollowIn]) -> Object[Gone]:
    """Usage of those who follow is then not billed."""
    asked = cast(ApiRequest, request)
    charge = find_charge(request, ref, charge_id)
    remove_charge(charge, follow=follow_of(query), by=asked.actor, at=now(asked.organization))
    return envelope({"id": charge.public_id, "deletedAt": now(asked.organization)})
