"""Wallets: every movement is an entry of an append-only ledger, written under the wallet's lock.

Laws: the balance is the sum of the entries and never below zero (the database refuses it); a movement with
the same `key` is booked once; the last credits out take exactly the last cent out.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum

from billing.actions import audit, wallet_lots
from billing.actions.clock import now
from billing.actions.locks import lock_present_customer
from billing.actions.wallet_merging import heir_of
from billing.models import EntryKind, Wallet, WalletEntry, WalletLot
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.states import WALLET_MOVES, WalletStatus, move
from billing.rules.wallets import WalletFacts, credits_in, credits_voided, minor_to_credits, spread

MOST_WALLETS = 6


@transaction.atomic
def create_wallet(
    customer: Any,
    *,
    name: str = "",
    currency: str,
    rate: Decimal = Decimal(1),
    priority: int = 50,
    expires_at: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Wallet:
    """An empty wallet. `rate` is the money of one credit in major units; at most six active ones."""
    lock_present_customer(customer.pk)
    if Wallet.objects.filter(customer=customer).active().count() >= MOST_WALLETS:
        raise Conflict(f"A customer has at most {MOST_WALLETS} active wallets.", code="too_many_wallets")
    if expires_at is not None and expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")
    wallet = Wallet(
        organization=customer.organization,
        customer=customer,
        name=name.strip(),
        currency=currency,
        rate=rate,
        priority=priority,
        expires_at=expires_at,
    )
    if not rate.is_finite() or rate <= 0:
        raise Invalid("Must be more than 0.", field="rate")
    try:
        wallet.full_clean()
    except ValidationError as error:
        found = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise FieldErrors(found) from error
    wallet.save()
    audit.record(wallet.organization, "wallet.created", wallet, by=by, at=at, customer=customer)
    return wallet


def lock_wallet(wallet: Wallet) -> Wallet:
    """The wallet's row as it is now, locked until the transaction ends."""
    return Wallet.objects.select_for_update(of=("self",)).select_related("customer").get(pk=wallet.pk)


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
    expires_at: datetime | None = None,
) -> WalletEntry:
    """Write a signed movement on a locked wallet and carry its balance and lots forward.

    Credits that go out are rounded to five decimals; what rounding would leave behind or take too much is
    settled by the money, which is exact.
    """
    left = wallet.balance_minor + minor
    credits_left = wallet.credits_balance + credits
    if minor < 0 and left == 0:
        credits_left = Decimal(0)
    elif credits_left < 0:
        credits_left = minor_to_credits(left, wallet.rate, wallet.currency)
    credits = credits_left - wallet.credits_balance
    wallet.balance_minor, wallet.credits_balance = left, credits_left
    wallet.save(update_fields=["balance_minor", "credits_balance", "updated_at"])
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
    if minor > 0:
        wallet_lots.keep(entry, promotional=kind == EntryKind.GRANTED, expires_at=expires_at)
    elif minor < 0 and kind != EntryKind.EXPIRED:
        wallet_lots.use(entry)
    return entry


def expire_lots(wallet: Wallet, *, at: datetime) -> int:
    """Book the expiry of what has expired in a locked wallet, an entry for each lot. Minor units that expired."""
    expired = 0
    lots = WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0, expires_at__lte=at).locked()
    for lot in lots:
        minor, lot.remaining_minor = min(lot.remaining_minor, max(wallet.balance_minor, 0)), 0
        lot.save(update_fields=["remaining_minor", "updated_at"])
        credits = minor_to_credits(minor, wallet.rate, wallet.currency)
        book(wallet, EntryKind.EXPIRED, credits=-credits, minor=-minor, key=f"expired:{lot.pk.hex}", at=at)
        expired += minor
    return expired


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


def booked(wallet: Wallet, key: str) -> WalletEntry | None:
    """The entry that an earlier call with the same key has made."""
    return WalletEntry.objects.filter(wallet=wallet, key=key).first()


def check_active(wallet: Wallet) -> None:
    """A terminated wallet takes nothing any more."""
    if wallet.status != WalletStatus.ACTIVE.value:
        raise Conflict("This wallet is terminated.", code="wallet_terminated")


@transaction.atomic
def grant(
    wallet: Wallet,
    credits: Decimal,
    *,
    reason: str = "",
    expires_at: datetime | None = None,
    key: str,
    by: Actor,
    at: datetime,
) -> WalletEntry:
    """Free credits, there at once, that may expire. `key` makes a repeat harmless."""
    wallet = lock_wallet(wallet)
    if found := booked(wallet, key):
        return found
    check_active(wallet)
    if expires_at is not None and expires_at <= at:
        raise Invalid("The expiry must be in the future.", field="expires_at")
    worth = credits_in(credits, wallet.rate, wallet.currency)
    entry = book(
        wallet,
        EntryKind.GRANTED,
        credits=worth.credits,
        minor=worth.minor,
        key=key,
        at=at,
        reason=reason,
        expires_at=expires_at,
    )
    tell(wallet, "wallet.granted", entry, by=by, at=at)
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
    )
    tell(wallet, "wallet.purchased", entry, by=by, at=at)
    return entry


