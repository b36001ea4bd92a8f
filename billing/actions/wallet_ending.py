"""The end of credits and of wallets. A wallet on which something is owed ends by
`invoicing/actions/wallet_settling.py:end_wallet`, which bills the debt first.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.actions.clock import now
from billing.actions.wallet_ledger import book, expire_lots, lock_wallet
from billing.actions.wallet_opening import follow_primary
from billing.actions.wallet_watch import look_again
from billing.actions.webhooks import emit
from billing.models import EntryKind, Wallet, WalletLot
from billing.orm.actor import Actor
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.wallets import state_of
from billing.rules.errors import Conflict
from billing.rules.money import from_minor
from billing.rules.states import WALLET_MOVES, WalletStatus, move


def with_expired_credits() -> list[Wallet]:
    """Up to a thousand wallets of any organization that hold credits past their day, by its own clock."""
    lots = WalletLot.objects.filter(remaining_minor__gt=0, expires_at__isnull=False, wallet__status="active")
    rows = lots.select_related("wallet__organization").order_by("expires_at")
    found = {
        lot.wallet_id: lot.wallet
        for lot in rows[:1000]
        if lot.expires_at and lot.expires_at <= now(lot.wallet.organization)
    }
    return list(found.values())


@transaction.atomic
def expire_credits(wallet: Wallet, *, by: Actor, at: datetime) -> int:
    """Book what has expired in a wallet by now. A repeat finds nothing more."""
    wallet = lock_wallet(wallet)
    before = wallet.balance_minor
    if wallet.status != WalletStatus.ACTIVE.value or not (expired := expire_lots(wallet, at=at)):
        return 0
    changes = {"balance_minor": (before, wallet.balance_minor)}
    audit.record(
        wallet.organization, "wallet.expired", wallet, by=by, at=at, customer=wallet.customer, changes=changes
    )
    return expired


@transaction.atomic
def terminate_wallet(
    wallet: Wallet, *, by: Actor, at: datetime, reason: str = "", expired: bool = False
) -> Wallet:
    """End a wallet: the rest is voided by an entry, or expires by one (`expired`). Terminating twice changes nothing.

    Conflict (`wallet_owes`) while something is owed on it. The next wallet becomes the primary when this one was.
    """
    wallet = lock_wallet(wallet)
    if wallet.status == WalletStatus.TERMINATED.value:
        return wallet
    if wallet.balance_minor < 0:
        owed = from_minor(-wallet.balance_minor, wallet.currency)
        raise Conflict(f"{owed:f} {wallet.currency} is owed on this wallet.", code="wallet_owes")
    move(WALLET_MOVES, WalletStatus(wallet.status), WalletStatus.TERMINATED)
    lost = wallet.balance_minor
    wallet.status = WalletStatus.TERMINATED.value
    if wallet.balance_minor or wallet.credits_balance:
        book(
            wallet,
            EntryKind.EXPIRED if expired else EntryKind.VOIDED,
            credits=-wallet.credits_balance,
            minor=-wallet.balance_minor,
            key="terminated",
            at=at,
            reason=reason or ("Wallet expired" if expired else "Wallet terminated"),
        )
        WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0).update(remaining_minor=0)
    was_primary = wallet.is_primary
    wallet.terminated_at, wallet.is_primary, wallet.auto_top_up_enabled = at, False, False
    wallet.untouched, wallet.ongoing_usage_minor, wallet.depleted = False, 0, False
    wallet.save()
    look_again(wallet.customer)
    audit.record(
        wallet.organization,
        "wallet.terminated",
        wallet,
        by=by,
        at=at,
        customer=wallet.customer,
        changes={"balance_minor": (lost, 0)},
        reason=reason,
    )
    payload = wallet_payload(wallet, state_of(wallet, (), at))
    emit(wallet.organization, "wallet.terminated", wallet, payload, at=at)
    customer = wallet.customer
    if was_primary and not (customer.deleted_at or customer.deleting_at):
        follow_primary(customer, by=by, at=at)
    return wallet
