"""Webhooks and their deliveries as the API answers them."""

from __future__ import annotations

from typing import Any

from billing.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from billing.queries.payloads_catalog import milliseconds, stamps
from billing.queries.webhooks import Health, state_of
from billing.rules.event_names import EVENTS, SYNONYMS
from billing.rules.ids import encode


def endpoint_payload(row: WebhookEndpoint, health: Health) -> dict[str, Any]:
    """A webhook without its secret. `successRate` is of the last 24 hours, 0 to 1."""
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


def delivery_payload(row: WebhookDelivery) -> dict[str, Any]:
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
        "createdAt": milliseconds(row.created_at),
    }


def attempt_payload(row: WebhookAttempt) -> dict[str, Any]:
    """One try; `answer` is the beginning of what the receiver said."""
    return {
        "at": milliseconds(row.at),
        "succeeded": row.succeeded,
        "statusCode": row.status_code,
        "durationMs": row.duration_ms,
        "error": row.error or None,
        "answer": row.answer,
    }


def event_types_payload() -> list[dict[str, Any]]:
    """The catalogue: each name, what it says, and its other spellings."""
    return [
        {
            "name": name,
            "description": words,
            "synonyms": sorted(other for other, own in SYNONYMS.items() if own == name),
        }
        for name, words in sorted(EVENTS.items())
    ]
