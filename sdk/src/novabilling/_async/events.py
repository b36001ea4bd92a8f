"""Usage events."""

from __future__ import annotations

from typing import Any, AsyncIterator, Dict, Mapping, Optional, Sequence

from typing_extensions import Unpack

from .._batching import Failed, OnFailed, event_of
from .._wire import path
from ..fields import EventQuery, Moment, Number
from ..types import BatchResult, Event, EventResult, PaginatedResponse
from .buffer import AsyncEventBuffer
from .resource import AsyncResource

__all__ = ["AsyncEventsResource", "Failed"]


class AsyncEventsResource(AsyncResource):
    """`client.events`"""

    async def send(
        self,
        *,
        subscription_id: str,
        code: str,
        transaction_id: Optional[str] = None,
        timestamp: Optional[Moment] = None,
        properties: Optional[Mapping[str, Any]] = None,
        precise_total_amount: Optional[Number] = None,
        idempotency_key: Optional[str] = None,
    ) -> EventResult:
        """Report usage. The same `transaction_id` counts once; without one it gets its own. A subscription is named
        by id or external id.
        """
        event = event_of(
            subscription_id=subscription_id,
            code=code,
            transaction_id=transaction_id,
            timestamp=timestamp,
            properties=properties,
            precise_total_amount=precise_total_amount,
        )
        return await self._call(EventResult, "POST", "/events", body=event, idempotency_key=idempotency_key)

    async def send_batch(
        self, events: Sequence[Mapping[str, Any]], *, idempotency_key: Optional[str] = None
    ) -> BatchResult:
        """Up to 1,000 events with the fields of `send`; a result for each, in order: one that is wrong rejects no
        other.
        """
        body: Dict[str, Any] = {"events": [event_of(**event) for event in events]}
        return await self._call(
            BatchResult, "POST", "/events/batch", body=body, idempotency_key=idempotency_key
        )

    async def get(self, transaction_id: str, *, subscription_id: Optional[str] = None) -> Event:
        """One event."""
        query = {"subscription_id": subscription_id}
        return await self._call(Event, "GET", path("/events/{}", transaction_id), query=query)

    async def list(self, **query: Unpack[EventQuery]) -> PaginatedResponse[Event]:
        """A page of events, newest first."""
        return await self._list(Event, "/events", query)

    def iterate(self, **query: Unpack[EventQuery]) -> AsyncIterator[Event]:
        """All events that the query finds, over all pages."""
        return self._walk(Event, "/events", query)

    def buffer(
        self,
        *,
        batch_size: int = 1000,
        interval: float = 1.0,
        max_events: int = 10_000,
        on_failed: Optional[OnFailed] = None,
    ) -> AsyncEventBuffer:
        """A buffer that sends events in batches in the background: when `batch_size` wait, or the oldest has waited
        `interval` seconds, at `flush()` and at `close()`. `add` waits while `max_events` are held. What could not be
        delivered is given to `on_failed` and kept in `failed`. Closing the client closes it, too.
        """
        made = AsyncEventBuffer(
            self.send_batch,
            batch_size=batch_size,
            interval=interval,
            max_events=max_events,
            on_failed=on_failed,
        )
        self._transport.buffers.add(made)
        return made
