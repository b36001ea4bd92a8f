"""Which subscription and metric an event belongs to.

Law: an event belongs to the subscription of that external id whose life [started_at, ended) covers the
event's moment; where an external id has been used again, the moment decides. An event may also name a
subscription by its id; then no other one is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Coalesce

from billing.models import Aggregation, Metric, Organization, QuarantinedEvent, Subscription
from billing.rules.ids import decode, encode

NUMERIC = frozenset({Aggregation.SUM.value, Aggregation.MAX.value, Aggregation.LATEST.value})


class Named(Protocol):
    """What an event refers to."""

    subscription: str
    code: str


@dataclass(frozen=True, slots=True)
class MetricField:
    """A metric as ingestion needs it: which property it reads, and whether as a number."""

    id: UUID
    field_name: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Life:
    """A subscription and the moments between which its usage counts (None: not begun, not ended)."""

    id: UUID
    external_id: str
    started_at: datetime | None
    ended_at: datetime | None

    def covers(self, moment: datetime) -> bool:
        """Whether an event of that moment counts."""
        if self.started_at is None or moment < self.started_at:
            return False
        return self.ended_at is None or moment < self.ended_at


@dataclass(slots=True)
class Attachment:
    """The subscriptions and metrics that a batch of events refers to."""

    metrics: dict[str, MetricField]
    by_external_id: dict[str, list[Life]] = field(default_factory=dict)
    by_id: dict[UUID, Life] = field(default_factory=dict)

    @classmethod
    def of(cls, organization: Organization, events: Iterable[Named]) -> Attachment:
        """Look up everything the events name: two queries, whatever their number."""
        references: set[str] = set()
        codes: set[str] = set()
        for event in events:
            references.add(event.subscription)
            codes.add(event.code)
        return cls.named(organization, references, codes)

    @classmethod
    def named(cls, organization: Organization, references: set[str], codes: set[str]) -> Attachment:
        """The same from the names themselves."""
        rows = Metric.objects.of(organization).kept().filter(code__in=codes)
        attachment = cls(
            {
                code: MetricField(key, field_name, aggregation in NUMERIC)
                for key, code, field_name, aggregation in rows.values_list(
                    "id", "code", "field_name", "aggregation"
                )
            }
        )
        keys = {key for text in references if (key := decode(Subscription.PREFIX, text))}
        wanted = Q(external_id__in=references)
        if keys:
            wanted |= Q(pk__in=keys)
        lives = Subscription.objects.of(organization).filter(wanted).order_by("-started_at")
        ended = Coalesce("terminated_at", "canceled_at")
        for row in lives.values_list("id", "external_id", "started_at", ended):
            life = Life(*row)
            attachment.by_external_id.setdefault(life.external_id, []).append(life)
            attachment.by_id[life.id] = life
        return attachment

    def subscription(self, reference: str, moment: datetime) -> tuple[str, UUID | None, UUID | None, str]:
        """What a reference means at a moment: the external id, the subscription that counts the event, the
        one that was named by its id, and the reason when none counts it.
        """
        lives = self.by_external_id.get(reference)
        if lives is not None:
            for life in lives:
                if life.covers(moment):
                    return life.external_id, life.id, None, ""
            return reference, None, None, "outside_subscription"
        key = decode(Subscription.PREFIX, reference)
        named = self.by_id.get(key) if key else None
        if named is None:
            return reference, None, None, "unknown_subscription"
        if named.covers(moment):
            return named.external_id, named.id, named.id, ""
        return named.external_id, None, named.id, "outside_subscription"


def reference_of(waiting: QuarantinedEvent) -> str:
    """How a quarantined event named its subscription: by id, or by external id."""
    if waiting.subscription_id is not None:
        return encode(Subscription.PREFIX, waiting.subscription_id)
    return waiting.external_subscription_id
