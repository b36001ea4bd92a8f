"""States as tables: what may become what, and the sets that the business asks for by name.

Law: `move(MOVES, old, new)` returns `new` when the table allows it and raises Conflict otherwise.
Example: an active subscription may become terminated; a terminated one stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from billing.rules.errors import Conflict

State = TypeVar("State", bound=StrEnum)


class SubscriptionStatus(StrEnum):
    """The life of a subscription."""

    PENDING = "pending"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAUSED = "paused"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    TERMINATED = "terminated"


LIVE = frozenset({SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
OPEN = LIVE | {SubscriptionStatus.PENDING, SubscriptionStatus.PAUSED}

SUBSCRIPTION_MOVES: Mapping[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    SubscriptionStatus.PENDING: frozenset(
        {SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELED}
    ),
    SubscriptionStatus.TRIALING: frozenset(
        {SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED, SubscriptionStatus.TERMINATED}
    ),
    SubscriptionStatus.ACTIVE: frozenset(
        {SubscriptionStatus.PAUSED, SubscriptionStatus.PAST_DUE, SubscriptionStatus.TERMINATED}
    ),
    SubscriptionStatus.PAUSED: frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.TERMINATED}),
    SubscriptionStatus.PAST_DUE: frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.TERMINATED}),
    SubscriptionStatus.CANCELED: frozenset(),
    SubscriptionStatus.TERMINATED: frozenset(),
}


class JobState(StrEnum):
    """The life of a background job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


def move(moves: Mapping[State, frozenset[State]], old: State, new: State) -> State:
    """The new state, or Conflict when the table does not allow the step."""
    if new not in moves[old]:
        raise Conflict(f"What is {old.value} cannot become {new.value}.", code="invalid_state")
    return new
