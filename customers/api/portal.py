"""POST /api/customers/{id}/portal-link."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from pydantic import StrictInt
from typing_extensions import TypedDict

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.actions.portal import create_link
from customers.api.router import router
from customers.models import Customer


class PortalLinkIn(ApiSchema):
    """How long the link works."""

    expires_in_days: StrictInt = 7


class LinkOut(TypedDict):
    """A link to the customer's own documents; its address is answered this once."""

    id: str
    url: str
    expiresAt: datetime


@router.post("/{id}/portal-link", response={201: dict[str, Any]})
def portal_link(
    request: HttpRequest, id: str, body: PortalLinkIn | None = None
) -> tuple[int, Object[LinkOut]]:
    """A link with which the customer sees its own documents; the address is answered this once."""
    staff = cast(ApiRequest, request)
    customer = Customer.objects.of(staff.organization).present().by_public_id(id)
    days = (body or PortalLinkIn()).expires_in_days
    link, secret = create_link(customer, days=days, by=staff.actor, at=now(staff.organization))
    url = f"{settings.BASE_URL}{reverse('portal-enter', args=[secret])}"
    return 201, envelope({"id": link.public_id, "url": url, "expiresAt": link.expires_at})