@transaction.atomic
def consume(
    customer: Any, due_minor: int, currency: str, *, invoice: Any, by: Actor, at: datetime
) -> list[tuple[Wallet, int]]:
    """Pay what is due of an invoice from the customer's wallets of that currency, by priority, then age.

    The caller holds the customer's lock. Returns what each wallet paid, in minor units.
    """
    usable = Wallet.objects.filter(customer=customer, currency=currency, balance_minor__gt=0).active()
    wallets = {
        str(wallet.pk): wallet
        for wallet in usable.locked()
        if wallet.expires_at is None or wallet.expires_at > at
    }
    for wallet in wallets.values():
        expire_lots(wallet, at=at)
    oldest_first = sorted(wallets.values(), key=lambda wallet: (wallet.created_at, wallet.pk))
    facts = [WalletFacts(str(row.pk), row.balance_minor, row.priority) for row in oldest_first]
    paid = []
    for wallet_id, minor in spread(facts, due_minor):
        wallet = wallets[wallet_id]
        credits = minor_to_credits(minor, wallet.rate, wallet.currency)
        book(
            wallet,
            EntryKind.CONSUMED,
            credits=-credits,
            minor=-minor,
            key=f"invoice:{invoice.pk}",
            at=at,
            invoice=invoice,
        )
        paid.append((wallet, minor))
    return paid


@transaction.atomic
def give_back(invoice: Any, *, by: Actor, at: datetime) -> int:
    """Return what a voided invoice had used to the wallets that are still active, or to those that they were merged
    into. Minor units returned.
    """
    returned = 0
    used = WalletEntry.objects.filter(invoice=invoice, kind=EntryKind.CONSUMED).order_by("wallet_id")
    for entry in used:
        wallet = lock_wallet(heir_of(entry.wallet))
        own = wallet.pk == entry.wallet_id
        key = f"void:{invoice.pk}" if own else f"void:{invoice.pk}:{entry.wallet_id.hex}"
        credits = (
            -entry.credits if own else minor_to_credits(-entry.amount_minor, wallet.rate, wallet.currency)
        )
        if wallet.status != WalletStatus.ACTIVE.value or booked(wallet, key):
            continue
        back = book(
            wallet,
            EntryKind.RETURNED,
            credits=credits,
            minor=-entry.amount_minor,
            key=key,
            at=at,
            invoice=invoice,
        )
        tell(wallet, "wallet.returned", back, by=by, at=at)
        returned += back.amount_minor
    return returned


@transaction.atomic
def void_credits(
    wallet: Wallet, credits: Decimal, *, reason: str, key: str, by: Actor, at: datetime
) -> WalletEntry:
    """Take credits out by hand. Refused above the balance."""
    wallet = lock_wallet(wallet)
    if found := booked(wallet, key):
        return found
    check_active(wallet)
    expire_lots(wallet, at=at)
    if credits > wallet.credits_balance:
        raise Conflict(
            f"The wallet holds {wallet.credits_balance:f} credits.",
            code="insufficient_credits",
            field="credits",
        )
    everything = credits == wallet.credits_balance
    worth = credits_voided(credits, wallet.rate, wallet.currency)
    minor = wallet.balance_minor if everything else min(worth.minor, wallet.balance_minor)
    entry = book(wallet, EntryKind.VOIDED, credits=-credits, minor=-minor, key=key, at=at, reason=reason)
    tell(wallet, "wallet.voided", entry, by=by, at=at)
    return entry


@transaction.atomic
def terminate_wallet(wallet: Wallet, *, by: Actor, at: datetime, reason: str = "") -> Wallet:
    """End a wallet: the rest is voided by an entry. Terminating twice changes nothing."""
    wallet = lock_wallet(wallet)
    if wallet.status == WalletStatus.TERMINATED.value:
        return wallet
    move(WALLET_MOVES, WalletStatus(wallet.status), WalletStatus.TERMINATED)
    lost = wallet.balance_minor
    if wallet.balance_minor or wallet.credits_balance:
        book(
            wallet,
            EntryKind.VOIDED,
            credits=-wallet.credits_balance,
            minor=-wallet.balance_minor,
            key="terminated",
            at=at,
            reason=reason or "Wallet terminated",
        )
    wallet.status = WalletStatus.TERMINATED.value
    wallet.terminated_at = at
    wallet.save(update_fields=["status", "terminated_at", "updated_at"])
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
    return wallet


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
