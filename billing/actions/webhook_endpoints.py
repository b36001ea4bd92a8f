"""Endpoints: added with a secret that is shown once, changed, paused, taken up again, and removed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.actions import audit
from billing.actions.webhooks import deliver, wake_sender
from billing.clients.http import Unreachable, check_target
from billing.clients.sealed import seal
from billing.models import (
    DeliveryState,
    EmittedEvent,
    EndpointStatus,
    Organization,
    WebhookDelivery,
    WebhookEndpoint,
)
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.event_names import TEST, unknown
from billing.rules.signing import secret_of

MOST = 20
OVERLAPS = (0, 1, 24, 72)  # hours
DEFAULT_OVERLAP = 24
SECRET_BYTES = 32
FIELDS = ("url", "events", "description", "status")


@transaction.atomic
def create_endpoint(
    organization: Organization,
    url: str,
    events: Sequence[str],
    *,
    description: str = "",
    by: Actor,
    at: datetime,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is kept sealed and never shown again.

    Raises Invalid for an address that is not reached (private ones among them) or names that no event has, Conflict
    beyond 20.
    """
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if WebhookEndpoint.objects.of(organization).kept().count() >= MOST:
        raise Conflict(f"There are {MOST} webhooks already. Remove one first.", code="too_many_webhooks")
    secret = new_secret()
    endpoint = WebhookEndpoint.objects.create(
        organization=organization,
        url=checked_url(url),
        events=checked_events(events),
        description=checked_description(description),
        secret=seal({"secret": secret}),
    )
    changes = {"url": ("", endpoint.url), "events": ([], endpoint.events)}
    audit.record(organization, "webhook.created", endpoint, by=by, at=at, changes=changes)
    return endpoint, secret


@transaction.atomic
def update_endpoint(
    endpoint: WebhookEndpoint, changes: Mapping[str, Any], *, by: Actor, at: datetime
) -> WebhookEndpoint:
    """Change url, events, description or status. Taken up again, it gets at once what waits for it; disabled, what
    waits is given up. What was written before goes to a new url, too.
    """
    endpoint = lock(endpoint)
    before = audit.snapshot(endpoint, FIELDS)
    if "url" in changes:
        endpoint.url = checked_url(changes["url"])
    if "events" in changes:
        endpoint.events = checked_events(changes["events"])
    if "description" in changes:
        endpoint.description = checked_description(changes["description"])
    if "status" in changes:
        endpoint.status = checked_status(changes["status"])
    found = audit.differences(before, endpoint)
    if not found:
        return endpoint
    if "status" in found or "url" in found:
        start_again(endpoint)
    endpoint.save()
    if endpoint.status == EndpointStatus.DISABLED.value:
        give_up_waiting(endpoint)
    audit.record(endpoint.organization, "webhook.updated", endpoint, by=by, at=at, changes=found)
    return endpoint


def start_again(endpoint: WebhookEndpoint) -> None:
    """Forget what went wrong; what waits is due now and has its 72 hours from now. The caller saves the row."""
    endpoint.reason = ""
    endpoint.failures, endpoint.failing_since, endpoint.rest_until = 0, None, None
    now = timezone.now()
    WebhookDelivery.objects.waiting().filter(endpoint=endpoint).update(
        due_from=now, next_attempt_at=now, tries=0
    )
    if endpoint.status == EndpointStatus.ACTIVE.value:
        transaction.on_commit(wake_sender)


def give_up_waiting(endpoint: WebhookEndpoint) -> None:
    """What waits is not sent any more; staff can replay it."""
    WebhookDelivery.objects.waiting().filter(endpoint=endpoint).update(
        state=DeliveryState.FAILED.value, next_attempt_at=None
    )


