"""The rules of the events buffer, the same for threads and tasks: what is sent when, and what became of it."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from datetime import datetime, timezone
from typing import Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Sequence
from uuid import uuid4

from ._http import LONGEST_ASKED_WAIT, pause
from ._wire import given
from .errors import APIConnectionError, APIStatusError, NovaBillingError
from .types import BatchResult

logger = logging.getLogger("novabilling")
Pending = Dict[str, Any]
MOST = 1000  # events of a batch
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
TOO_LARGE = 413
REFUSED = frozenset({"conflict", "invalid"})
LAST_TRY = 30.0  # seconds that close() tries for


class Failed(NamedTuple):
    """An event that was not taken, and why: `event` can be added again."""

    event: Pending
    reason: str


OnFailed = Callable[[Sequence[Failed]], Any]


def event_of(
    *,
    subscription_id: str,
    code: str,
    transaction_id: Optional[str] = None,
    timestamp: Any = None,
    properties: Optional[Mapping[str, Any]] = None,
    precise_total_amount: Any = None,
) -> Pending:
    """An event as it is sent. It gets a transaction id of its own, so that a repeat never counts twice."""
    return given(
        transaction_id=transaction_id or uuid4().hex,
        subscription_id=subscription_id,
        code=code,
        timestamp=timestamp,
        properties=None if properties is None else dict(properties),
        precise_total_amount=None if precise_total_amount is None else str(precise_total_amount),
    )


def occurred(event: Mapping[str, Any]) -> Pending:
    """An event of now: it may wait before it is sent, so that its time is noted at once."""
    found = event_of(**event)
    found.setdefault("timestamp", datetime.now(timezone.utc))
    return found


def temporary(error: Exception) -> bool:
    """Whether the same events may be taken later."""
    if isinstance(
        error, APIStatusError
    ):  # a conflict that says when to come back: the first try is still running
        return error.status_code in TEMPORARY or (error.status_code == 409 and error.retry_after is not None)
    return isinstance(error, APIConnectionError)


def too_large(error: Exception) -> bool:
    """Whether fewer events at once may be taken."""
    return isinstance(error, NovaBillingError) and error.status_code == TOO_LARGE


class Queue:
    """What waits, what is on its way and what has failed. The caller locks, and says what time it is (seconds of any
    clock that never goes back).
    """

    def __init__(self, batch_size: int, interval: float, max_events: int) -> None:
        if not 1 <= batch_size <= MOST:
            raise ValueError("batch_size is 1 to {:,}.".format(MOST))
        if max_events < batch_size:
            raise ValueError("max_events is at least batch_size.")
        if interval < 0:
            raise ValueError("interval is 0 or more seconds.")
        self.batch_size, self.interval, self.max_events = batch_size, interval, max_events
        self.waiting: Deque[Pending] = deque()
        self.sending: List[Pending] = []
        self.untaken: List[Failed] = []  # failed, and no callback has taken them: never dropped
        self.taken: Deque[Failed] = deque(maxlen=max_events)
        self.size = batch_size  # smaller while the server finds batches too large
        self.attempt = 0
        self.since = self.resume_at = 0.0
        self.added = self.settled = self.delivered = 0
        self.wanted = 0  # flush(): so many of all events that were ever added are to be settled

    @property
    def held(self) -> int:
        """Events for which there is no answer yet."""
        return len(self.waiting) + len(self.sending)

    @property
    def full(self) -> bool:
        """Whether another event has to wait. Failed ones that nobody has taken count, too."""
        return self.held + len(self.untaken) >= self.max_events

    @property
    def stuck(self) -> bool:
        """Whether waiting would not help: the room is taken by failed events that somebody has to take."""
        return len(self.untaken) >= self.max_events

    def add(self, event: Pending, now: float) -> None:
        """Take an event."""
        if not self.waiting:
            self.since = now
        self.waiting.append(event)
        self.added += 1

    def due_in(self, now: float, hurry: bool) -> Optional[float]:
        """Seconds until the next batch is to be sent; None while nothing waits."""
        if not self.waiting:
            return None
        hurry = hurry or self.settled < self.wanted or len(self.waiting) >= self.size
        start = now if hurry else self.since + self.interval
        return max(0.0, start - now, self.resume_at - now)

    def take(self, now: float) -> List[Pending]:
        """The next batch, to be sent; first what was on its way when the sender was stopped."""
        self.waiting.extendleft(reversed(self.sending))
        self.sending = [self.waiting.popleft() for _ in range(min(self.size, len(self.waiting)))]
        self.since = now
        return self.sending

    def answered(self, result: BatchResult) -> List[Failed]:
        """The batch was taken, save the events that are returned."""
        results = result.results or []
        sent, self.sending, self.attempt = self.sending, [], 0
        self.size = min(self.batch_size, self.size * 2)
        failed = [
            Failed(event, "{}: {}".format(row.status, row.reason or "refused"))
            for event, row in zip(sent, results)
            if row.status in REFUSED
        ]
        failed += [Failed(event, "the server gave no result") for event in sent[len(results) :]]
        self.delivered += len(sent) - len(failed)
        self.settled += len(sent) - len(failed)
        return failed

    def refused(self, error: Exception, now: float) -> List[Failed]:
        """The batch was not taken: it waits for another try, save the events that are returned."""
        sent, self.sending = self.sending, []
        if too_large(error) and len(sent) > 1:
            self.waiting.extendleft(reversed(sent))
            self.size = max(1, len(sent) // 2)
            return []
        if not temporary(error):
            self.attempt = 0
            return [Failed(event, str(error)) for event in sent]
        self.waiting.extendleft(reversed(sent))
        self.attempt += 1
        asked = getattr(error, "retry_after", None) or 0.0
        self.resume_at = now + max(pause(min(self.attempt, 6)) or 0.0, min(asked, LONGEST_ASKED_WAIT))
        return []

    def give_up(self) -> List[Failed]:
        """All that is still held, as failed."""
        left = [*self.sending, *self.waiting]
        self.sending = []
        self.waiting.clear()
        return [Failed(event, "the buffer was closed before the server had answered") for event in left]

    def keep(self, rows: Sequence[Failed], told: bool) -> None:
        """Remember failed events. Those that a callback has taken make room for newer ones; others never do."""
        self.settled += len(rows)
        if told:
            self.taken.extend(rows)
        elif rows:
            self.untaken.extend(rows)
            logger.error("%d events could not be delivered: %s", len(rows), rows[0].reason)

    @property
    def failed(self) -> List[Failed]:
        """The failed events that are remembered."""
        return [*self.taken, *self.untaken]

    def take_failed(self) -> List[Failed]:
        """The failed events, which are then forgotten here."""
        rows = self.failed
        self.taken.clear()
        self.untaken.clear()
        return rows

    def forget(self) -> None:
        """In a forked child: what is held is the parent's, who sends it."""
        self.waiting.clear()
        self.take_failed()
        self.sending, self.attempt, self.resume_at = [], 0, 0.0
        self.added = self.settled = self.delivered = self.wanted = 0


def tell(on_failed: Optional[OnFailed], rows: Sequence[Failed]) -> bool:
    """Whether a callback has taken the events. One that raises has not, nor one that would have to be awaited."""
    if on_failed is None:
        return False
    try:
        answer = on_failed(rows)
    except Exception:
        logger.exception("on_failed raised; the events are kept.")
        return False
    if inspect.iscoroutine(answer):
        answer.close()
        logger.error("on_failed cannot be awaited here; the events are kept.")
        return False
    return True


async def tell_async(on_failed: Optional[OnFailed], rows: Sequence[Failed]) -> bool:
    """`tell`, for callbacks of either kind."""
    if on_failed is None:
        return False
    try:
        answer = on_failed(rows)
        if inspect.isawaitable(answer):
            await answer
    except Exception:
        logger.exception("on_failed raised; the events are kept.")
        return False
    return True
