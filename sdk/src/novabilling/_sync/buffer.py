"""The events buffer of the synchronous client: a thread sends."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Callable, List, Mapping, Optional, Sequence, Type

from .._batching import LAST_TRY, Failed, OnFailed, Pending, Queue, occurred, tell
from .._wire import to_json
from ..errors import BufferFullError, NovaBillingError
from ..fields.base import Moment, Number
from ..types import BatchResult

Send = Callable[[Sequence[Pending]], BatchResult]
_buffers: "weakref.WeakSet[EventBuffer]" = weakref.WeakSet()


class EventBuffer:
    """Takes events from any thread and sends them in batches in the background.

    An event that `add` has taken is delivered, or given to `on_failed` and kept in `failed`: none is lost silently,
    as long as the process is not killed. At the exit of the interpreter the buffer closes itself. A forked child
    starts with an empty one; what waits is sent by the parent.
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
        self._begin()
        _buffers.add(self)
        atexit.register(self.close)

    def _begin(self) -> None:
        self._state = threading.Condition()
        self._thread: Optional[threading.Thread] = None

    # --- For callers
    def add(
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
        with self._state:
            while not self._closed and self._queue.full:
                left = None if until is None else until - time.monotonic()
                if self._queue.stuck or self._is_sender or (left is not None and left <= 0):
                    raise BufferFullError("The buffer is full. take_failed() makes room for what has failed.")
                self._state.wait(left)
            if self._closed:
                raise NovaBillingError("The buffer is closed.")
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="novabilling-events", daemon=True)
                self._thread.start()
            self._queue.add(event, time.monotonic())
            self._state.notify_all()
        return str(event["transaction_id"])

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Send all that was added until now; whether all of it was settled, delivered or failed, within `timeout`.
        Within `on_failed` it does not wait.
        """
        with self._state:
            target = self._queue.added
            self._queue.wanted = max(self._queue.wanted, target)
            self._state.notify_all()
            if not self._is_sender:
                self._state.wait_for(lambda: self._queue.settled >= target or self._closed, timeout)
            return self._queue.settled >= target

    def close(self, timeout: float = LAST_TRY) -> None:
        """Send what waits and take no more. What is not delivered after `timeout` seconds has failed."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._deadline = time.monotonic() + timeout
            self._state.notify_all()
            thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(timeout)
        else:
            self._run()
        with self._state:
            rows = self._queue.give_up()
        self._fail(rows)
        atexit.unregister(self.close)

    @property
    def pending(self) -> int:
        """Events for which there is no answer yet."""
        with self._state:
            return self._queue.held

    @property
    def delivered(self) -> int:
        """Events that the server has."""
        with self._state:
            return self._queue.delivered

    @property
    def failed(self) -> List[Failed]:
        """Events that could not be delivered, each with its reason."""
        with self._state:
            return self._queue.failed

    def take_failed(self) -> List[Failed]:
        """The failed events; they are forgotten here and make room."""
        with self._state:
            rows = self._queue.take_failed()
            self._state.notify_all()
            return rows

    def __enter__(self) -> EventBuffer:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    # --- In the background
    @property
    def _is_sender(self) -> bool:
        """Whether this is the thread that sends: it must not wait for itself."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        """Send until the buffer is closed and empty, or out of time."""
        while True:
            with self._state:
                batch = self._next()
            if batch is None:
                return
            try:
                result, fault = self._send(batch), None
            except Exception as error:  # whatever it was, the events are settled or tried again
                result, fault = BatchResult(), error
            with self._state:
                now = time.monotonic()
                rows = self._queue.answered(result) if fault is None else self._queue.refused(fault, now)
            self._fail(rows)
            with self._state:
                self._state.notify_all()

    def _next(self) -> Optional[List[Pending]]:
        """Wait for the next batch; None at the end. The lock is held."""
        while True:
            now = time.monotonic()
            wait = self._queue.due_in(now, hurry=self._closed)
            if self._deadline is not None and (wait is None or now + wait > self._deadline):
                return None
            if wait == 0:
                return self._queue.take(now)
            self._state.wait(wait)

    def _fail(self, rows: List[Failed]) -> None:
        """Tell of failed events, and keep them."""
        if rows:
            told = tell(self._on_failed, rows)
            with self._state:
                self._queue.keep(rows, told)
                self._state.notify_all()

    def _in_child(self) -> None:
        """After a fork: the thread and the lock are the parent's."""
        self._begin()
        self._queue.forget()


def _after_fork() -> None:
    for buffer in list(_buffers):
        buffer._in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
