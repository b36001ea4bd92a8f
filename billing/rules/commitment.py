"""Minimum commitment: what a period of a plan brings at the least.

Laws.
- The commitment of a period is its amount x billed days / days of the whole period, rounded once. Billed days run
  from the subscription's first day to its last; a trial takes none off.
- Against it counts everything else billed for the period, before coupons and taxes: the fee, usage, minimum spends
  and fixed charges. What is missing becomes a line of its own (the true-up); never less than nothing.
- Of a fee paid in advance only the days up to the end of the subscription count.

Example: 10,000.00 a quarter, in advance, from 12 March (20 of 91 days): 2,197.80. A fee of 21.98 and usage of 70.00
leave 2,105.82.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.rules.money import round_half_up
from billing.rules.proration import Share


@dataclass(frozen=True)
class TrueUp:
    """What a period of a commitment comes to, in minor units; `share` is its part of a whole period."""

    share: Share
    committed_minor: int
    billed_minor: int

    @property
    def missing_minor(self) -> int:
        """What the true-up line asks for."""
        return max(0, self.committed_minor - self.billed_minor)


def true_up(amount_minor: int, share: Share, billed_minor: int) -> TrueUp:
    """The commitment for `share` of a period in which `billed_minor` was billed."""
    return TrueUp(share, int(round_half_up(share.take(Decimal(amount_minor)))), billed_minor)


def counted(fee_minor: int, days: Share) -> int:
    """What of a fee paid in advance counts when only these of its days were used."""
    return int(round_half_up(days.take(Decimal(fee_minor))))
