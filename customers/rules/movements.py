"""How monthly recurring revenue moved from month to month: new, expansion, contraction and churn.

Law. A subscription is in force from the moment that its fee counts (its start, or the end of its trial) until
its end. What a customer is worth at a moment is the sum of the monthly fees in force then. Between the beginning
and the end of a month, with worths `before` and `after`:

- nothing before, something after: all of it is *new*, also when the customer comes back after a pause of months;
- something before, nothing after: all of it is *churn*;
- more after than before: the difference is *expansion*; less: *contraction*.

So `start + new + expansion - contraction - churn = end`, every month. What begins and ends within one month leaves no
trace. Fees are those of today's plans; usage, discounts and taxes do not count.

Example. A customer pays 100 from 10 January, moves to a plan of 150 on 5 February (the first subscription ends, the
second begins) and leaves on 20 March: January new 100, February expansion 50, March churn 150.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise


@dataclass(frozen=True)
class Span:
    """A fee of `minor` a month of one customer, from `start` until `end` (None: still in force)."""

    customer: object
    start: datetime
    end: datetime | None
    minor: int

    def covers(self, moment: datetime) -> bool:
        """Whether it is in force then: the start belongs to it, the end does not."""
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True)
class Movement:
    """What happened between two moments. All parts are positive minor units of one currency."""

    start: int = 0
    new: int = 0
    expansion: int = 0
    contraction: int = 0
    churn: int = 0

    @property
    def end(self) -> int:
        """What recurs at the end."""
        return self.start + self.new + self.expansion - self.contraction - self.churn


def movements(spans: Iterable[Span], moments: Sequence[datetime]) -> list[Movement]:
    """One movement between each two neighbours of `moments` (ascending), so one fewer than there are moments."""
    worth = [defaultdict[object, int](int) for _ in moments]
    for span in spans:
        for at, moment in enumerate(moments):
            if span.covers(moment):
                worth[at][span.customer] += span.minor
    return [between(before, after) for before, after in pairwise(worth)]


def between(before: dict[object, int], after: dict[object, int]) -> Movement:
    """The movement from one set of worths by customer to another."""
    new = expansion = contraction = churn = 0
    for customer in before.keys() | after.keys():
        old, now = before.get(customer, 0), after.get(customer, 0)
        if not old:
            new += now
        elif not now:
            churn += old
        elif now > old:
            expansion += now - old
        else:
            contraction += old - now
    return Movement(sum(before.values()), new, expansion, contraction, churn)
