"""/api/plans/{id}/prices: what a plan costs in each currency. The plan's own price is one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from django.http import Http404, HttpRequest
from ninja import Field, Router

from billing.actions.charge_terms import PricedIn
from billing.actions.clock import now
from billing.actions.plan_prices import PriceTerms, add_price, remove_price, update_price
from billing.actions.plans import update_plan
from billing.api.charges import FilterIn, filter_terms
from billing.api.follow import FollowIn, follow_of
from billing.api.lookups import by_id_or_code, minor, refuse_null
from billing.api.plans import PriceIn, also, price_terms
from billing.models import ChargePrice, Plan, PlanPrice
from billing.queries.payloads_catalog import charge_price_payload, own_price, price_payload
from billing.queries.shapes_catalog import Gone, NamedChargePriceOut, PlanPriceOut, WholePriceOut
from billing.rules.errors import Conflict, Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope, named
from billing.web.shapes import Object

router = Router(tags=["Plans"])


class ChargePriceIn(ApiSchema):
    """What one charge of the plan costs in the currency: the charge by id, or by its metric's code."""

    charge_id: str | None = None
    metric_code: str | None = None
    properties: dict[str, Any]
    min_amount: Decimal | None = None
    filters: list[FilterIn] = Field(default_factory=list)


class PriceBody(PriceIn):
    """What POST takes."""

    charges: list[ChargePriceIn] = Field(default_factory=list)


class PriceChanges(FollowIn):
    """What PATCH takes; what is left out stays. The currency stays."""

    amount: Decimal | None = also("amount", "unitAmount", "unit_amount")
    minimum_commitment: Decimal | None = None
    charges: list[ChargePriceIn] | None = None


def charges_in(plan: Plan, bodies: Sequence[ChargePriceIn], currency: str) -> dict[Any, PricedIn]:
    """{charge key: its price}; a charge that is named twice or unknown is refused at its place."""
    rows = list(plan.charges.kept().select_related("metric"))
    known = {row.pk: row.pk for row in rows} | {row.metric.code: row.pk for row in rows}
    shared = {code for code, n in Counter(row.metric.code for row in rows).items() if n > 1}
    found: dict[Any, PricedIn] = {}
    for index, body in enumerate(bodies):
        path = f"charges[{index}]"
        wanted: Any = decode("chg", body.charge_id) if body.charge_id else body.metric_code
        if wanted is None:
            raise Invalid("Send chargeId or metricCode.", code="required", field=f"{path}.charge_id")
        if wanted in shared:
            raise Invalid("Several charges price this metric: send chargeId.", field=f"{path}.metric_code")
        if wanted not in known:
            name = "charge_id" if body.charge_id else "metric_code"
            raise Invalid("This plan has no such charge.", code="unknown", field=f"{path}.{name}")
        if known[wanted] in found:
            raise Invalid("This charge is named twice.", field=path)
        least = minor(body.min_amount or Decimal(0), currency, f"{path}.min_amount")
        found[known[wanted]] = PricedIn(body.properties, least, filter_terms(body.filters))
    return found


def answer(price: PlanPrice) -> Object[WholePriceOut]:
    """A price with what the plan's charges cost in it."""
    rows = ChargePrice.objects.filter(charge__plan=price.plan, currency=price.currency)
    charges: list[NamedChargePriceOut] = [
        {
            "chargeId": row.charge.public_id,
            "metricCode": row.charge.metric.code,
            **charge_price_payload(row),
        }
        for row in rows.filter(charge__deleted_at=None).select_related("charge__metric")
    ]
    return envelope({**price_payload(price), "charges": charges})


def find_price(plan: Plan, price_id: str) -> PlanPrice | None:
    """A price in another currency; None for the plan's own, which has the plan's key; else 404."""
    key = decode("prc", price_id)
    if key == plan.pk:
        return None
    found = plan.prices.filter(pk=key).first() if key else None
    if found is None:
        raise Http404("No such price.")
    found.plan = plan
    return found


@router.get("/{ref}/prices")
def list_prices(request: HttpRequest, ref: str) -> Object[list[PlanPriceOut]]:
    """The plan's own first."""
    plan = by_id_or_code(request, Plan, ref)
    return envelope([price_payload(price) for price in (own_price(plan), *plan.prices.all())])


@router.post("/{ref}/prices", response={201: dict})
def create_price(request: HttpRequest, ref: str, body: PriceBody) -> tuple[int, Object[WholePriceOut]]:
    """One more currency; 409 price_exists when the plan has a price there."""
    asked = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    base = price_terms(body)
    charges = charges_in(plan, body.charges, base.currency)
    terms = PriceTerms(base.currency, base.amount_minor, base.commitment_minor, charges)
    with named(amount_minor="amount", commitment_minor="minimum_commitment"):
        price = add_price(plan, terms, by=asked.actor, at=now(asked.organization))
    return 201, answer(price)


@router.patch("/{ref}/prices/{price_id}")
def change_price(request: HttpRequest, ref: str, price_id: str, body: PriceChanges) -> Object[WholePriceOut]:
    """The amount, the minimum commitment, and what charges cost; charges that are not named stay."""
    asked = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    price = find_price(plan, price_id)
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    refuse_null(sent, {}, allowed=("minimum_commitment", "charges"))
    now_at = price or own_price(plan)
    amount, least = now_at.amount_minor, now_at.commitment_minor
    if body.amount is not None:
        amount = minor(body.amount, now_at.currency, "amount")
    if "minimum_commitment" in sent:
        least = minor(body.minimum_commitment or Decimal(0), now_at.currency, "minimum_commitment")
    with named(amount_minor="amount", commitment_minor="minimum_commitment"):
        if price is None:
            if body.charges:
                raise Invalid("Change the charges of the plan for its own currency.", field="charges")
            changes = {"amount_minor": amount, "commitment_minor": least}
            at, follow = now(asked.organization), follow_of(body)
            changed = update_plan(plan, changes, follow=follow, by=asked.actor, at=at)
            return answer(own_price(changed))
        charges = charges_in(plan, body.charges or [], price.currency)
        terms = PriceTerms(price.currency, amount, least, charges)
        at, follow = now(asked.organization), follow_of(body)
        return answer(update_price(price, terms, follow=follow, by=asked.actor, at=at))


@router.delete("/{ref}/prices/{price_id}")
def delete_price(request: HttpRequest, ref: str, price_id: str) -> Object[Gone]:
    """409 price_in_use once somebody has subscribed in the currency; the plan's own price stays."""
    asked = cast(ApiRequest, request)
    plan = by_id_or_code(request, Plan, ref)
    price = find_price(plan, price_id)
    if price is None:
        raise Conflict("A plan keeps the price in its own currency.", code="own_price", field="price_id")
    remove_price(price, by=asked.actor, at=now(asked.organization))
    return envelope({"id": price.public_id, "deletedAt": now(asked.organization)})
