"""What invoices take from wallets, and what comes back when they are voided.

Laws: an invoice is paid from balances first, by priority, then age; then on the credit of a postpaid customer's
wallets, in the same order. A prepaid customer's wallet never goes below zero. What a voided invoice returns has the
kind and the day of expiry that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing.actions.wallet_ledger import book, booked, expire_lots, lock_row, tell
from billing.actions.wallet_lots import lives_used
from billing.actions.wallet_merging import heir_of
from billing.models import EntryKind, Wallet, WalletEntry
from billing.orm.actor import Actor
from billing.queries.wallets import facts_of
from billing.rules.states import WalletStatus
from billing.rules.wallets import Bucket, minor_to_credits, shares


@transaction.atomic
def consume(
    customer: Any,
    due_minor: int,
    currency: str,
    buckets: Sequence[Bucket] = (),
    lines: Sequence[UUID] = (),
    *,
    invoice: Any,
    by: Actor,
    at: datetime,
) -> list[tuple[Wallet, int]]:
    """Pay what is due of an invoice from the customer's wallets of that currency, each for the parts that it may pay
    (`buckets`; none: only unlimited wallets pay). `lines`: the ids of the invoice's lines, by their position in the
    buckets. The caller holds the customer's lock. Returns what each wallet paid, in minor units.
    """
    able = Q(balance_minor__gt=0) | Q(credit_limit_minor__gt=0)
    usable = Wallet.objects.filter(able, customer=customer, currency=currency).active()
    wallets = {
        str(wallet.pk): wallet
        for wallet in usable.select_related("customer", "organization").locked()
        if wallet.expires_at is None or wallet.expires_at > at
    }
    for wallet in wallets.values():
        expire_lots(wallet, at=at)
    paid = []
    for share in shares(facts_of(wallets.values(), customer.mode), due_minor, buckets):
        wallet = wallets[share.wallet_id]
        credits = minor_to_credits(share.minor, wallet.rate, wallet.currency)
        book(
            wallet,
            EntryKind.CONSUMED,
            credits=-credits,
            minor=-share.minor,
            key=f"invoice:{invoice.pk}",
            at=at,
            invoice=invoice,
            lines=[(None if place is None else lines[place], minor) for place, minor in share.lines],
        )
        paid.append((wallet, share.minor))
    return paid


@transaction.atomic
def give_back(invoice: Any, *, by: Actor, at: datetime) -> int:
    """Return what a voided invoice had used to the wallets that are still active, or to those that they were merged
    into. The caller holds the customer's lock. Minor units returned.
    """
    returned = 0
    used = WalletEntry.objects.filter(invoice=invoice, kind=EntryKind.CONSUMED).order_by("wallet_id")
    for entry in used.select_related("wallet"):
        wallet = lock_row(heir_of(entry.wallet))
        key = f"void:{invoice.pk}"
        if wallet.pk != entry.wallet_id:
            key = f"{key}:{entry.wallet_id.hex}"
        if wallet.status != WalletStatus.ACTIVE.value or booked(wallet, key):
            continue
        returned += put_back(wallet, entry, key, by=by, at=at)
    return returned


def put_back(wallet: Wallet, entry: WalletEntry, key: str, *, by: Actor, at: datetime) -> int:
    """Book a debit back into a locked wallet, an entry for each kind and life of what it took; what was used last
    fills a hole first. Minor units returned.
    """
    parts = lives_used(entry)[::-1]
    left = -entry.credits if wallet.pk == entry.wallet_id else None
    for number, (life, uses) in enumerate(parts):
        minor = sum(use.amount_minor for use in uses)
        credits = minor_to_credits(minor, wallet.rate, wallet.currency)
        if left is not None:
            credits = left if number == len(parts) - 1 else min(credits, left)
            left -= credits
        back = book(
            wallet,
            EntryKind.RETURNED,
            credits=max(credits, Decimal(0)),
            minor=minor,
            key=f"{key}:{number}" if number else key,
            at=at,
            invoice=entry.invoice,
            life=life,
            back=uses,
        )
        tell(wallet, "wallet.returned", back, by=by, at=at)
    return -entry.amount_minor
