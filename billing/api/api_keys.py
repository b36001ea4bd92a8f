"""/api/api-keys. A key can make, rotate and end other keys, but none that may do more than itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, cast

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Query, Router
from pydantic import StrictInt

from billing.actions import api_keys as actions
from billing.models import ApiKey
from billing.queries.payloads_access import KeyOut, NewKeyOut, key_payload
from billing.rules.errors import Invalid
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.scopes import checked_scopes
from billing.web.shapes import Listing, Object

router = Router(tags=["API keys"])


class KeyIn(ApiSchema):
    """A new key. `scopes`: `customers:read`, `invoices:write`, `*:read` …; without any it may do everything.
    `rateLimit`: requests a minute.
    """

    name: str
    scopes: list[str] = Field(default_factory=list)
    expires_at: datetime | None = None
    rate_limit: StrictInt | None = None


class RotateIn(ApiSchema):
    """For how many hours the old key works beside the new one: 24 when nothing is said, at most 30 days."""

    overlap_hours: StrictInt = 24


class KeyFilters(ListQuery):
    """Which keys: `live` leaves out those that were revoked."""

    SORTS: ClassVar = {
        "createdAt": "created_at",
        "name": "name",
        "lastUsedAt": "last_used_at",
        "expiresAt": "expires_at",
    }

    live: bool = False


def key_of(request: HttpRequest, id: str) -> ApiKey:
    """A key of the organization, else 404."""
    return cast(ApiKey, ApiKey.objects.of(cast(ApiRequest, request).organization).by_public_id(id))


def with_secret(made: tuple[ApiKey, str], at: datetime) -> Object[NewKeyOut]:
    """A new key with its secret."""
    key, secret = made
    return envelope({**key_payload(key, at), "key": secret})


@router.get("")
def list_keys(request: HttpRequest, filters: Query[KeyFilters]) -> Listing[KeyOut]:
    """Newest first, without the keys themselves."""
    rows: Any = ApiKey.objects.of(cast(ApiRequest, request).organization)
    rows = rows.live() if filters.live else rows
    at = timezone.now()
    return listed(request, rows, lambda key: key_payload(key, at), filters)


@router.post("", response={201: dict[str, Any]})
def create_key(request: HttpRequest, body: KeyIn) -> tuple[int, Object[NewKeyOut]]:
    """The answer's `key` is shown this once. 403 beyond_this_key when it could do more, for longer or more often
    than the key that asks.
    """
    staff = cast(ApiRequest, request)
    at = timezone.now()
    expires_at = body.expires_at
    if expires_at is not None and timezone.is_naive(expires_at):
        raise Invalid("Say the time zone, such as 2027-01-31T00:00:00Z.", field="expires_at")
    made = actions.issue_key(
        staff.organization,
        body.name,
        by=staff.actor,
        at=at,
        scopes=checked_scopes(body.scopes),
        expires_at=expires_at,
        rate_limit=body.rate_limit,
        within=staff.api_key,
    )
    return 201, with_secret(made, at)


@router.get("/{id}")
def get_key(request: HttpRequest, id: str) -> Object[KeyOut]:
    """One key, without the key itself."""
    return envelope(key_payload(key_of(request, id), timezone.now()))


@router.post("/{id}/rotate", response={201: dict[str, Any]})
def rotate(request: HttpRequest, id: str, body: RotateIn | None = None) -> tuple[int, Object[NewKeyOut]]:
    """A new key with the same rights, shown this once; the old one goes on for `overlapHours`. 409 when it does not
    work any more.
    """
    staff = cast(ApiRequest, request)
    at = timezone.now()
    hours = (body or RotateIn()).overlap_hours
    overlap = timedelta(hours=max(-1, min(hours, 10_000)))
    key = key_of(request, id)
    return 201, with_secret(
        actions.rotate_key(key, overlap=overlap, by=staff.actor, at=at, within=staff.api_key), at
    )


@router.delete("/{id}")
def revoke(request: HttpRequest, id: str) -> Object[KeyOut]:
    """It stops working at once, also when it is the key that asks."""
    staff = cast(ApiRequest, request)
    at = timezone.now()
    gone = actions.revoke_key(key_of(request, id), by=staff.actor, at=at, within=staff.api_key)
    return envelope(key_payload(gone, at))
