"""/api/payment-providers. Credentials go in and never come out."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import AliasChoices, StrictBool, StrictInt

from billing.actions.clock import now
from billing.rules.errors import Invalid
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from invoicing.actions import providers as actions
from invoicing.models import PaymentProvider
from invoicing.queries.provider_accounts import provider_payload
from invoicing.queries.shapes_collecting import (
    DeletedProviderOut,
    PaymentProviderOut,
    TrialOut,
    TriedProviderOut,
)

router = Router(tags=["Payment providers"])


class ProviderChanges(ApiSchema):
    """What PATCH takes. `credentials` replace all that are stored."""

    name: str | None = None
    credentials: dict[str, Any] | None = None
    active: StrictBool | None = Field(
        None, validation_alias=AliasChoices("active", "isActive", "is_active"), serialization_alias="active"
    )
    priority: StrictInt | None = None
    sync_customers: StrictBool | None = None

    def columns(self) -> dict[str, Any]:
        """The given fields by column, without the credentials. None of them may be null."""
        given = self.model_fields_set - {"type"}
        for name in sorted(given):
            if getattr(self, name) is None:
                raise Invalid("Must not be null.", field=name)
        return {name: getattr(self, name) for name in given - {"credentials"}}


class ProviderIn(ProviderChanges):
    """What POST takes: the kind as `type` or `providerName`, and its credentials under the provider's own names."""

    type: str = Field(
        ...,
        validation_alias=AliasChoices("type", "providerName", "provider_name"),
        serialization_alias="type",
    )


def provider_of(request: HttpRequest, id: str) -> PaymentProvider:
    """An account of the organization, else 404."""
    rows = PaymentProvider.objects.of(cast(ApiRequest, request).organization).kept()
    return cast(PaymentProvider, rows.by_public_id(id))


class ProvidersQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"priority": "priority,created_at", "name": "name", "createdAt": "created_at"}
    USUAL: ClassVar = "asc"


@router.get("")
def list_providers(request: HttpRequest, filters: Query[ProvidersQuery]) -> Listing[PaymentProviderOut]:
    """In the order in which they are chosen."""
    rows = PaymentProvider.objects.of(cast(ApiRequest, request).organization).kept()
    return listed(request, rows, provider_payload, filters)


@router.post("", response={201: dict[str, Any]})
def create_provider(request: HttpRequest, body: ProviderIn) -> tuple[int, Object[PaymentProviderOut]]:
    """409 when another account has the name; without one it is called as its provider."""
    staff = cast(ApiRequest, request)
    made = actions.add_provider(
        staff.organization,
        body.type,
        body.credentials or {},
        **body.columns(),
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope(provider_payload(made))


@router.get("/{id}")
def get_provider(request: HttpRequest, id: str) -> Object[PaymentProviderOut]:
    """One account."""
    return envelope(provider_payload(provider_of(request, id)))


@router.patch("/{id}")
def patch_provider(request: HttpRequest, id: str, body: ProviderChanges) -> Object[PaymentProviderOut]:
    """Change the given fields. The kind stays."""
    staff = cast(ApiRequest, request)
    changed = actions.update_provider(
        provider_of(request, id),
        body.columns(),
        credentials=body.credentials,
        by=staff.actor,
        at=now(staff.organization),
    )
    return envelope(provider_payload(changed))


@router.delete("/{id}")
def delete_provider(request: HttpRequest, id: str) -> Object[DeletedProviderOut]:
    """Its customers stay at the provider and are no longer told."""
    staff = cast(ApiRequest, request)
    gone = actions.delete_provider(provider_of(request, id), by=staff.actor, at=now(staff.organization))
    return envelope({**provider_payload(gone), "deletedAt": gone.deleted_at})


@router.post("/{id}/test")
def test_provider(request: HttpRequest, id: str) -> TriedProviderOut:
    """Try the credentials: `{success, message}`, also when they do not work."""
    staff = cast(ApiRequest, request)
    tested = actions.try_provider(provider_of(request, id), by=staff.actor, at=now(staff.organization))
    found: TrialOut = {"success": tested.works, "message": tested.message}
    return {**found, "data": found}
