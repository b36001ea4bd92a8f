"""Ongoing balances: what is left of wallets when the usage that no invoice asks for yet is taken off.

Laws.
- Usage is taken with tax, by the same order as an invoice: wallet by wallet, the largest part of the usage first,
  each part only by wallets that may pay for it. A wallet gives what it holds.
- The last wallet that may pay for a part takes all that is left of it, also below zero, and so does a wallet that
  tops itself up at a threshold: it must see what is missing. What no wallet may pay for is nobody's.
- What was billed already (progressively or in advance) is not ongoing any more.

Example: W1 (storage, seats) 10.00, W2 (seats) 20.00; usage storage 10.00, seats 30.00. W1 gives 10.00 to seats, the
largest part, and is the last for storage: -10.00. W2 takes the other 20.00 of seats: 0.00.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.rules.money import ZERO, allocate_minor, exact, round_half_up
from billing.rules.wallets import Allowed, Bucket, WalletFacts, may_pay, minor_to_credits


@dataclass(frozen=True)
class Ongoing:
    """A wallet's usage and what is left with it, in minor units."""

    wallet_id: str
    usage_minor: int
    balance_minor: int

    @property
    def depleted(self) -> bool:
        return self.balance_minor <= 0

    def credits(self, rate: Decimal, currency: str) -> tuple[Decimal, Decimal]:
        """(balance, usage) in credits."""
        return (
            minor_to_credits(self.balance_minor, rate, currency),
            minor_to_credits(self.usage_minor, rate, currency),
        )


def ongoing(
    wallets: Sequence[WalletFacts],
    usage: Sequence[Bucket],
    *,
    take_all: Collection[str] = (),
    allowed: Allowed = may_pay,
) -> list[Ongoing]:
    """How `usage` weighs on the wallets (in creation order, and answered in it). `take_all`: wallets that top
    themselves up at a threshold.
    """
    with exact():
        total = int(round_half_up(sum((part.cap for part in usage), ZERO)))
    rest = allocate_minor(total, [part.cap for part in usage])
    largest_first = sorted(range(len(usage)), key=lambda i: -rest[i])
    in_order = sorted(wallets, key=lambda w: w.priority)
    last = {
        i: next((w.id for w in reversed(in_order) if allowed(w, part)), None) for i, part in enumerate(usage)
    }
    taken = {wallet.id: 0 for wallet in wallets}
    for wallet in in_order:
        left = wallet.held_minor
        for i in largest_first:
            if not allowed(wallet, usage[i]):
                continue
            everything = wallet.id in take_all or last[i] == wallet.id
            take = rest[i] if everything else min(rest[i], left)
            rest[i], left = rest[i] - take, max(left - take, 0)
            taken[wallet.id] += take
    return [Ongoing(w.id, taken[w.id], w.balance_minor - taken[w.id]) for w in wallets]
