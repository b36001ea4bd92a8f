"""States and the moves between them.

Law: a state changes only along its table; everything else is refused. Staying where one is counts
as no move and is refused too, so that doing a thing twice is noticed by the caller.

Example: `move(SUBSCRIPTION_MOVES, SubscriptionStatus.PENDING, SubscriptionStatus.ACTIVE)` answers
ACTIVE; from TERMINATED it raises Conflict.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from billing.rules.errors import Conflict

S = TypeVar("S", bound=StrEnum)
Moves = Mapping[S, frozenset[S]]


class SubscriptionStatus(StrEnum):
    PENDING = "pending"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAUSED = "paused"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    TERMINATED = "terminated"


class WalletStatus(StrEnum):
    ACTIVE = "active"
    TERMINATED = "terminated"


class AppliedCouponStatus(StrEnum):
    ACTIVE = "active"
    TERMINATED = "terminated"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_SUB = SubscriptionStatus
SUBSCRIPTION_MOVES: Moves[SubscriptionStatus] = {
    _SUB.PENDING: frozenset({_SUB.TRIALING, _SUB.ACTIVE, _SUB.CANCELED}),
    _SUB.TRIALING: frozenset({_SUB.ACTIVE, _SUB.PAUSED, _SUB.CANCELED, _SUB.TERMINATED}),
    _SUB.ACTIVE: frozenset({_SUB.PAUSED, _SUB.PAST_DUE, _SUB.CANCELED, _SUB.TERMINATED}),
    _SUB.PAUSED: frozenset({_SUB.TRIALING, _SUB.ACTIVE, _SUB.CANCELED, _SUB.TERMINATED}),
    _SUB.PAST_DUE: frozenset({_SUB.ACTIVE, _SUB.PAUSED, _SUB.CANCELED, _SUB.TERMINATED}),
    _SUB.CANCELED: frozenset(),
    _SUB.TERMINATED: frozenset(),
}
WALLET_MOVES: Moves[WalletStatus] = {
    WalletStatus.ACTIVE: frozenset({WalletStatus.TERMINATED}),
    WalletStatus.TERMINATED: frozenset(),
}
# A voided invoice gives its coupon back, so a used-up one can become active again.
APPLIED_COUPON_MOVES: Moves[AppliedCouponStatus] = {
    AppliedCouponStatus.ACTIVE: frozenset({AppliedCouponStatus.TERMINATED}),
    AppliedCouponStatus.TERMINATED: frozenset({AppliedCouponStatus.ACTIVE}),
}
# A running job whose worker was killed is queued again by the sweeper.
JOB_MOVES: Moves[JobState] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.QUEUED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
}

# Subscriptions that are running: they show usage, can be ended and keep their external id taken.
LIVE: frozenset[SubscriptionStatus] = frozenset({_SUB.TRIALING, _SUB.ACTIVE, _SUB.PAUSED, _SUB.PAST_DUE})
# Live ones that the billing run makes invoices for (usage is billed during a trial, too).
BILLABLE: frozenset[SubscriptionStatus] = frozenset({_SUB.TRIALING, _SUB.ACTIVE, _SUB.PAST_DUE})
# Live or still to come.
OPEN: frozenset[SubscriptionStatus] = LIVE | {_SUB.PENDING}
# Over: nothing leads out of them.
ENDED: frozenset[SubscriptionStatus] = frozenset({_SUB.CANCELED, _SUB.TERMINATED})


def can_move(table: Moves[S], old: S, new: S) -> bool:
    """Whether `table` leads from `old` to `new`."""
    return new in table.get(old, frozenset())


def move(table: Moves[S], old: S, new: S) -> S:
    """`new`, or Conflict (code invalid_move) when the table has no such move."""
    if not can_move(table, old, new):
        raise Conflict(f"Cannot go from {_word(old)} to {_word(new)}.", code="invalid_move", field="status")
    return new


def _word(state: StrEnum) -> str:
    return str(state).replace("_", " ")
