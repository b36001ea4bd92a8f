"""From one plan to another: which way it goes, and when it takes effect.

Law: plans are compared by what they cost a year, a year having 52 weeks. As much or more is an upgrade and takes
effect at once; less is a downgrade and waits for the end of the running period.

Example: 12.00 a week is 624.00 a year, 50.00 a month 600.00: from the first to the second is a downgrade.
"""

from __future__ import annotations

from enum import StrEnum

from billing.rules.periods import PER_YEAR, Interval


class Direction(StrEnum):
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"


class When(StrEnum):
    """When a change takes effect."""

    NOW = "now"
    PERIOD_END = "period_end"


USUAL = {Direction.UPGRADE: When.NOW, Direction.DOWNGRADE: When.PERIOD_END}


def yearly_minor(amount_minor: int, interval: str) -> int:
    """What a fee per period comes to in a year."""
    return amount_minor * PER_YEAR[Interval(interval)]


def direction(old_yearly: int, new_yearly: int) -> Direction:
    """Upgrade or downgrade; as much counts as an upgrade."""
    return Direction.UPGRADE if new_yearly >= old_yearly else Direction.DOWNGRADE
