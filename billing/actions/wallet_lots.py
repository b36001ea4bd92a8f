"""What is left of each inbound movement of a wallet, and when it expires.

Laws: while the balance is not negative the lots sum to it; below zero there are none, and what comes in fills the
hole first. A debit uses lots in the order of `rules/wallets.py:consume`, and its entry notes what it took from which.
An expired lot never pays: a debit first books the expiry of what has expired at its moment. Older wallets may hold
credits in no lot; they are used last and do not expire.
"""

from __future__ import annotations

from uuid import UUID

from billing.models import Wallet, WalletEntry, WalletLot
from billing.rules.wallets import InboundEntry, Life, consume


def keep(entry: WalletEntry, life: Life) -> WalletLot | None:
    """The lot of an inbound entry: what it brought above a balance of zero."""
    minor = min(entry.amount_minor, entry.balance_after_minor)
    if minor <= 0:
        return None
    return WalletLot.objects.create(
        organization_id=entry.organization_id,
        wallet_id=entry.wallet_id,
        entry=entry,
        promotional=life.promotional,
        remaining_minor=minor,
        expires_at=life.expires_at,
    )


def use(wallet: Wallet, minor: int) -> dict[str, int]:
    """Take up to `minor` units from the lots of a locked wallet: {lot id: minor units taken}."""
    lots = {
        lot.pk.hex: lot
        for lot in WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0)
        .order_by("created_at", "pk")
        .select_for_update()
    }
    facts = [
        InboundEntry(key, lot.remaining_minor, lot.promotional, expires_at=lot.expires_at)
        for key, lot in lots.items()
    ]
    used = dict(consume(facts, min(minor, sum(fact.remaining_minor for fact in facts))))
    for key, taken in used.items():
        lots[key].remaining_minor -= taken
        lots[key].save(update_fields=["remaining_minor", "updated_at"])
    return used


def lives_used(entry: WalletEntry) -> list[tuple[Life, int]]:
    """What an outbound entry took, as (kind and life, minor units), and last what it took from no lot (a debt, or
    credits older than lots).
    """
    lots = WalletLot.objects.in_bulk([UUID(key) for key in entry.lots_used])
    parts: dict[Life, int] = {}
    for key, minor in entry.lots_used.items():
        lot = lots[UUID(key)]
        life = Life(lot.promotional, lot.expires_at)
        parts[life] = parts.get(life, 0) + int(minor)
    if rest := -entry.amount_minor - sum(parts.values()):
        parts[Life()] = parts.get(Life(), 0) + rest
    return list(parts.items())
