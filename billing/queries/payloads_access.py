"""API keys as the API and the pages show them: never the key itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from typing_extensions import TypedDict

from billing.models import ApiKey
from billing.rules.words import Words


class KeyOut(TypedDict):
    """An API key, never the key itself. No scopes: it may do everything. `rateLimit`: requests a minute, null for the
    usual.
    """

    id: str
    name: str
    maskedKey: str
    status: Annotated[str, Words("active", "expired", "revoked")]
    scopes: list[str]
    rateLimit: int | None
    expiresAt: datetime | None
    lastUsedAt: datetime | None
    revokedAt: datetime | None
    createdAt: datetime


class NewKeyOut(KeyOut):
    """A new key; `key` is shown this once."""

    key: str


def key_state(key: ApiKey, at: datetime) -> str:
    """active, expired or revoked."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= at else "active"


def key_payload(key: ApiKey, at: datetime) -> KeyOut:
    """The public fields."""
    return {
        "id": key.public_id,
        "name": key.name,
        "maskedKey": f"{key.key_start}…{key.last4}",
        "status": key_state(key, at),
        "scopes": key.scopes,
        "rateLimit": key.rate_limit,
        "expiresAt": key.expires_at,
        "lastUsedAt": key.last_used_at,
        "revokedAt": key.revoked_at,
        "createdAt": key.created_at,
    }
