"""Events: what happened, written in the transaction in which it happened and told to listeners after it.

`emit` writes the event's row; once the transaction has been committed, the handlers that `on` has registered in this
process are called. A handler that fails is logged and stops neither the others nor the request.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions.audit import plain
from billing.models import EmittedEvent, Organization
from billing.rules.event_names import EVENTS

logger = logging.getLogger(__name__)

Handler = Callable[[EmittedEvent], Any]
_handlers: dict[str, list[Handler]] = defaultdict(list)


def on(name: str, handler: Handler) -> Callable[[], None]:
    """Call `handler(event)` after each event of that name; `event.data` is its payload. Returns how to stop it.

    Raises LookupError for a name that no event has.
    """
    if name not in EVENTS:
        raise LookupError(f"No event is called {name}.")
    _handlers[name].append(handler)

    def stop() -> None:
        if handler in _handlers[name]:
            _handlers[name].remove(handler)

    return stop


def emit(
    organization: Organization, name: str, subject: Any, data: Mapping[str, Any], *, at: datetime
) -> EmittedEvent:
    """Write an event in the caller's transaction. `data` is the subject's payload, camelCase, in plain JSON values
    (dates and decimals become text).
    """
    if name not in EVENTS:
        raise LookupError(f"No event is called {name}.")
    event = EmittedEvent.objects.create(
        organization=organization, name=name, subject_id=subject.pk, data=plain(data), at=at
    )
    if _handlers[name]:
        transaction.on_commit(lambda: tell(event))
    return event


def tell(event: EmittedEvent) -> None:
    """Call the handlers of an event, each on its own."""
    for handler in list(_handlers[event.name]):
        try:
            handler(event)
        except Exception:  # one handler of many: the others are still called
            logger.exception("A handler of %s failed for event %s.", event.name, event.pk)
