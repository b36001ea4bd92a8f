"""POST /api/customers/{id}/type and /mode, and the payment providers of a customer."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.actions.classification import change_mode, change_providers, change_type
from customers.api.lookup import present_customer
from customers.api.router import router
from customers.api.schemas import also
from customers.queries.payloads import payload_of
from customers.queries.shapes import CustomerOut


class TypeIn(ApiSchema):
    """BUSINESS, CONSUMER or UNKNOWN, and why."""

    customer_type: str = also("customerType", "customer_type", "type", default=...)
    reason: str = ""


class ModeIn(ApiSchema):
    """PREPAID or POSTPAID, and why."""

    mode: str
    reason: str = ""


class ProvidersIn(ApiSchema):
    """What is left out stays; null empties."""

    preferred_provider: str | None = None
    disabled_providers: list[str] | None = None


@router.post("/{id}/type")
def set_type(request: HttpRequest, id: str, body: TypeIn) -> Object[CustomerOut]:
    """Change the type. It looks forward: issued invoices stay. From unknown to business in the European Union, the
    event `customer.type_changed` names invoices that may have to be corrected. The same type again does nothing.
    """
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    at = now(staff.organization)
    return envelope(
        payload_of(change_type(customer, body.customer_type, reason=body.reason, by=staff.actor, at=at))
    )


@router.post("/{id}/mode")
def set_mode(request: HttpRequest, id: str, body: ModeIn) -> Object[CustomerOut]:
    """Change the mode of all wallets. No balance moves; later debits are guarded by the new mode."""
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    at = now(staff.organization)
    return envelope(payload_of(change_mode(customer, body.mode, reason=body.reason, by=staff.actor, at=at)))


@router.post("/{id}/payment-providers", operation_id="set_payment_providers_by_post")
@router.patch("/{id}/payment-providers", operation_id="set_payment_providers")
def set_providers(request: HttpRequest, id: str, body: ProvidersIn) -> Object[CustomerOut]:
    """Change the preferred payment provider, the disabled ones, or both, and nothing else."""
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    changes = body.model_dump(exclude_unset=True)
    at = now(staff.organization)
    return envelope(payload_of(change_providers(customer, changes, by=staff.actor, at=at)))
