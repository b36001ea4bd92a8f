"""What goes into a wallet and what is taken out by hand. What invoices take: `wallet_debits.py`; how a movement is
booked: `wallet_ledger.py`.

Laws: a credit keeps to the wallet's limits, but money that came in for one is booked whatever they are. A debit by
hand is guarded as one of an invoice is: prepaid down to zero, postpaid down to minus the credit limit.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.actions.wallet_ledger import book, booked, check_active, expire_lots, lock_wallet, tell
from billing.actions.wallet_merging import heir_of
from billing.actions.webhooks import emit
from billing.models import EntryKind, Wallet, WalletEntry
from billing.orm.actor import Actor
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.wallets import credit_of, wallet_state
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from billing.rules.wallet_terms import check_credit
from billing.rules.wallets import (
    LAST_PRIORITY,
    Life,
    check_priority,
    credits_in,
    credits_voided,
    minor_to_credits,
)


@transaction.atomic
def grant(
    wallet: Wallet,
    credits: Decimal,
    *,
    reason: str = "",
    promotional: bool = True,
    expires_at: datetime | None = None,
    priority: int = LAST_PRIORITY,
    key: str,
    by: Actor,
    at: datetime,
) -> WalletEntry:
    """Free credits, there at once, that may expire. By `priority` (1 first), then `promotional` ones before others,
    they are used. `key` makes a repeat harmless. Invalid for what the wallet's limits refuse, Conflict for a wallet
    that has ended.
    """
    wallet = lock_wallet(wallet)
    if found := booked(wallet, key):
        return found
    check_active(wallet)
    if wallet.customer.deleting_at:
        raise Conflict("This customer is deleted.", code="customer_deleted")
    check_priority(priority)
    if expires_at is not None and expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")
    worth = credits_in(credits, wallet.rate, wallet.currency)
    expire_lots(wallet, at=at)
    check_credit(worth.minor, balance=wallet.balance_minor, terms=vars(wallet), currency=wallet.currency)
    entry = book(
        wallet,
        EntryKind.GRANTED,
        credits=worth.credits,
        minor=worth.minor,
        key=key,
        at=at,
        reason=reason,
        life=Life(promotional, expires_at, priority),
    )
    tell(wallet, "wallet.granted", entry, by=by, at=at)
    emit(wallet.organization, "wallet.granted", wallet, added(wallet, worth, at), at=at)
    return entry


@transaction.atomic
def settle_purchase(
    wallet: Wallet, credits: Decimal, *, invoice: Any, by: Actor, at: datetime
) -> WalletEntry:
    """Credits whose invoice has been paid. Once per invoice. Those for a wallet that was merged meanwhile arrive in
    its heir, for the same money.
    """
    sold_at = wallet.rate
    wallet = lock_wallet(heir_of(wallet))
    credits = credits if wallet.rate == sold_at else credits * sold_at / wallet.rate
    key = f"purchase:{invoice.pk}"
    if found := booked(wallet, key):
        return found
    check_active(wallet)
    worth = credits_in(credits, wallet.rate, wallet.currency)
    entry = book(
        wallet,
        EntryKind.PURCHASED,
        credits=worth.credits,
        minor=worth.minor,
        key=key,
        at=at,
        invoice=invoice,
        life=Life(priority=invoice.wallet_priority),
    )
    tell(wallet, "wallet.purchased", entry, by=by, at=at)
    emit(wallet.organization, "wallet.topped_up", wallet, added(wallet, worth, at), at=at)
    return entry


def added(wallet: Wallet, worth: Any, at: datetime) -> dict[str, Any]:
    """The wallet as it is now, with what was added to it."""
    bought = {"amount": from_minor(worth.minor, wallet.currency), "credits": worth.credits}
    return {**wallet_payload(wallet, wallet_state(wallet, at)), **bought}


@transaction.atomic
def settle_debt(wallet: Wallet, minor: int, *, invoice: Any, by: Actor, at: datetime) -> WalletEntry:
    """What was owed and is on this invoice now, or has been paid by it. Once per invoice; for a merged wallet in its
    heir. What is more than still owed by now stays as credit.
    """
    key = f"settled:{invoice.pk}"
    if found := WalletEntry.objects.filter(invoice=invoice, kind=EntryKind.SETTLED, key=key).first():
        return found
    wallet = lock_wallet(heir_of(wallet))
    check_active(wallet)
    credits = minor_to_credits(minor, wallet.rate, wallet.currency)
    entry = book(wallet, EntryKind.SETTLED, credits=credits, minor=minor, key=key, at=at, invoice=invoice)
    tell(wallet, "wallet.settled", entry, by=by, at=at)
    return entry


@transaction.atomic
def void_credits(
    wallet: Wallet, credits: Decimal, *, reason: str, key: str, by: Actor, at: datetime
) -> WalletEntry:
    """Take credits out by hand. Conflict (`insufficient_credits`) for more than is available."""
    wallet = lock_wallet(wallet)
    if found := booked(wallet, key):
        return found
    check_active(wallet)
    expire_lots(wallet, at=at)
    room = credit_of(wallet, wallet.customer.mode)
    everything = credits == wallet.credits_balance and wallet.balance_minor > 0
    worth = credits_voided(credits, wallet.rate, wallet.currency)
    minor = wallet.balance_minor if everything else worth.minor
    if not room and credits <= wallet.credits_balance:
        minor = min(minor, wallet.balance_minor)
    if minor > wallet.balance_minor + room or (not room and credits > wallet.credits_balance):
        raise Conflict(short_of(wallet, room), code="insufficient_credits", field="credits")
    entry = book(wallet, EntryKind.VOIDED, credits=-credits, minor=-minor, key=key, at=at, reason=reason)
    tell(wallet, "wallet.voided", entry, by=by, at=at)
    return entry


def short_of(wallet: Wallet, room: int) -> str:
    """Why a debit is refused: what there is."""
    held = f"The wallet holds {wallet.credits_balance:f} credits"
    if not room:
        return f"{held}."
    limit, left = (
        from_minor(minor, wallet.currency) for minor in (room, max(wallet.balance_minor + room, 0))
    )
    return f"{held}; with its credit limit of {limit:f} {wallet.currency} at most {left:f} can be taken."
