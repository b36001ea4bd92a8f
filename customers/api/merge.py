"""POST /api/customers/merge."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja import Router

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.actions.merge import merge_customers
from customers.models import Customer
from customers.queries.merging import merge_payload
from customers.queries.shapes import MergeOut
from customers.rules.merging import Strategy

router = Router(tags=["Customers"])


class MergeIn(ApiSchema):
    """The duplicate, the customer that stays, and whose values stay. `fields` decides single ones: {"name": "source",
    "metadata.color": "target", "tagIds": "both"}.
    """

    source_customer_id: str
    target_customer_id: str
    strategy: str | None = None
    fields: dict[str, str] | None = None


@router.post("")
def merge(request: HttpRequest, body: MergeIn) -> Object[MergeOut]:
    """Merge two customers into one. The source is gone afterwards; everything it had belongs to the target."""
    staff = cast(ApiRequest, request)
    rows = Customer.objects.of(staff.organization)
    source, target = rows.by_public_id(body.source_customer_id), rows.by_public_id(body.target_customer_id)
    strategy = (body.strategy or Strategy.KEEP_TARGET).strip().lower()
    chosen = {snake(name): side.strip().lower() for name, side in (body.fields or {}).items()}
    found = merge_customers(source, target, strategy, chosen, by=staff.actor, at=now(staff.organization))
    return envelope(merge_payload(found))


def snake(name: str) -> str:
    """`taxIdentifiers.us_ein` -> `tax_identifiers.us_ein`: what follows the dot is the customer's own key."""
    head, dot, key = name.partition(".")
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in head) + dot + key
