"""A worker's part: sending to providers what their links are behind with.

A link is sent by who holds its lock, from the customer's committed state, without a transaction around the call. When
a worker is killed between the call and the note of it, the next one sends the same again, which changes nothing:
a creation has its idempotency key and is looked for by our id, an update sets the same values.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.actions import later
from billing.orm.actor import Actor
from invoicing.actions import provider_calls as calls
from invoicing.actions.provider_throw import SEND_LINK, link_noted
from invoicing.clients.providers.base import Gone, ProviderError, Unavailable
from invoicing.models import ProviderLink
from invoicing.models.provider import LinkState
from invoicing.rules.providers import SYNCING, Facts, facts_of, unsent, wait_after

ROUNDS = 3
MOST_AT_ONCE = 200
RUN_SECONDS = 40
RUNNING = UUID("6f3f5c1e-7a52-4c0e-8f5b-70726f766964")
BY = Actor.system("Synchronisation")


@dataclass(frozen=True)
class Outcome:
    """What a call came to. `facts`: what the provider knows now; `error`: why it does not."""

    external_id: str
    facts: Facts | None = None
    deleted: bool = False
    error: ProviderError | None = None


def due(at: datetime) -> Any:
    """Links that wait and whose account can be used for the customer, the longest waiting first."""
    rows = ProviderLink.objects.filter(state=LinkState.PENDING, next_at__lte=at)
    usable = rows.filter(
        provider__active=True,
        provider__sync_customers=True,
        provider__deleted_at=None,
        provider__type__in=SYNCING,
    )
    for kind in SYNCING:  # a customer that has been deleted is deleted there all the same
        usable = usable.exclude(
            provider__type=kind,
            customer__disabled_providers__contains=[kind],
            customer__deleted_at=None,
        )
    return usable.order_by("next_at", "pk")


def run(at: datetime, *, seconds: float = RUN_SECONDS) -> int:
    """Send what is due. Returns how many links were taken up. An account that is not available is left for later."""
    end = time.monotonic() + seconds
    count = 0
    with later.advisory_lock(RUNNING) as alone:
        if not alone:
            return 0
        resting: set[UUID] = set()
        for link_id, account_id in list(due(at).values_list("pk", "provider_id")[:MOST_AT_ONCE]):
            if time.monotonic() > end:
                break
            if account_id in resting:
                continue
            count += 1
            if isinstance(push(link_id), Unavailable):
                resting.add(account_id)
    return count


def push(link_id: UUID) -> ProviderError | None:
    """Bring one link up to date, unless another worker has it or it is not due. Returns what went wrong."""
    error = None
    with later.advisory_lock(link_id) as held:
        if not held:
            return None
        for _ in range(ROUNDS):  # the customer may change while its provider is being told
            link = due(timezone.now()).select_related("provider", "customer").filter(pk=link_id).first()
            if link is None:
                return error
            outcome = talk(link)
            error = outcome.error
            settle(link, outcome)
    if error is None and due(timezone.now()).filter(pk=link_id).exists():
        later.send(SEND_LINK, str(link_id))
    return error


def talk(link: ProviderLink) -> Outcome:
    """The call that this link needs; its outcome whatever it is."""
    customer: Any = link.customer
    facts = facts_of(customer)
    known = link.external_id
    try:
        client = calls.client_of(link.provider, timeout=calls.IN_WORKER)
        if customer.deleted_at:
            calls.remove(client, known, facts, attempts=1)
            return Outcome(known, deleted=True)
        if known:
            calls.tell(client, known, link.sent, facts)
        else:
            known = calls.create(client, facts, calls.key_of(link.pk), attempts=link.attempts)
    except ProviderError as error:
        return Outcome(known, error=error)
    return Outcome(known, facts=facts)


@transaction.atomic
def settle(asked: ProviderLink, outcome: Outcome) -> None:
    """Write down what the call came to, beside what has happened to the link and the customer meanwhile."""
    now = timezone.now()
    row = ProviderLink.objects.select_for_update().filter(pk=asked.pk).first()
    if row is None:
        return  # unlinked meanwhile
    # Read after the lock has been waited for: joined to the locked row it could be the customer of before.
    customer = type(asked.customer)._base_manager.select_related("organization").get(pk=row.customer_id)
    if row.external_id != asked.external_id:
        return  # linked to another one meanwhile: it is still due
    if outcome.error is not None:
        fail(row, outcome.error, now)
    elif outcome.deleted:
        row.state, row.next_at, row.error, row.synced_at = LinkState.DELETED, None, "", now
        if customer.erased_at:  # it was kept until now because it deletes
            row.external_id = ""
    else:
        first = not row.external_id
        row.external_id, row.sent, row.synced_at = outcome.external_id, outcome.facts, now
        row.drift, row.error, row.attempts = {}, "", 0
        behind = customer.deleted_at or unsent(row.sent, facts_of(customer))
        row.state, row.next_at = (LinkState.PENDING, now) if behind else (LinkState.SYNCED, None)
        if first:
            link_noted(customer, asked.provider, "", row.external_id, by=BY, at=now)
    row.save()


def fail(row: ProviderLink, error: ProviderError, now: datetime) -> None:
    """Wait longer, or leave it to a person."""
    row.attempts += 1
    row.error = error.message[:500]
    wait = wait_after(row.attempts, error.wait) if isinstance(error, Unavailable) else None
    row.state = LinkState.PENDING if wait else LinkState.FAILED
    row.next_at = now + wait if wait else None
    if isinstance(error, Gone):
        row.state = LinkState.DELETED
