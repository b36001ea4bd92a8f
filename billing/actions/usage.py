"""Taking in usage events.

Laws.
- Each event has its own result; one bad event never rejects the others.
- An event counts once: its transaction id is unique per organization and external subscription id, and the
  database decides. The same content again is a `duplicate`; other content is a `conflict`, and the first
  one counts. Neither writes anything.
- What matches no subscription or metric is kept in quarantine, and matched when the missing thing appears.

Example: the batch [t1, t1, t2 of an unknown metric] is accepted, duplicate, quarantined.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from billing.actions.usage_rows import write_rows
from billing.models import Organization, QuarantinedEvent
from billing.models.usage_locks import share_roll_ups
from billing.models.usage_store import (
    EventRow,
    Known,
    QuarantineRow,
    known,
    new_key,
    quarantine,
    touch,
)
from billing.queries.attachment import Attachment, reference_of
from billing.rules.events import IncomingEvent, Refused, check_event

ACCEPTED, DUPLICATE, CONFLICT = "accepted", "duplicate", "conflict"
QUARANTINED, INVALID = "quarantined", "invalid"
STATUSES = (ACCEPTED, DUPLICATE, CONFLICT, QUARANTINED, INVALID)
MATCH_AT_ONCE = 1000

REASONS = {
    "unknown_subscription": "There is no such subscription yet. The event is kept until there is one.",
    "unknown_metric": "There is no billable metric with this code yet. The event is kept until there is one.",
    "outside_subscription": "The subscription was not running at that time. The event is kept.",
    "unreadable_value": "The metric's field has too many digits to be counted. The event is kept.",
    "uncomputable_value": "The metric's expression cannot be computed for it. The event is kept.",
}
REPEATED = "This event is stored already."
REPEATED_WAITING = "This event is in quarantine already."
OTHER_CONTENT = "Another event with this transaction ID and other content is stored; that one counts."


@dataclass(slots=True)
class EventResult:
    """What became of one event. `field` is set when it is invalid."""

    transaction_id: str
    status: str
    reason: str = ""
    field: str = ""


Key = tuple[str, str]


def ingest(
    organization: Organization,
    events: Sequence[IncomingEvent | Refused],
    *,
    at: datetime,
    checked: bool = False,
) -> list[EventResult]:
    """Store the events that count, keep those that match nothing; one result per event, in their order.

    `checked`: the events come from `read_event`, which has looked at their fields already.
    """
    results: list[EventResult | None] = [None] * len(events)
    batch = _Batch(organization.pk, at)
    sound: list[tuple[int, IncomingEvent]] = []
    for index, event in enumerate(events):
        refused = event if isinstance(event, Refused) else None if checked else check_event(event, at)
        if refused is not None:
            results[index] = EventResult(refused.transaction_id, INVALID, refused.message, refused.field)
        else:
            sound.append((index, event))  # type: ignore[arg-type]
    if not sound:
        return results  # type: ignore[return-value]
    with transaction.atomic():
        share_roll_ups(organization.pk, (event.code for _, event in sound))
        attachment = Attachment.of(organization, (event for _, event in sound))
        for index, event in sound:
            results[index] = batch.add(index, event, attachment)
        batch.write(attachment)
    for index, result in batch.outcomes():
        results[index] = result
    return results  # type: ignore[return-value]


class _Batch:
    """The rows of one call, and what became of each."""

    def __init__(self, organization_id: UUID, at: datetime) -> None:
        self.organization_id, self.at = organization_id, at
        self.rows: dict[Key, EventRow] = {}
        self.waiting: dict[Key, QuarantineRow] = {}
        self.asked: list[tuple[int, Key, str, bool]] = []  # index, key, hash, first of its key here
        self.stored: dict[Key, Known] = {}

    def add(self, index: int, event: IncomingEvent, attachment: Attachment) -> EventResult | None:
        """Make the event's row. The result is only known here when the event is invalid."""
        stamp = event.timestamp or self.at
        moment = (stamp if stamp.tzinfo is UTC else stamp.astimezone(UTC)).isoformat()
        properties, digest = content(event, moment if event.timestamp else "")
        external_id, subscription_id, named, reason = attachment.subscription(event.subscription, stamp)
        metric = attachment.metrics.get(event.code)
        if not reason and metric is None:
            reason = "unknown_metric"
        key = (external_id, event.transaction_id)
        first = key not in self.rows and key not in self.waiting
        if first and metric is not None and subscription_id is not None:
            value, text, field, problem = metric.read(event.code, stamp, event.properties)
            if problem:
                return EventResult(event.transaction_id, INVALID, problem, field)
            self.rows[key] = EventRow(
                id=new_key(),
                subscription_id=subscription_id,
                metric_id=metric.id,
                external_subscription_id=external_id,
                transaction_id=event.transaction_id,
                timestamp=moment,
                value=value,
                text_value=text,
                removes=event.properties.get("operation_type") == "remove",
                amount=event.amount,
                properties=properties,
                content_hash=digest,
            )
        elif first:
            self.waiting[key] = QuarantineRow(
                id=new_key(),
                subscription_id=named,
                external_subscription_id=external_id,
                code=event.code,
                transaction_id=event.transaction_id,
                timestamp=moment,
                amount=event.amount,
                properties=properties,
                content_hash=digest,
                reason=reason,
            )
        self.asked.append((index, key, digest, first))
        return None

    def write(self, attachment: Attachment) -> None:
        """Quarantine first, then events and roll-ups: the order of locks that every writer keeps."""
        rows, waiting = list(self.rows.values()), list(self.waiting.values())
        kept = quarantine(self.organization_id, waiting, self.at) if waiting else 0
        new = write_rows(self.organization_id, rows, self.at, attachment) if rows else 0
        if new:
            touch(self.organization_id, sorted({row.subscription_id for row in rows}))
        repeated: list[Key] = []
        if kept < len(waiting):
            repeated += self.waiting
        if new < len(rows):
            repeated += self.rows
        if repeated:
            self.stored = known(self.organization_id, repeated)

    def outcomes(self) -> Iterable[tuple[int, EventResult]]:
        """The result of every event that was asked for, by its index."""
        for index, (external_id, transaction_id), digest, first in self.asked:
            key = (external_id, transaction_id)
            own = self.rows.get(key) or self.waiting[key]
            found = self.stored.get(key)
            if first and (found is None or str(found.id) == own.id):
                if isinstance(own, QuarantineRow):
                    yield index, EventResult(transaction_id, QUARANTINED, REASONS[own.reason])
                else:
                    yield index, EventResult(transaction_id, ACCEPTED)
                continue
            content_hash = found.content_hash if found else own.content_hash
            waits = found.waiting if found else isinstance(own, QuarantineRow)
            if content_hash != digest:
                yield index, EventResult(transaction_id, CONFLICT, OTHER_CONTENT)
            else:
                reason = REPEATED_WAITING if waits else REPEATED
                yield index, EventResult(transaction_id, DUPLICATE, reason)


