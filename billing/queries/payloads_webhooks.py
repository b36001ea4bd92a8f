"""Webhooks and their deliveries as the API answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from typing_extensions import TypedDict

from billing.models import EndpointStatus, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from billing.queries.payloads_catalog import milliseconds, stamps, whole
from billing.queries.shapes_catalog import Stamps
from billing.queries.webhooks import STATES, Health, state_of
from billing.rules.event_names import EVENTS, SYNONYMS
from billing.rules.ids import encode
from billing.rules.words import Words


class WebhookOut(Stamps):
    """Where events are sent to, without the secret that signs them. `successRate`: of the tries of the last 24 hours,
    0 to 1; null: there were none. Until `previousSecretUntil` the secret before signs, too.
    """

    id: str
    url: str
    events: list[str]
    description: str
    status: Annotated[str, Words(*EndpointStatus.values)]
    statusReason: str | None
    successRate: float | None
    waitingDeliveries: int
    lastAttemptAt: datetime | None
    previousSecretUntil: datetime | None


class NewWebhookOut(WebhookOut):
    """A webhook with its new `secret`, which is shown this once."""

    secret: str


class GoneWebhookOut(WebhookOut):
    """A webhook that is deleted now."""

    deletedAt: datetime | None


class AttemptOut(TypedDict):
    """One try. `statusCode` null: nobody answered, `error` says why. `answer` is the beginning of what was said."""

    at: datetime
    succeeded: bool
    statusCode: int | None
    durationMs: int
    error: str | None
    answer: str


class DeliveryOut(TypedDict):
    """An event on its way to a webhook, with its tries. `data` is the object that it tells of, as it was then."""

    id: str
    webhookId: str
    eventId: str
    event: str
    state: Annotated[str, Words(*STATES)]
    nextAttemptAt: datetime | None
    deliveredAt: datetime | None
    attempts: list[AttemptOut]
    data: dict[str, Any]
    createdAt: datetime


class EventTypeOut(TypedDict):
    """A name that can be asked for, and its other spellings."""

    name: str
    description: str
    synonyms: list[str]


def endpoint_payload(row: WebhookEndpoint, health: Health) -> WebhookOut:
    """A webhook without its secret."""
    return {
        "id": row.public_id,
        "url": row.url,
        "events": row.events,
        "description": row.description,
        "status": row.status,
        "statusReason": row.reason or None,
        "successRate": None if health.rate is None else round(health.rate, 4),
        "waitingDeliveries": health.waiting,
        "lastAttemptAt": milliseconds(health.last_at),
        "previousSecretUntil": milliseconds(row.previous_until),
        **stamps(row),
    }


def delivery_payload(row: WebhookDelivery) -> DeliveryOut:
    """A delivery with its tries and what it says; expects event and attempts."""
    return {
        "id": row.public_id,
        "webhookId": encode(WebhookEndpoint.PREFIX, row.endpoint_id),
        "eventId": row.event.public_id,
        "event": row.name,
        "state": state_of(row),
        "nextAttemptAt": milliseconds(row.next_attempt_at),
        "deliveredAt": milliseconds(row.delivered_at),
        "attempts": [attempt_payload(one) for one in row.attempts.all()],
        "data": row.event.data,
        "createdAt": whole(row.created_at),
    }


def attempt_payload(row: WebhookAttempt) -> AttemptOut:
    """One try."""
    return {
        "at": whole(row.at),
        "succeeded": row.succeeded,
        "statusCode": row.status_code,
        "durationMs": row.duration_ms,
        "error": row.error or None,
        "answer": row.answer,
    }


def event_types_payload() -> list[EventTypeOut]:
    """The catalogue: each name, what it says, and its other spellings."""
    return [
        {
            "name": name,
            "description": words,
            "synonyms": sorted(other for other, own in SYNONYMS.items() if own == name),
        }
        for name, words in sorted(EVENTS.items())
    ]
