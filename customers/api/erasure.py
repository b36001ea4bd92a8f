"""POST /api/customers/{id}/erase and what it does, before and after."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.actions.erase import request_erasure
from customers.api.router import router
from customers.models import Customer
from customers.queries.erasing import erasure_payload
from customers.queries.shapes_erasing import ErasureOut


class ErasureIn(ApiSchema):
    """Why, and the customer's external ID or its id, so that no other is erased. Neither comes back in an answer."""

    reason: str
    confirm: str


def find(request: ApiRequest, id: str) -> Customer:
    """The customer, also one that is deleted or erased."""
    rows = Customer.objects.of(request.organization).select_related("organization", "merged_into")
    return cast(Customer, rows.by_public_id(id))


@router.get("/{id}/erasure")
def erasure(request: HttpRequest, id: str) -> Object[ErasureOut]:
    """What erasing the customer's personal data removes and what stays, and how far it is. Counts that
    are null are found when it is done."""
    staff = cast(ApiRequest, request)
    return envelope(erasure_payload(find(staff, id)))


@router.post("/{id}/erase")
def erase(request: HttpRequest, id: str, body: ErasureIn) -> Object[ErasureOut]:
    """Erase the personal data of a deleted customer, for good. Issued documents, payments and usage stay.
    It is carried out in the background; asked for again, it answers the same and changes nothing."""
    staff = cast(ApiRequest, request)
    customer = find(staff, id)
    request_erasure(
        customer, reason=body.reason, confirm=body.confirm, by=staff.actor, at=now(staff.organization)
    )
    return envelope(erasure_payload(find(staff, id)))
