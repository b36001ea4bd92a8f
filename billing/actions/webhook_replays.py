"""Replays: a delivery is sent once more, whatever became of it before."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from billing.actions import audit
from billing.actions.webhook_endpoints import lock_active
from billing.actions.webhooks import wake_sender
from billing.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from billing.orm.actor import Actor

MOST_AT_ONCE = 10_000


@transaction.atomic
def replay(delivery: WebhookDelivery, *, by: Actor, at: datetime) -> WebhookDelivery:
    """Send it again under its own id, so that a receiver that has it already can tell. One that waits is due now.

    Raises Conflict (webhook_not_active) when its endpoint is not active.
    """
    endpoint = lock_active(delivery.endpoint)
    row: WebhookDelivery = WebhookDelivery.objects.filter(pk=delivery.pk).locked(no_key=True).get()
    start_over(WebhookDelivery.objects.filter(pk=row.pk))
    audit.record(endpoint.organization, "webhook.replayed", endpoint, by=by, at=at, reason=str(row))
    row.refresh_from_db()
    return row


@transaction.atomic
def replay_failed(endpoint: WebhookEndpoint, *, by: Actor, at: datetime) -> int:
    """Send again all that was given up, the earliest first. Returns how many; 10,000 at a time."""
    endpoint = lock_active(endpoint)
    failed = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.FAILED.value)
    chosen = failed.order_by("number").values("pk")[:MOST_AT_ONCE]
    count = start_over(WebhookDelivery.objects.filter(pk__in=chosen))
    if count:
        words = f"{count:,} failed deliveries"
        audit.record(endpoint.organization, "webhook.replayed", endpoint, by=by, at=at, reason=words)
    return count


def start_over(rows: object) -> int:
    """Due now, with 72 hours and all tries from now. The attempts so far are kept."""
    now = timezone.now()
    count: int = rows.update(  # type: ignore[attr-defined]
        state=DeliveryState.WAITING.value, due_from=now, next_attempt_at=now, tries=0
    )
    if count:
        transaction.on_commit(wake_sender)
    return count
