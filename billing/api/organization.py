"""/api/organization: the organization of the key."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja import Router

from billing.actions.clock import now
from billing.actions.organizations import update_organization
from billing.queries.payloads_organization import OrganizationOut, organization_payload
from billing.rules.errors import Invalid
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object

router = Router(tags=["Organization"])


class OrganizationChanges(ApiSchema):
    """What PATCH takes; fields that are left out stay. Customers and documents keep what they have."""

    name: str | None = None
    default_currency: str | None = None
    timezone: str | None = None


@router.get("")
def get_organization(request: HttpRequest) -> Object[OrganizationOut]:
    """The organization that the key belongs to."""
    organization = cast(ApiRequest, request).organization
    return envelope(organization_payload(organization, now(organization)))


@router.patch("")
def update_organization_settings(request: HttpRequest, body: OrganizationChanges) -> Object[OrganizationOut]:
    """Name, the currency of new customers, and the time zone of lists and reports."""
    staff = cast(ApiRequest, request)
    organization = staff.organization
    values = {"name": organization.name, "default_currency": organization.default_currency}
    values["timezone"] = organization.timezone
    for name in body.model_fields_set:
        value = getattr(body, name)
        if value is None:
            raise Invalid("Must not be null.", field=name)
        values[name] = value.strip()
    values["default_currency"] = values["default_currency"].upper()
    changed = update_organization(organization, **values, by=staff.actor, at=now(organization))
    return envelope(organization_payload(changed, now(changed)))