@transaction.atomic
def rotate_secret(
    endpoint: WebhookEndpoint, *, overlap_hours: int = DEFAULT_OVERLAP, by: Actor, at: datetime
) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown once; the old one signs beside it for `overlap_hours` (0 to 72)."""
    if not 0 <= overlap_hours <= max(OVERLAPS):
        raise Invalid(f"Use 0 to {max(OVERLAPS)} hours.", field="overlap_hours")
    endpoint = lock(endpoint)
    secret = new_secret()
    if overlap_hours:
        endpoint.previous_secret = endpoint.secret
        endpoint.previous_until = timezone.now() + timedelta(hours=overlap_hours)
    else:
        endpoint.previous_secret, endpoint.previous_until = None, None
    endpoint.secret = seal({"secret": secret})
    endpoint.save()
    audit.record(
        endpoint.organization,
        "webhook.secret_rotated",
        endpoint,
        by=by,
        at=at,
        changes={"previous_until": (None, endpoint.previous_until)},
    )
    return endpoint, secret


@transaction.atomic
def delete_endpoint(endpoint: WebhookEndpoint, *, by: Actor, at: datetime) -> WebhookEndpoint:
    """Remove an endpoint: nothing is written or sent for it any more, and its secrets are forgotten."""
    endpoint = lock(endpoint)
    give_up_waiting(endpoint)
    endpoint.deleted_at = timezone.now()
    endpoint.secret, endpoint.previous_secret, endpoint.previous_until = b"", None, None
    endpoint.save()
    audit.record(endpoint.organization, "webhook.deleted", endpoint, by=by, at=at)
    return endpoint


@transaction.atomic
def send_test(endpoint: WebhookEndpoint, *, by: Actor, at: datetime) -> WebhookDelivery:
    """An event that says of itself that it is a test, to this endpoint alone. Conflict unless it is active."""
    endpoint = lock_active(endpoint)
    event = EmittedEvent.objects.create(
        organization=endpoint.organization,
        name=TEST,
        subject_id=endpoint.pk,
        data={"test": True, "webhookId": endpoint.public_id, "sentBy": by.label},
        at=at,
    )
    return deliver(event, [(endpoint, TEST)])[0]


def lock(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The row as it is now; deliveries that refer to it can be written meanwhile. 404 once it is removed."""
    found: WebhookEndpoint = (
        WebhookEndpoint.objects.kept()
        .select_related("organization")
        .locked(no_key=True)
        .get_or_404(pk=endpoint.pk)
    )
    return found


def lock_active(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The locked row of one that is sent to, also if it was to rest a while: somebody asks for it now. Conflict
    (webhook_not_active) otherwise.
    """
    found = lock(endpoint)
    if found.status != EndpointStatus.ACTIVE.value:
        raise Conflict(f"This webhook is {found.status}. Take it up again first.", code="webhook_not_active")
    if found.rest_until is not None:
        found.rest_until = None
        found.save(update_fields=["rest_until", "updated_at"])
    return found


def new_secret() -> str:
    """`whsec_` and the base64 of 32 random bytes."""
    return secret_of(secrets.token_bytes(SECRET_BYTES))


def checked_url(url: str) -> str:
    """The address, or Invalid with what is wrong with it."""
    url = url.strip()
    if len(url) > 2000:
        raise Invalid("Use at most 2,000 characters.", field="url")
    try:
        check_target(url)
    except Unreachable as error:
        raise Invalid(error.reason, field="url") from error
    return url


def checked_events(events: Sequence[str]) -> list[str]:
    """The names in the order given, each once."""
    names = list(dict.fromkeys(name.strip() for name in events))
    if not names:
        raise Invalid("Choose at least one event, or * for all.", field="events")
    if wrong := unknown(names):
        raise Invalid(f"No event is called {wrong[0][:60]}.", field="events")
    return names


def checked_description(text: str) -> str:
    """At most 255 characters."""
    if len(text.strip()) > 255:
        raise Invalid("Use at most 255 characters.", field="description")
    return text.strip()


def checked_status(status: str) -> str:
    """One of the three, in any case."""
    if status.lower() not in EndpointStatus.values:
        raise Invalid(f"Use one of {', '.join(EndpointStatus.values)}.", field="status")
    return status.lower()
