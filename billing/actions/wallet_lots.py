"""What is left of each inbound movement of a wallet, and when it expires.

Laws: while the balance is not negative the lots sum to it; below zero there are none, and what comes in fills the
hole first. A debit uses promotional lots before bought ones, those that expire soonest first, then the oldest.
An expired lot never pays: a debit first books the expiry of what has expired at its moment. Older wallets may hold
credits in no lot; they are used last and do not expire.
"""

from __future__ import annotations

from datetime import UTC, datetime

from billing.models import WalletEntry, WalletLot

NEVER = datetime.max.replace(tzinfo=UTC)


def keep(entry: WalletEntry, *, promotional: bool, expires_at: datetime | None) -> WalletLot | None:
    """The lot of an inbound entry: what it brought above a balance of zero."""
    minor = min(entry.amount_minor, entry.balance_after_minor)
    if minor <= 0:
        return None
    return WalletLot.objects.create(
        organization_id=entry.organization_id,
        wallet_id=entry.wallet_id,
        entry=entry,
        promotional=promotional,
        remaining_minor=minor,
        expires_at=expires_at,
    )


def use(entry: WalletEntry) -> None:
    """Take an outbound entry from the lots of its wallet, whose lock the caller holds."""
    left = -entry.amount_minor
    lots = WalletLot.objects.filter(wallet_id=entry.wallet_id, remaining_minor__gt=0).locked()
    for lot in sorted(lots, key=lambda lot: (not lot.promotional, lot.expires_at or NEVER, lot.created_at)):
        taken = min(left, lot.remaining_minor)
        if taken:
            lot.remaining_minor -= taken
            lot.save(update_fields=["remaining_minor", "updated_at"])
            left -= taken
