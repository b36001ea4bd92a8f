"""State tables: complete, and ends are ends."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from billing.rules.errors import Conflict
from billing.rules.states import (
    APPLIED_COUPON_MOVES,
    BILLABLE,
    JOB_MOVES,
    LIVE,
    OPEN,
    SUBSCRIPTION_MOVES,
    WALLET_MOVES,
    SubscriptionStatus,
    can_move,
    move,
)

TABLES: list[Mapping[Any, frozenset[Any]]] = [
    SUBSCRIPTION_MOVES,
    WALLET_MOVES,
    APPLIED_COUPON_MOVES,
    JOB_MOVES,
]


@pytest.mark.parametrize("table", TABLES)
def test_every_state_has_a_row_and_none_leads_to_itself(table: Mapping[Any, frozenset[Any]]) -> None:
    states = type(next(iter(table)))
    assert issubclass(states, StrEnum)
    assert set(table) == set(states)
    for old, reachable in table.items():
        assert old not in reachable
        assert reachable <= set(states)


def test_subscription_moves() -> None:
    status = SubscriptionStatus
    assert move(SUBSCRIPTION_MOVES, status.PENDING, status.ACTIVE) is status.ACTIVE
    for ended in (status.CANCELED, status.TERMINATED):
        assert not any(can_move(SUBSCRIPTION_MOVES, ended, new) for new in status)
        with pytest.raises(Conflict) as refused:
            move(SUBSCRIPTION_MOVES, ended, status.ACTIVE)
        assert (refused.value.status, refused.value.code) == (409, "invalid_move")
    with pytest.raises(Conflict, match="Cannot go from past due to pending"):
        move(SUBSCRIPTION_MOVES, status.PAST_DUE, status.PENDING)


def test_named_sets() -> None:
    assert BILLABLE < LIVE < OPEN
    assert {s for s in SubscriptionStatus if not SUBSCRIPTION_MOVES[s]} == set(SubscriptionStatus) - OPEN
