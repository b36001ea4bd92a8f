"""Webhooks of the demo: what their applications have answered. Nothing is sent, both are at rest."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from billing.actions.webhook_endpoints import create_endpoint, update_endpoint
from billing.models import Organization, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from billing.orm.actor import Actor

SHOP, BOOKS = "https://shop.lindgren.example/hooks/billing", "https://books.lindgren.example/in"
GONE = "The receiver answered 410: it is gone for good."
SPAN = timedelta(hours=20)  # before the end of the demo, in which the deliveries fall
LATEST_WAIT = 4
MOST_FAILED = 6


def add_webhooks(organization: Organization, by: Actor, at: datetime) -> None:
    """Two endpoints that collect from now on."""
    for url, events, words in (
        (SHOP, ["*"], "Shop"),
        (BOOKS, ["invoice.finalized", "payment.succeeded", "credit_note.created"], "Accounting"),
    ):
        row, _ = create_endpoint(organization, url, events, description=words, by=by, at=at)
        update_endpoint(row, {"status": "paused"}, by=by, at=at)


def answer_webhooks(organization: Organization, at: datetime) -> None:
    """Most of what was collected is delivered, some failed at first; the last waits. The accounting is gone."""
    dice = random.Random(7)  # noqa: S311 - the same demo each time, not a secret
    for endpoint in WebhookEndpoint.objects.of(organization):
        gone = endpoint.url == BOOKS
        rows = list(WebhookDelivery.objects.filter(endpoint=endpoint).order_by("number"))
        tries: list[WebhookAttempt] = []
        for place, row in enumerate(rows):
            row.created_at = row.due_from = at - SPAN * (1 - (place + 1) / (len(rows) + 1))
            left = len(rows) - place
            if left <= LATEST_WAIT and not gone:
                continue
            row.next_attempt_at = None
            row.state = "failed" if gone and left <= MOST_FAILED else "delivered"
            faults = 1 if row.state == "failed" else int(dice.random() < 0.12)
            tries += [tried(row, 410 if row.state == "failed" else 503, dice) for _ in range(faults)]
            if row.state == "delivered":
                row.delivered_at = row.created_at + timedelta(seconds=1 + 6 * faults)
                tries.append(tried(row, 200, dice, after=6 * faults))
        fields = ["created_at", "due_from", "next_attempt_at", "state", "delivered_at"]
        WebhookDelivery.objects.bulk_update(rows, fields)
        WebhookAttempt.objects.bulk_create(tries)
        if gone:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(status="disabled", reason=GONE)


def tried(row: WebhookDelivery, status: int, dice: random.Random, *, after: int = 0) -> WebhookAttempt:
    """A try that was answered with `status`."""
    good = status == 200
    return WebhookAttempt(
        organization_id=row.organization_id,
        endpoint_id=row.endpoint_id,
        delivery=row,
        at=row.created_at + timedelta(seconds=1 + after),
        status_code=status,
        duration_ms=dice.randrange(60, 900),
        error="" if good else f"The receiver answered {status}.",
        answer='{"received":true}' if good else "Service Unavailable" if status == 503 else "Gone",
        succeeded=good,
    )
