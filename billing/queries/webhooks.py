"""Endpoints with how they do, and their deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from billing.models import (
    EmittedEvent,
    Member,
    Organization,
    User,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from billing.rules.roles import roles_with

LAST_DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Health:
    """How an endpoint did in the last 24 hours, in tries; how many deliveries wait; when the last try was."""

    tries: int = 0
    succeeded: int = 0
    waiting: int = 0
    last_at: datetime | None = None

    @property
    def rate(self) -> float | None:
        """The share of tries that succeeded, 0 to 1; None without one."""
        return self.succeeded / self.tries if self.tries else None

    @property
    def percent(self) -> int | None:
        """The rate in whole percent, rounded down, so that 100 means all."""
        return self.succeeded * 100 // self.tries if self.tries else None


def health(endpoints: Iterable[WebhookEndpoint], at: datetime) -> dict[UUID, Health]:
    """By endpoint; three queries for all."""
    keys = [endpoint.pk for endpoint in endpoints]
    if not keys:
        return {}
    attempts = WebhookAttempt.objects.filter(endpoint__in=keys).order_by().values("endpoint")
    day = attempts.filter(at__gt=at - LAST_DAY).annotate(
        tries=Count("*"), succeeded=Count("pk", filter=Q(succeeded=True))
    )
    found = {row["endpoint"]: row for row in day}
    latest = WebhookAttempt.objects.filter(endpoint=OuterRef("pk")).order_by("-at").values("at")[:1]
    rows = WebhookEndpoint.objects.filter(pk__in=keys).annotate(last=Subquery(latest))
    last = dict(rows.values_list("pk", "last"))
    waiting = WebhookDelivery.objects.waiting().filter(endpoint__in=keys).order_by()
    counts = dict(waiting.values("endpoint").annotate(count=Count("*")).values_list("endpoint", "count"))
    return {
        key: Health(
            tries=found[key]["tries"] if key in found else 0,
            succeeded=found[key]["succeeded"] if key in found else 0,
            waiting=counts.get(key, 0),
            last_at=last.get(key),
        )
        for key in keys
    }


STATES = ("pending", "retrying", "delivered", "failed")


def in_state(rows: QuerySet[WebhookDelivery], state: str) -> QuerySet[WebhookDelivery]:
    """Deliveries by state: pending ones were not tried yet, retrying ones failed at least once."""
    if state == "pending":
        return rows.filter(state="waiting", tries=0)
    if state == "retrying":
        return rows.filter(state="waiting", tries__gt=0)
    return rows.filter(state=state)


def state_of(row: WebhookDelivery) -> str:
    """One of STATES."""
    if row.state != "waiting":
        return row.state
    return "retrying" if row.tries else "pending"


def deliveries_of(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    """Newest first, with event and tries."""
    rows: QuerySet[WebhookDelivery] = WebhookDelivery.objects.filter(endpoint=endpoint)
    return rows.select_related("event").prefetch_related("attempts").order_by("-number")


def event_before(event: EmittedEvent) -> EmittedEvent | None:
    """The event before this one about the same object."""
    rows = EmittedEvent.objects.of(event.organization_id).filter(subject_id=event.subject_id, pk__lt=event.pk)
    found: EmittedEvent | None = rows.order_by("-at", "-pk").first()
    return found


def those_who_may_change(organization: Organization) -> list[User]:
    """The active people whose role lets them change endpoints and take them up again."""
    rows = Member.objects.of(organization).filter(role__in=roles_with("webhooks.edit"), user__is_active=True)
    return [member.user for member in rows.select_related("user").order_by("pk")]
