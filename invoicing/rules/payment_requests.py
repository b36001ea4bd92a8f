"""A payment request: one demand for several overdue invoices, and what becomes of it.

Laws. It asks for invoices of one customer, one currency and one issuer that are overdue when it is made. It is open
until nothing is due of any of them, whatever has settled them: then it has succeeded when money came for one of them
since, else it is canceled (they were voided, credited or given up). An invoice stands on one open request at most:
another request for it replaces the older one. A failed one is open still: the last try to be paid online was refused.

Example: two invoices over 100.00 and 50.00. The first is paid, the second is voided: succeeded. Had the first been
written off instead: canceled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from billing.rules.states import Moves


class RequestStatus(StrEnum):
    """Where a payment request stands."""

    PENDING = "pending"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


_REQ = RequestStatus
REQUEST_MOVES: Moves[RequestStatus] = {
    _REQ.PENDING: frozenset({_REQ.FAILED, _REQ.SUCCEEDED, _REQ.CANCELED}),
    _REQ.FAILED: frozenset({_REQ.PENDING, _REQ.SUCCEEDED, _REQ.CANCELED}),
    _REQ.SUCCEEDED: frozenset(),
    _REQ.CANCELED: frozenset(),
}
OPEN = frozenset({_REQ.PENDING, _REQ.FAILED})
OPEN_VALUES = tuple(sorted(status.value for status in OPEN))


class CloseReason(StrEnum):
    """Why a request is not open any more."""

    PAID = "paid"
    SETTLED = "settled"  # nothing is due any more, and no money came
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class AskedFor:
    """An invoice of a request, in minor units: what is due of it now, and what came in for it since."""

    due_minor: int
    came_minor: int


def outcome(parts: Iterable[AskedFor]) -> tuple[RequestStatus, CloseReason] | None:
    """How a request ends by itself; None while something is due."""
    rows = list(parts)
    if any(row.due_minor > 0 for row in rows):
        return None
    if any(row.came_minor > 0 for row in rows):
        return RequestStatus.SUCCEEDED, CloseReason.PAID
    return RequestStatus.CANCELED, CloseReason.SETTLED
