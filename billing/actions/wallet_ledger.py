"""The wallet ledger: every movement is an entry, written under the locks of the customer and the wallet.

Laws: the balance is the sum of the entries and never below minus the credit limit (the database refuses it); a
movement with the same `key` is booked once; the last credits out take exactly the last cent out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Sum

from billing.actions import audit, wallet_lots
from billing.actions.locks import lock_customer_of
from billing.actions.wallet_watch import watch
from billing.models import EntryKind, Wallet, WalletEntry, WalletLot, WalletUse
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from billing.rules.states import WalletStatus
from billing.rules.wallets import Life, minor_to_credits


def lock_wallet(wallet: Wallet) -> Wallet:
    """The wallet's row as it is now, locked until the transaction ends, after its customer's."""
    lock_customer_of(wallet, joined=False)
    return lock_row(wallet)


def lock_row(wallet: Wallet) -> Wallet:
    """As `lock_wallet`, for a caller that holds the customer's lock."""
    rows = Wallet.objects.select_for_update(of=("self",)).select_related("customer", "organization")
    return rows.get(pk=wallet.pk)


def book(
    wallet: Wallet,
    kind: EntryKind,
    *,
    credits: Decimal,
    minor: int,
    key: str,
    at: datetime,
    invoice: Any = None,
    reason: str = "",
    life: Life | None = None,
    lot: WalletLot | None = None,
    lines: Sequence[tuple[UUID | None, int]] = (),
    back: Sequence[WalletUse] = (),
) -> WalletEntry:
    """Write a signed movement on a locked wallet and carry its balance and lots forward. `life`: of what comes in,
    and `back`: what it gives back; `lines`: what goes out for which line of an invoice, and `lot`: the one from which
    it goes, already lowered.

    Credits that go out are rounded to five decimals; what rounding would leave behind or take too much is
    settled by the money, which is exact.
    """
    left = wallet.balance_minor + minor
    credits_left = wallet.credits_balance + credits
    if minor and left == 0:
        credits_left = Decimal(0)
    elif left < 0 or credits_left < 0:
        credits_left = minor_to_credits(left, wallet.rate, wallet.currency)
    credits = credits_left - wallet.credits_balance
    used: list[tuple[UUID | None, int]] = []
    if minor < 0:
        used = [(lot.pk, -minor)] if lot else wallet_lots.use(wallet, -minor)
    wallet.balance_minor, wallet.credits_balance, wallet.untouched = left, credits_left, False
    wallet.save(update_fields=["balance_minor", "credits_balance", "untouched", "updated_at"])
    entry = WalletEntry.objects.create(
        organization_id=wallet.organization_id,
        wallet=wallet,
        kind=kind,
        credits=credits,
        amount_minor=minor,
        balance_after_minor=wallet.balance_minor,
        invoice=invoice,
        reason=reason[:255],
        key=key,
        at=at,
    )
    wallet_lots.trace(entry, used, lines or [(None, -minor)])
    wallet_lots.trace_back(entry, back)
    if minor > 0:
        wallet_lots.keep(entry, life or Life(promotional=kind == EntryKind.GRANTED))
    watch(wallet, entry, at=at)
    return entry


def expire_lots(wallet: Wallet, *, at: datetime) -> int:
    """Book the expiry of what has expired in a locked wallet, an entry for each lot. Minor units that expired."""
    expired = 0
    lots = WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0, expires_at__lte=at).locked()
    for lot in lots:
        minor, lot.remaining_minor = min(lot.remaining_minor, max(wallet.balance_minor, 0)), 0
        lot.save(update_fields=["remaining_minor", "updated_at"])
        credits = minor_to_credits(minor, wallet.rate, wallet.currency)
        book(
            wallet,
            EntryKind.EXPIRED,
            credits=-credits,
            minor=-minor,
            key=f"expired:{lot.pk.hex}",
            at=at,
            lot=lot,
        )
        expired += minor
    return expired


def booked(wallet: Wallet, key: str) -> WalletEntry | None:
    """The entry that an earlier call with the same key has made."""
    return WalletEntry.objects.filter(wallet=wallet, key=key).first()


def check_active(wallet: Wallet) -> None:
    """A terminated wallet takes nothing any more."""
    if wallet.status != WalletStatus.ACTIVE.value:
        raise Conflict("This wallet is terminated.", code="wallet_terminated")


def tell(wallet: Wallet, action: str, entry: WalletEntry, *, by: Actor, at: datetime) -> None:
    """The audit line of a movement."""
    before = entry.balance_after_minor - entry.amount_minor
    audit.record(
        wallet.organization,
        action,
        wallet,
        by=by,
        at=at,
        customer=wallet.customer,
        changes={"balance_minor": (before, entry.balance_after_minor)},
        reason=entry.reason,
    )


def ledger_total(wallet: Wallet) -> int:
    """The sum of the entries: must equal the balance (self-check)."""
    return WalletEntry.objects.filter(wallet=wallet).aggregate(total=Sum("amount_minor"))["total"] or 0
