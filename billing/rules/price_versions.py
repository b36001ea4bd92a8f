"""Versions of a plan's prices, and which of them a subscription pays when.

Laws.
- Changing the prices of a plan that somebody has subscribed to keeps the old ones as a version; versions count up.
- Terms that were agreed with one subscription are a version that nobody else pays; it stays on it until other terms
  are agreed or these are given up.
- A subscription pays the version it began with until it is moved. A move holds from a moment on; a later move takes
  back those that were planned for its moment or after it. What begins before a move is billed as it was.

Example: begun with version 1, on 10 January moved to 2 from 1 February on: January costs version 1, also when it is
billed in March. On 15 January moved to 3 from 1 January on: January costs 3 as well, and version 2 never counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

# Versions from this number on belong to one subscription: terms of its own, which follow no change of the plan.
OWN = 1_000_000_000


def is_own(version: int) -> bool:
    """Whether a version is the terms of one subscription."""
    return version >= OWN


@dataclass(frozen=True)
class Move:
    """From `since` on, `version` counts. Pass moves in the order in which they were made."""

    version: int
    since: datetime


def version_at(base: int, moves: Iterable[Move], at: datetime) -> int:
    """The version that counts for what begins at a moment; `base` is the one it began with."""
    kept: list[Move] = []
    for move in moves:
        kept = [*(earlier for earlier in kept if earlier.since < move.since), move]
    return next((move.version for move in reversed(kept) if move.since <= at), base)
