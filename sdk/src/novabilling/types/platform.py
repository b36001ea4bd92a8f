"""The organization, its keys and webhooks, and the sandbox's clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from pydantic import model_validator

from .base import Json, Model


class Organization(Model):
    """The tenant that the token belongs to."""

    id: str
    name: str = ""
    default_currency: Optional[str] = None
    timezone: Optional[str] = None
    sandbox: bool = False
    now: Optional[datetime] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class ApiKey(Model):
    """A key of the API. `key` is there once, when it is made."""

    id: str
    name: str = ""
    key: Optional[str] = None
    masked_key: Optional[str] = None
    status: Optional[str] = None
    scopes: List[str] = []
    rate_limit: Optional[int] = None
    expires_at: Optional[datetime] = None
    last_used_at: Optional[datetime] = None
    revoked_at: Optional[datetime] = None
    created_at: Optional[datetime] = None

    def __repr_args__(self) -> Any:
        """The key itself does not end in a log."""
        for name, value in super().__repr_args__():
            yield name, "…" if name == "key" and value else value


class Webhook(Model):
    """An address that is told what happens. `secret` is there once, when it is made or changed."""

    id: str
    url: str = ""
    status: str = ""
    status_reason: Optional[str] = None
    events: List[str] = []
    secret: Optional[str] = None
    previous_secret_until: Optional[datetime] = None
    description: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None

    def __repr_args__(self) -> Any:
        """The secret does not end in a log."""
        for name, value in super().__repr_args__():
            yield name, "…" if name == "secret" and value else value


class WebhookDelivery(Model):
    """One event on its way to an address: pending, retrying, delivered or failed. `payload` is the event's object."""

    id: str
    webhook_id: Optional[str] = None
    event_id: Optional[str] = None
    event: str = ""
    state: str = ""
    next_attempt_at: Optional[datetime] = None
    delivered_at: Optional[datetime] = None
    attempts: List[Dict[str, Any]] = []
    payload: Json = {}
    created_at: Optional[datetime] = None

    @model_validator(mode="before")
    @classmethod
    def _with_payload(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "data" not in value:
            return value
        return {("payload" if name == "data" else name): item for name, item in value.items()}


class Export(Model):
    """A list as a file. `download_url` needs no token and ends at `expires_at`."""

    id: str
    content: str = ""
    filters: Dict[str, Any] = {}
    status: str = ""
    rows: int = 0
    bytes: Optional[int] = None
    download_url: Optional[str] = None
    expires_at: Optional[datetime] = None
    error: Optional[str] = None
    created_at: Optional[datetime] = None
    finished_at: Optional[datetime] = None


class Clock(Model):
    """The time of a sandbox, and what happened on the way there."""

    now: Optional[datetime] = None
    sandbox: bool = False
    next: Optional[Dict[str, Any]] = None
    status: Optional[str] = None
    events: List[Dict[str, Any]] = []