def content(event: IncomingEvent, moment: str) -> tuple[str, str]:
    """The properties as exact JSON, and the hash of all that the sender has said; `moment` is empty when the
    sender gave none.

    A moment that was filled in here is no part of it, so that the same call sent again is the same content.
    """
    properties = _json(event.properties)
    amount = "" if event.amount is None else format(event.amount.normalize(), "f")
    said = f"{event.code}\0{moment}\0{amount}\0".encode() + properties
    return properties.decode(), hashlib.blake2b(said, digest_size=16).hexdigest()


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=_exact, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits
        return orjson.dumps(_wide(value), default=_exact, option=orjson.OPT_SORT_KEYS)


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _wide(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, dict):
        return {key: _wide(item) for key, item in value.items()}
    return [_wide(item) for item in value] if isinstance(value, list) else value


def organizations_waiting() -> QuerySet[Organization]:
    """The organizations that have quarantined events which can be matched now."""
    matching = QuarantinedEvent.objects.matchable().filter(organization=OuterRef("pk"))
    return Organization.objects.filter(Exists(matching)).order_by("pk")


def match_quarantined(organization: Organization, *, at: datetime) -> int:
    """Move what can be matched now from the quarantine to the events; how many. Safe to run twice at once."""
    moved, last = 0, UUID(int=0)
    while True:
        with transaction.atomic():
            rows = QuarantinedEvent.objects.of(organization).matchable().filter(pk__gt=last)
            rows = rows.annotate(exact=Cast("properties", TextField())).order_by("pk")
            waiting = list(rows.select_for_update(of=("self",), skip_locked=True)[:MATCH_AT_ONCE])
            moved += _move(organization, waiting, at)
        if len(waiting) < MATCH_AT_ONCE:
            return moved
        last = waiting[-1].pk


def _move(organization: Organization, waiting: Sequence[Any], at: datetime) -> int:
    references = {reference_of(row) for row in waiting}
    codes = {row.code for row in waiting}
    share_roll_ups(organization.pk, codes)
    attachment = Attachment.named(organization, references, codes)
    rows: list[EventRow] = []
    for row in waiting:
        found = attachment.subscription(reference_of(row), row.timestamp)
        external_id, subscription_id, _, reason = found
        metric = attachment.metrics.get(row.code)
        if reason or subscription_id is None or metric is None:
            continue
        properties = json.loads(row.exact, parse_float=Decimal)
        value, text, _, problem = metric.read(row.code, row.timestamp, properties)
        if problem:
            row.reason = "uncomputable_value" if metric.formula else "unreadable_value"
            row.save(update_fields=["reason", "updated_at"])
            continue
        rows.append(
            EventRow(
                id=str(row.pk),
                subscription_id=subscription_id,
                metric_id=metric.id,
                external_subscription_id=external_id,
                transaction_id=row.transaction_id,
                timestamp=row.timestamp.isoformat(),
                value=value,
                text_value=text,
                removes=properties.get("operation_type") == "remove",
                amount=row.amount,
                properties=row.exact,
                content_hash=bytes(row.content_hash).hex(),
            )
        )
    if not rows:
        return 0
    moved = write_rows(organization.pk, rows, at, attachment, matched=True)
    touch(organization.pk, sorted({row.subscription_id for row in rows}))
    # A copy whose transaction id counts already (it was sent again meanwhile) only leaves the quarantine.
    QuarantinedEvent.objects.filter(pk__in=[row.id for row in rows]).delete()
    return moved
