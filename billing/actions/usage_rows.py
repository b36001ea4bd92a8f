"""Writing events that count, and telling a worker of those that a charge bills at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from billing.actions import later
from billing.models.usage_store import EventRow, store
from billing.queries.attachment import Attachment

CALM = 1.0  # seconds between two messages of a process: what comes meanwhile is found by the beat


class Bell:
    """Rings at most once in a while, however many batches come: a message for each would flood the queue."""

    def __init__(self, calm: float) -> None:
        self.calm, self.last = calm, float("-inf")

    def may_ring(self, moment: float) -> bool:
        """Whether enough time has passed; then it has rung."""
        if moment - self.last < self.calm:
            return False
        self.last = moment
        return True


BELL = Bell(CALM)


def write_rows(
    organization_id: UUID,
    rows: Sequence[EventRow],
    at: datetime,
    attachment: Attachment,
    *,
    matched: bool = False,
) -> int:
    """Store rows; how many were new. A worker is woken up for those that a charge bills at once."""
    metrics = {row.metric_id for row in rows} if attachment.in_advance else set()
    at_once = [key for key in attachment.in_advance if key in metrics]
    if at_once and BELL.may_ring(time.monotonic()):
        later.after_commit("invoicing.bill_advance")
    return store(
        organization_id,
        rows,
        at,
        dimensions=attachment.dimensions,
        in_advance=at_once,
        late=attachment.late,
        matched=matched,
    )
