"""/api/webhooks: where events are sent to, and what became of each."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router

from billing.actions import webhook_endpoints, webhook_replays
from billing.actions.clock import now
from billing.api.lookups import columns, refuse_null
from billing.models import WebhookDelivery, WebhookEndpoint
from billing.queries.payloads_webhooks import (
    DeliveryOut,
    EventTypeOut,
    GoneWebhookOut,
    NewWebhookOut,
    WebhookOut,
    delivery_payload,
    endpoint_payload,
    event_types_payload,
)
from billing.queries.webhooks import Health, deliveries_of, health, in_state
from billing.rules.errors import Forbidden
from billing.rules.event_names import scopes_to_hear
from billing.rules.scopes import beyond
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object

router = Router(tags=["Webhooks"])


class WebhookIn(ApiSchema):
    """What POST takes; `events` are names of the catalogue, other spellings of them, or `*` for all."""

    url: str
    events: list[str]
    description: str = ""


class WebhookChanges(ApiSchema):
    """What PATCH takes. `status`: active, paused (collects, sends nothing) or disabled (does neither)."""

    url: str | None = None
    events: list[str] | None = None
    description: str | None = None
    status: str | None = None


class WebhookFilters(ListQuery):
    """What the list can be narrowed to."""

    status: Literal["active", "paused", "disabled"] | None = None


class DeliveryFilters(ListQuery):
    """What the deliveries can be narrowed to."""

    SORTS: ClassVar = {"createdAt": "number"}

    state: Literal["pending", "retrying", "delivered", "failed"] | None = None
    event: str | None = None


class SecretIn(ApiSchema):
    """For how many hours the old secret signs beside the new one."""

    overlap_hours: int = webhook_endpoints.DEFAULT_OVERLAP


def found(request: HttpRequest, id: str) -> WebhookEndpoint:
    """The organization's endpoint with this id; else 404."""
    rows = WebhookEndpoint.objects.of(cast(ApiRequest, request).organization).kept()
    row: WebhookEndpoint = rows.select_related("organization").by_public_id(id)
    return row


def within(request: HttpRequest, *events: str) -> None:
    """Forbidden (beyond_this_key) unless the key may read what these events tell of."""
    if more := beyond(scopes_to_hear(events), cast(ApiRequest, request).api_key.scopes):
        raise Forbidden(f"This key may not read what it would hear: {more[0]}.", code="beyond_this_key")


def answer(row: WebhookEndpoint) -> WebhookOut:
    """One endpoint with how it does."""
    return endpoint_payload(row, health([row], timezone.now())[row.pk])


@router.get("")
def list_webhooks(request: HttpRequest, filters: Query[WebhookFilters]) -> Listing[WebhookOut]:
    """Newest first."""
    rows = WebhookEndpoint.objects.of(cast(ApiRequest, request).organization).kept()
    if filters.status:
        rows = rows.filter(status=filters.status)
    known: dict[Any, Health] = health(rows, timezone.now())  # at most 20 in an organization
    return listed(request, rows, lambda row: endpoint_payload(row, known.get(row.pk, Health())), filters)


@router.post("", response={201: dict})
def create(request: HttpRequest, body: WebhookIn) -> tuple[int, Object[NewWebhookOut]]:
    """The answer is the only place where the `secret` stands. Private addresses are refused."""
    asked = cast(ApiRequest, request)
    within(request, *body.events)
    row, secret = webhook_endpoints.create_endpoint(
        asked.organization,
        body.url,
        body.events,
        description=body.description,
        by=asked.actor,
        at=now(asked.organization),
    )
    return 201, envelope({**answer(row), "secret": secret})


@router.get("/event-types")
def event_types(request: HttpRequest) -> Object[list[EventTypeOut]]:
    """Every event that can be asked for."""
    return envelope(event_types_payload())


@router.get("/{id}")
def get(request: HttpRequest, id: str) -> Object[WebhookOut]:
    """Without its secret."""
    return envelope(answer(found(request, id)))


@router.patch("/{id}")
def update(request: HttpRequest, id: str, body: WebhookChanges) -> Object[WebhookOut]:
    """`status: active` takes up a paused or disabled one; what waits is sent at once."""
    asked = cast(ApiRequest, request)
    values = columns(body, {})
    refuse_null(values, {})
    row = found(request, id)
    within(request, *row.events, *(body.events or []))
    row = webhook_endpoints.update_endpoint(row, values, by=asked.actor, at=now(asked.organization))
    return envelope(answer(row))


@router.delete("/{id}")
def delete(request: HttpRequest, id: str) -> Object[GoneWebhookOut]:
    """Nothing is sent any more; its secret is forgotten."""
    asked = cast(ApiRequest, request)
    row = webhook_endpoints.delete_endpoint(found(request, id), by=asked.actor, at=now(asked.organization))
    return envelope({**endpoint_payload(row, Health()), "deletedAt": row.deleted_at})


@router.post("/{id}/rotate-secret")
def rotate_secret(request: HttpRequest, id: str, body: SecretIn) -> Object[NewWebhookOut]:
    """A new `secret`, shown here only. Until `previousSecretUntil` deliveries are signed with both."""
    asked = cast(ApiRequest, request)
    row, secret = webhook_endpoints.rotate_secret(
        found(request, id), overlap_hours=body.overlap_hours, by=asked.actor, at=now(asked.organization)
    )
    return envelope({**answer(row), "secret": secret})


@router.post("/{id}/test", response={201: dict})
def test(request: HttpRequest, id: str) -> tuple[int, Object[DeliveryOut]]:
    """Sends `webhook.test`, whose data says `test: true`. 409 unless the webhook is active."""
    asked = cast(ApiRequest, request)
    row = webhook_endpoints.send_test(found(request, id), by=asked.actor, at=now(asked.organization))
    return 201, envelope(delivery_payload(row))


@router.get("/{id}/deliveries")
def list_deliveries(request: HttpRequest, id: str, filters: Query[DeliveryFilters]) -> Listing[DeliveryOut]:
    """Newest first, each with all its tries."""
    endpoint = found(request, id)
    within(request, *endpoint.events)
    rows = deliveries_of(endpoint)
    if filters.state:
        rows = in_state(rows, filters.state)
    if filters.event:
        rows = rows.filter(name=filters.event)
    return listed(request, rows, delivery_payload, filters)


@router.post("/{id}/deliveries/{delivery_id}/replay")
def replay(request: HttpRequest, id: str, delivery_id: str) -> Object[DeliveryOut]:
    """Sends it once more under its own id, delivered or not. 409 unless the webhook is active."""
    asked = cast(ApiRequest, request)
    endpoint = found(request, id)
    within(request, *endpoint.events)
    rows = WebhookDelivery.objects.filter(endpoint=endpoint)
    row = webhook_replays.replay(
        rows.select_related("endpoint__organization").by_public_id(delivery_id),
        by=asked.actor,
        at=now(asked.organization),
    )
    return envelope(delivery_payload(row))
