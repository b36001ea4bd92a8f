"""The VAT number of a customer: POST /vat/verify, POST and DELETE /vat/override, GET /vat/verifications."""

from __future__ import annotations

from typing import ClassVar, cast

from django.http import HttpRequest
from ninja import Query
from pydantic import AwareDatetime, StrictInt

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.actions.vat import verify
from customers.actions.vat_override import clear_override, override
from customers.api.lookup import present_customer
from customers.api.router import router
from customers.api.schemas import also
from customers.models import VatCheck
from customers.queries.payloads import payload_of
from customers.queries.shapes import CustomerOut, VatCheckOut
from customers.queries.vat import check_payload


class OverrideIn(ApiSchema):
    """Why the number is taken as valid, and for how long: days, or a moment; else as the organization has set."""

    reason: str
    ttl_days: StrictInt | None = also("ttlDays", "ttl_days", "days")
    expires_at: AwareDatetime | None = None


class CheckQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"askedAt": "asked_at"}


@router.post("/{id}/vat/verify")
def verify_vat(request: HttpRequest, id: str) -> Object[CustomerOut]:
    """Ask VIES now and answer the customer with the outcome. Safe to repeat. Without an answer, and during the hours
    of maintenance, the status is pending and the check is repeated later; 409 when checks are switched off.
    """
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    return envelope(payload_of(verify(customer, by=staff.actor, at=now(staff.organization))))


@router.post("/{id}/vat/override")
def override_vat(request: HttpRequest, id: str, body: OverrideIn) -> Object[CustomerOut]:
    """Confirm the number by hand: the status is manual until the time is over."""
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    at = now(staff.organization)
    end = {"days": body.ttl_days, "expires_at": body.expires_at}
    return envelope(payload_of(override(customer, body.reason, **end, by=staff.actor, at=at)))  # type: ignore[arg-type]


@router.delete("/{id}/vat/override")
def clear_vat_override(request: HttpRequest, id: str) -> Object[CustomerOut]:
    """Take the confirmation back: its check is pending and the customer unvalidated until the next answer. Safe to
    repeat.
    """
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    return envelope(payload_of(clear_override(customer, by=staff.actor, at=now(staff.organization))))


@router.get("/{id}/vat/verifications")
def list_verifications(request: HttpRequest, id: str, paging: Query[CheckQuery]) -> Listing[VatCheckOut]:
    """What was asked and answered about the customer's numbers, newest first."""
    rows = VatCheck.objects.filter(customer=present_customer(request, id))
    return listed(request, rows, check_payload, paging)
