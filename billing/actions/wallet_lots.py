"""What is left of each inbound movement of a wallet, and when it expires.

Laws: while the balance is not negative the lots sum to it; below zero there are none, and what comes in fills the
hole first. A debit uses lots in the order of `rules/wallets.py:consume`, and its `uses` say what it took from
which, for which line of an invoice.
An expired lot never pays: a debit first books the expiry of what has expired at its moment. Older wallets may hold
credits in no lot; they are used last and do not expire.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from billing.models import Wallet, WalletEntry, WalletLot, WalletUse
from billing.rules.wallets import InboundEntry, Life, consume, paired


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
        priority=life.priority,
        remaining_minor=minor,
        expires_at=life.expires_at,
    )


def use(wallet: Wallet, minor: int) -> list[tuple[UUID | None, int]]:
    """Take `minor` units from the lots of a locked wallet: (lot id, minor units taken), in the order of use. What
    they do not hold is from none (None).
    """
    lots = {
        lot.pk.hex: lot
        for lot in WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0)
        .order_by("created_at", "pk")
        .select_for_update()
    }
    facts = [
        InboundEntry(key, lot.remaining_minor, lot.promotional, lot.priority, lot.expires_at)
        for key, lot in lots.items()
    ]
    used: list[tuple[UUID | None, int]] = []
    for key, taken in consume(facts, min(minor, sum(fact.remaining_minor for fact in facts))):
        lots[key].remaining_minor -= taken
        lots[key].save(update_fields=["remaining_minor", "updated_at"])
        used.append((lots[key].pk, taken))
    if rest := minor - sum(taken for _, taken in used):
        used.append((None, rest))
    return used


def trace(
    entry: WalletEntry,
    lots: Sequence[tuple[UUID | None, int]],
    lines: Sequence[tuple[UUID | None, int]],
) -> None:
    """Write which lot of a debit paid which line. One statement."""
    own = {"organization_id": entry.organization_id, "entry": entry}
    rows = [
        WalletUse(**own, lot_id=lot, line_id=line, amount_minor=minor)
        for lot, line, minor in paired(lots, lines)
    ]
    if rows:
        WalletUse.objects.bulk_create(rows)


def trace_back(entry: WalletEntry, uses: Sequence[WalletUse]) -> None:
    """Write that these parts of a debit are given back by an entry."""
    own = {"organization_id": entry.organization_id, "entry": entry}
    rows = [
        WalletUse(**own, lot_id=use.lot_id, line_id=use.line_id, amount_minor=-use.amount_minor)
        for use in uses
    ]
    if rows:
        WalletUse.objects.bulk_create(rows)


def lives_used(entry: WalletEntry) -> list[tuple[Life, list[WalletUse]]]:
    """What an outbound entry took, by kind and life, in the order of use; what it took from no lot (a debt, or
    credits older than lots) counts as bought.
    """
    parts: dict[Life, list[WalletUse]] = {}
    for use in WalletUse.objects.filter(entry=entry).select_related("lot").order_by("created_at", "pk"):
        life = Life(use.lot.promotional, use.lot.expires_at, use.lot.priority) if use.lot else Life()
        parts.setdefault(life, []).append(use)
    return list(parts.items())
