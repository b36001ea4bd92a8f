"""The events buffer of the asynchronous client: a task sends."""

from __future__ import annotations

import asyncio
import atexit
import os
import time
from types import TracebackType
from typing import Any, Awaitable, Callable, List, Mapping, Optional, Sequence, Type

from .._batching import LAST_TRY, Failed, OnFailed, Pending, Queue, occurred, tell, tell_async
from .._wire import to_json
from ..errors import BufferFullError, NovaBillingError
from ..fields.base import Moment, Number
from ..types import BatchResult

Send = Callable[[Sequence[Pending]], Awaitable[BatchResult]]


class AsyncEventBuffer:
    """Takes events from the tasks of one event loop and sends them in batches in the background.

    An event that `add` has taken is delivered, or given to `on_failed`, which may be a coroutine function, and kept
    in `failed`. Close it before the loop ends, best by `async with`: what is held at the exit of the interpreter has
    failed.
    """

    def __init__(
        self,
        send: Send,
        *,
        batch_size: int = 1000,
        interval: float = 1.0,
        max_events: int = 10_000,
        on_failed: Optional[OnFailed] = None,
    ) -> None:
        self._send = send
        self._on_failed = on_failed
        self._queue = Queue(batch_size, interval, max_events)
        self._closed = False
        self._deadline: Optional[float] = None
        self._task: Optional[asyncio.Task[None]] = None
        self._changed: Optional[asyncio.Event] = None
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    # --- For callers
    async def add(
        self,
        *,
        subscription_id: str,
        code: str,
        transaction_id: Optional[str] = None,
        timestamp: Optional[Moment] = None,
        properties: Optional[Mapping[str, Any]] = None,
        precise_total_amount: Optional[Number] = None,
        timeout: Optional[float] = None,
    ) -> str:
        """Take an event of now, or of `timestamp`; its transaction id. While the buffer is full it waits, `timeout`
        seconds at most, then raises BufferFullError: the event was not taken. Within `on_failed` it does not wait,
        since nothing is sent meanwhile. Raises ValueError or TypeError for what cannot be sent.
        """
        event = occurred(
            {
                "subscription_id": subscription_id,
                "code": code,
                "transaction_id": transaction_id,
                "timestamp": timestamp,
                "properties": properties,
                "precise_total_amount": precise_total_amount,
            }
        )
        to_json(event)
        until = None if timeout is None else time.monotonic() + timeout
        while not self._closed and self._queue.full:
            left = None if until is None else until - time.monotonic()
            if self._queue.stuck or self._is_sender or (left is not None and left <= 0):
                raise BufferFullError("The buffer is full. take_failed() makes room for what has failed.")
            await self._wait(left)
        if self._closed:
            raise NovaBillingError("The buffer is closed.")
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._queue.add(event, time.monotonic())
        self._notify()
        return str(event["transaction_id"])

    async def flush(self, timeout: Optional[float] = None) -> bool:
        """Send all that was added until now; whether all of it was settled, delivered or failed, within `timeout`.
        Within `on_failed` it does not wait.
        """
        target = self._queue.added
        until = None if timeout is None else time.monotonic() + timeout
        self._queue.wanted = max(self._queue.wanted, target)
        self._notify()
        while self._queue.settled < target and not (self._closed or self._is_sender):
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return False
            await self._wait(left)
        return self._queue.settled >= target

    async def close(self, timeout: float = LAST_TRY) -> None:
        """Send what waits and take no more. What is not delivered after `timeout` seconds has failed."""
        if self._closed:
            return
        self._closed = True
        self._deadline = time.monotonic() + timeout
        self._notify()
        if self._is_sender:
            await self._run()
        elif self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)
            self._task.cancel()
        await self._fail(self._queue.give_up())
        atexit.unregister(self._at_exit)

    @property
    def pending(self) -> int:
        """Events for which there is no answer yet."""
        return self._queue.held

    @property
    def delivered(self) -> int:
        """Events that the server has."""
        return self._queue.delivered

    @property
    def failed(self) -> List[Failed]:
        """Events that could not be delivered, each with its reason."""
        return self._queue.failed

    def take_failed(self) -> List[Failed]:
        """The failed events; they are forgotten here and make room."""
        rows = self._queue.take_failed()
        self._notify()
        return rows

    async def __aenter__(self) -> AsyncEventBuffer:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    # --- In the background
    @property
    def _is_sender(self) -> bool:
        """Whether this is the task that sends: it must not wait for itself."""
        return self._task is not None and asyncio.current_task() is self._task

    async def _run(self) -> None:
        """Send until the buffer is closed and empty, or out of time."""
        while True:
            batch = await self._next()
            if batch is None:
                return
            try:
                rows = self._queue.answered(await self._send(batch))
            except Exception as error:  # whatever it was, the events are settled or tried again
                rows = self._queue.refused(error, time.monotonic())
            await self._fail(rows)
            self._notify()

    async def _next(self) -> Optional[List[Pending]]:
        """Wait for the next batch; None at the end."""
        while True:
            now = time.monotonic()
            wait = self._queue.due_in(now, hurry=self._closed)
            if self._deadline is not None and (wait is None or now + wait > self._deadline):
                return None
            if wait == 0:
                return self._queue.take(now)
            await self._wait(wait)

    async def _fail(self, rows: List[Failed]) -> None:
        """Tell of failed events, and keep them."""
        told = False
        try:
            told = bool(rows) and await tell_async(self._on_failed, rows)
        finally:  # also when it was cancelled on the way
            self._queue.keep(rows, told)

    def _at_exit(self) -> None:
        """What is still held has failed. In a forked child it is the parent's."""
        rows = self._queue.give_up() if self._pid == os.getpid() else []
        if rows:
            self._queue.keep(rows, tell(self._on_failed, rows))

    def _notify(self) -> None:
        """Wake all that wait."""
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    async def _wait(self, seconds: Optional[float]) -> None:
        """Until something has changed, so many seconds at most."""
        if self._changed is None:
            self._changed = asyncio.Event()
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except asyncio.TimeoutError:
            return
