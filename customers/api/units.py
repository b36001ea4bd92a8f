"""/api/subscriptions/{id}/fixed-charges: what a subscription has of its plan's fixed charges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from django.http import HttpRequest
from pydantic import Field

from billing.actions.clock import now
from billing.models import Subscription, UnitsChange
from billing.queries.fixed_charges import units_events
from billing.queries.payloads_catalog import plain
from billing.queries.versions import fixed_of
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.fixed_charges import units_from
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.api.subscriptions import router, rows_of
from customers.queries.shapes import SubscribedUnitsOut
from invoicing.actions.units import change_units


class UnitsIn(ApiSchema):
    """The units of one fixed charge, by its id or its add-on's code."""

    id: str
    units: Decimal


class ChangesIn(ApiSchema):
    """`from`: now, or next_period."""

    units: list[UnitsIn]
    from_: str = Field("now", alias="from")


def payload(row: Subscription, at: Any) -> list[SubscribedUnitsOut]:
    """Each fixed charge with its units now and every change."""
    rows = fixed_of(row, at)
    events = units_events(row, rows)
    changes = list(UnitsChange.objects.filter(subscription=row).order_by("id"))
    return [
        {
            "id": one.public_id,
            "addOnCode": one.add_on.code,
            "name": one.invoice_name,
            "chargeModel": one.charge_model,
            "properties": one.properties,
            "payInAdvance": one.pay_in_advance,
            "prorated": one.prorated,
            "units": plain(units_from(events[one.pk], max(at, row.started_at or row.subscription_at))),
            "changes": [
                {
                    "units": plain(change.units),
                    "from": change.at,
                    "by": change.made_by,
                    "createdAt": change.created_at,
                }
                for change in changes
                if change.fixed_charge_id == one.pk
            ],
        }
        for one in rows
    ]


@router.get("/{id}/fixed-charges")
def get_units(request: HttpRequest, id: str) -> Object[list[SubscribedUnitsOut]]:
    """In the order of the plan."""
    asked = cast(ApiRequest, request)
    row = rows_of(asked).by_public_id(id)
    return envelope(payload(row, now(asked.organization)))


@router.post("/{id}/fixed-charges")
def set_units(request: HttpRequest, id: str, body: ChangesIn) -> Object[list[SubscribedUnitsOut]]:
    """Change units, now or from the next period on. Added units that are paid in advance are billed at once."""
    asked = cast(ApiRequest, request)
    row = rows_of(asked).by_public_id(id)
    if body.from_ not in {"now", "next_period"}:
        raise Invalid("Use now or next_period.", field="from")
    at = now(asked.organization)
    known = {one.pk: one for one in fixed_of(row, at)}
    by_code = {one.add_on.code: one for one in known.values()}
    wanted, errors = {}, []
    for index, item in enumerate(body.units):
        key = decode("fxc", item.id)
        found = (known.get(key) if key else None) or by_code.get(item.id)
        if found is None or found in wanted:
            text = "The plan has no such fixed charge." if found is None else "It is named twice."
            errors.append((f"units[{index}].id", text))
        else:
            wanted[found] = item.units
    if errors:
        raise FieldErrors(errors)
    change_units(row, wanted, next_period=body.from_ == "next_period", by=asked.actor, at=at)
    return envelope(payload(rows_of(asked).get(pk=row.pk), at))
