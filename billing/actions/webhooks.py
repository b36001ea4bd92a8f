"""Events: what happened, written in the transaction in which it happened and told to listeners after it.

`emit` writes the event's row and a delivery for each endpoint that hears it, in the caller's transaction: what is
rolled back is told to nobody, and what is committed is sent at least once (`webhook_sending.py`). After the commit
the handlers that `on` has registered in this process are called. A handler that fails is logged and stops neither
the others nor the request.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from billing.actions import later
from billing.models import EmittedEvent, Organization, WebhookDelivery, WebhookEndpoint
from billing.orm import exact_json
from billing.orm.compiled import Compiled
from billing.rules.event_names import EVENTS, SYNONYMS, names_heard, spellings

logger = logging.getLogger(__name__)

SENDER = "billing.send_webhooks"
WOKEN = "webhooks:woken"
WOKEN_SECONDS = 5

Handler = Callable[[EmittedEvent], Any]
_handlers: dict[str, list[Handler]] = defaultdict(list)


def on(name: str, handler: Handler) -> Callable[[], None]:
    """Call `handler(event)` after each event of that name, or of the name that this one is another spelling of;
    `event.data` is its payload. The handler may be a coroutine function. Returns how to stop it. Also to be had as
    `billing.on`.

    Raises LookupError for a name that no event has.
    """
    known = SYNONYMS.get(name, name)
    if known not in EVENTS:
        raise LookupError(f"No event is called {name}.")
    _handlers[known].append(handler)

    def stop() -> None:
        if handler in _handlers[known]:
            _handlers[known].remove(handler)

    return stop


def emit(
    organization: Organization, name: str, subject: Any, data: Mapping[str, Any], *, at: datetime
) -> EmittedEvent:
    """Write an event in the caller's transaction. `data` is the subject's payload as the API answers it; it is kept
    as JSON (moments and ids as text, amounts as exact numbers).
    """
    if name not in EVENTS:
        raise LookupError(f"No event is called {name}.")
    return write_event(organization, name, subject, data, endpoints_of(organization.pk), at=at)


def emit_if_heard(
    organization: Organization,
    names: Sequence[str],
    subject: Any,
    payload: Callable[[], Mapping[str, Any]],
    *,
    at: datetime,
) -> list[EmittedEvent]:
    """`emit` for what happens hundreds of times a second: the payload is made, once for all these names, and the
    events are written only when somebody listens. One query when nobody does.
    """
    endpoints = endpoints_of(organization.pk)
    told = [name for name in names if is_heard(name, endpoints)]
    if not told:
        return []
    data = payload()
    return [write_event(organization, name, subject, data, endpoints, at=at) for name in told]


def heard(organization_id: UUID, names: Sequence[str]) -> list[str]:
    """Which of these events somebody listens to. One query."""
    endpoints = endpoints_of(organization_id)
    return [name for name in names if is_heard(name, endpoints)]


def heard_there(name: str) -> Exists:
    """Whether an endpoint of a row's organization hears this event, as part of a query that is asked anyway."""
    own = WebhookEndpoint.objects.collecting().filter(organization=OuterRef("organization"))
    return Exists(own.filter(events__overlap=spellings(name)))


def is_heard(name: str, endpoints: Sequence[WebhookEndpoint]) -> bool:
    """Whether a handler or an endpoint listens. LookupError for a name that no event has."""
    if name not in EVENTS:
        raise LookupError(f"No event is called {name}.")
    return bool(_handlers[name]) or any(names_heard(one.events, name) for one in endpoints)


def endpoints_of(organization_id: UUID) -> list[WebhookEndpoint]:
    """The organization's endpoints for which deliveries are written."""
    return list(ENDPOINTS.rows(organization_id))


ENDPOINTS = Compiled(
    lambda organization_id: WebhookEndpoint.objects.of(organization_id).collecting().order_by("pk"), UUID
)


def write_event(
    organization: Organization,
    name: str,
    subject: Any,
    data: Mapping[str, Any],
    endpoints: list[WebhookEndpoint],
    *,
    at: datetime,
) -> EmittedEvent:
    """The event, its deliveries, and the calls after the commit."""
    event = EmittedEvent.objects.create(
        organization=organization,
        name=name,
        subject_id=subject.pk,
        data=exact_json.loads(exact_json.dumps(data)),
        at=at,
    )
    deliver(event, [(one, heard) for one in endpoints for heard in names_heard(one.events, name)])
    if _handlers[name]:
        transaction.on_commit(lambda: tell(event))
    return event


def deliver(event: EmittedEvent, to: list[tuple[WebhookEndpoint, str]]) -> list[WebhookDelivery]:
    """A delivery for each (endpoint, name), to be sent after the commit. Sending goes by the real time, also for a
    sandbox whose clock was moved.
    """
    if not to:
        return []
    now = timezone.now()
    rows = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            organization_id=event.organization_id,
            endpoint_id=endpoint.pk,
            event=event,
            name=name,
            subject_id=event.subject_id,
            due_from=now,
            next_attempt_at=now,
        )
        for endpoint, name in to
    )
    transaction.on_commit(wake_sender)
    return rows


def wake_sender() -> None:
    """Ask a worker to send what is due. Thousands of events in a row wake it once: it takes the mark away before it
    looks, so nothing that is committed later goes unnoticed. Without a cache nobody is woken, and beat's next round
    sends: what is committed already must not fail.
    """
    try:
        first = cache.add(WOKEN, 1, WOKEN_SECONDS)
    except Exception:
        logger.exception("Could not wake the sender of webhooks; the next round will send.")
    else:
        if first:
            later.send(SENDER)


def tell(event: EmittedEvent) -> None:
    """Call the handlers of an event, each on its own."""
    for handler in list(_handlers[event.name]):
        try:
            answer = handler(event)
            if inspect.iscoroutine(answer):
                asyncio.run(answer)
        except Exception:  # one handler of many: the others are still called
            logger.exception("A handler of %s failed for event %s.", event.name, event.pk)
