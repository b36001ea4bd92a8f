"""Usage thresholds: when what a subscription has used in its life is worth an invoice before its period ends.

Laws. Amounts are whole minor units without tax. What has been invoiced by progressive invoices of the running period
counts as invoiced, not as current. A fixed threshold is passed when the total (invoiced before + current) reaches it
from below: it fires once in the life of a subscription, and never if the total was above it when it was added. At
most one threshold recurs: it is passed for every further stretch beyond the largest fixed one, counted once a check.

Example: fixed 10, 20, 31, 40; 9 invoiced, 20 current: the total goes from 9 to 29, so 10 and 20 are passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """The amounts of the fixed thresholds in any order, and the one that recurs."""

    fixed: tuple[int, ...] = ()
    recurring: int | None = None

    @property
    def largest(self) -> int:
        """Where the recurring one starts to count."""
        return max(self.fixed, default=0)


@dataclass(frozen=True)
class LifetimeUsage:
    """What a subscription has used in its life, in minor units without tax.

    `historical`: before it came here; `invoiced`: on subscription invoices; `current`: the running period so far,
    whatever of it is billed; `progressive`: what progressive invoices have billed of it.
    """

    historical: int = 0
    invoiced: int = 0
    current: int = 0
    progressive: int = 0

    @property
    def before(self) -> int:
        """Everything that is on an invoice."""
        return self.historical + self.invoiced + self.progressive

    @property
    def unbilled(self) -> int:
        """What no invoice asks for yet; negative when events were taken back after a progressive invoice."""
        return self.current - self.progressive

    @property
    def total(self) -> int:
        """All that was ever used."""
        return self.before + self.unbilled


@dataclass(frozen=True)
class Passed:
    """The thresholds passed by one check: the fixed ones, ascending, and the recurring one's amount or None."""

    fixed: tuple[int, ...] = ()
    recurring: int | None = None

    def __bool__(self) -> bool:
        return bool(self.fixed) or self.recurring is not None

    @property
    def amounts(self) -> tuple[int, ...]:
        """All of them, the recurring one last."""
        return self.fixed if self.recurring is None else (*self.fixed, self.recurring)


def passed(thresholds: Thresholds, usage: LifetimeUsage) -> Passed:
    """Which thresholds the usage that is on no invoice yet has passed."""
    if usage.unbilled < 0:
        return Passed()
    step, before = thresholds.recurring, usage.before
    if before < thresholds.largest:
        fixed = tuple(sorted(amount for amount in thresholds.fixed if before < amount <= usage.total))
        again = step is not None and usage.total - thresholds.largest >= step
        return Passed(fixed, step if again else None)
    again = step is not None and usage.unbilled + before % step >= step
    return Passed((), step if again else None)


def next_amount(thresholds: Thresholds, total: int) -> int | None:
    """The total at which the next threshold is passed, or None when none is left."""
    ahead = [amount for amount in thresholds.fixed if amount > total]
    if ahead:
        return min(ahead)
    if thresholds.recurring is None:
        return None
    start = thresholds.largest
    if total < start:
        return start
    # Beyond the largest one the stretches are counted from zero, as `passed` counts them.
    following = (total // thresholds.recurring + 1) * thresholds.recurring
    return following if following > start else start + thresholds.recurring


def faults(amounts: Sequence[int], recurring: int | None) -> str:
    """What is wrong with thresholds as they were typed; empty when nothing is."""
    if any(amount <= 0 for amount in amounts) or (recurring is not None and recurring <= 0):
        return "A threshold must be more than 0."
    if len(set(amounts)) != len(amounts):
        return "Two thresholds have the same amount."
    return ""
