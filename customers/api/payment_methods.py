"""/api/customers/{id}/payment-methods: what a customer has left to be charged."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Query

from billing.actions.clock import now
from billing.rules.errors import NotFound
from billing.web.api import ApiRequest, action_key, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.api.lookup import present_customer
from customers.api.router import router
from invoicing.actions.payment_methods import make_default, open_setup, remove_method
from invoicing.forms.returning import ReturnIn, return_url
from invoicing.models import PaymentMethod
from invoicing.queries.payment_methods import method_payload
from invoicing.queries.shapes_collecting import PaymentMethodOut, SetupOut


def rows_of(request: HttpRequest, id: str) -> Any:
    """The methods of a customer that were not removed."""
    customer = present_customer(request, id)
    return PaymentMethod.objects.filter(customer=customer).saved().select_related("provider")


def method_of(request: HttpRequest, id: str, method_id: str) -> PaymentMethod:
    """One of them, else 404."""
    found: PaymentMethod = rows_of(request, id).by_public_id(method_id)
    return found


class MethodsQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"default": "is_default,created_at", "createdAt": "created_at"}


@router.get("/{id}/payment-methods")
def list_methods(request: HttpRequest, id: str, filters: Query[MethodsQuery]) -> Listing[PaymentMethodOut]:
    """The default first."""
    return listed(request, rows_of(request, id), method_payload, filters)


@router.post("/{id}/payment-methods/setup", response={201: dict[str, Any]})
def setup(request: HttpRequest, id: str, body: ReturnIn | None = None) -> tuple[int, Object[SetupOut]]:
    """Where the customer leaves a card; nothing is charged. 400 when no account has such a page, 502 when it does not
    answer. `Idempotency-Key` makes a repeat harmless.
    """
    staff = cast(ApiRequest, request)
    made = open_setup(
        present_customer(request, id),
        return_url=return_url(body),
        key=action_key(request),
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope({"id": made.public_id, "url": made.url, "expiresAt": made.expires_at})


@router.post("/{id}/payment-methods/{method_id}/default")
def choose(request: HttpRequest, id: str, method_id: str) -> Object[PaymentMethodOut]:
    """Charge it first from now on."""
    staff = cast(ApiRequest, request)
    row = make_default(method_of(request, id, method_id), by=staff.actor, at=now(staff.organization))
    return envelope(method_payload(row))


@router.delete("/{id}/payment-methods/{method_id}", response={204: None})
def remove(request: HttpRequest, id: str, method_id: str) -> tuple[int, None]:
    """Never charge it again."""
    staff = cast(ApiRequest, request)
    row = method_of(request, id, method_id)
    if row.removed_at:
        raise NotFound("There is no such payment method.")
    remove_method(row, by=staff.actor, at=now(staff.organization))
    return 204, None
