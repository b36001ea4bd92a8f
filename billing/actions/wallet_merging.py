"""Bringing two wallets of one currency together: the balance moves by ledger entries, none of it is made or lost.

Laws: the balances' sum is the same before and after; what came in as a lot goes on as a lot, with its kind and at
most the life it had; money is exact, credits follow it at the rate of the wallet that stays. The emptied wallet
ends, and its last entry names its heir, so that what comes later for it (a paid top-up, a voided invoice) arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.wallet_watch import look_again
from billing.models import EntryKind, Wallet, WalletEntry, WalletLot
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from billing.rules.states import WalletStatus
from billing.rules.wallets import InboundEntry, Life, consume, minor_to_credits

HEIR = "merged:"


@transaction.atomic
def merge_wallets(source_wallet: Wallet, target_wallet: Wallet, *, by: Actor, at: datetime) -> Wallet:
    """Move the whole balance (a negative one too) and end the source. Returns the target as it is now.

    The caller holds the locks of both customers. Raises Invalid for two currencies, Conflict for a wallet that has
    ended, for different limits, and for a balance that would fall below the limit of the one that stays.
    """
    source, target = locked_pair(source_wallet, target_wallet)
    if source.pk == target.pk or source.currency != target.currency:
        raise Invalid("Only two wallets of one currency can be merged.", code="currencies_do_not_match")
    if {source.status, target.status} != {WalletStatus.ACTIVE.value}:
        raise Conflict("A wallet that has ended cannot be merged.", code="wallet_terminated")
    if not same_limits(source, target):
        raise Conflict("The two wallets pay for different things.", code="wallet_limits_differ")
    moved, before = source.balance_minor, target.balance_minor
    floor = -target.credit_limit_minor if target.customer.mode == "postpaid" else 0
    if moved < 0 and before + moved < floor:
        raise Conflict(below_limit(before + moved, target), code="insufficient_credits")
    lots = list(WalletLot.objects.filter(wallet=source, remaining_minor__gt=0).locked())
    receive(source, target, lots, at=at)
    fit_lots(target)
    send(source, target, lots, at=at)
    source.status, source.terminated_at, source.is_primary = WalletStatus.TERMINATED.value, at, False
    source.auto_top_up_enabled = False
    source.ongoing_usage_minor, source.depleted = 0, False
    for wallet in (source, target):
        wallet.untouched = False
        wallet.save()
    look_again(target.customer)
    changes = {"balance_minor": (moved, 0), "merged_into": (None, str(target))}
    audit.record(
        source.organization, "wallet.merged", source, by=by, at=at, customer=source.customer, changes=changes
    )
    changes = {"balance_minor": (before, target.balance_minor), "merged_from": (None, str(source))}
    audit.record(
        target.organization, "wallet.merged", target, by=by, at=at, customer=target.customer, changes=changes
    )
    return target


def locked_pair(one: Wallet, other: Wallet) -> tuple[Wallet, Wallet]:
    """Both rows as they are now, locked by primary key."""
    rows = Wallet.objects.filter(pk__in=[one.pk, other.pk]).select_related("customer", "organization")
    found = {row.pk: row for row in rows.locked()}
    return found[one.pk], found[other.pk]


def below_limit(balance: int, wallet: Wallet) -> str:
    """Why the balances cannot be brought together."""
    amount = from_minor(balance, wallet.currency)
    postpaid = wallet.customer.mode == "postpaid"
    limit = from_minor(-wallet.credit_limit_minor if postpaid else 0, wallet.currency)
    return (
        f"Together the {wallet.currency} wallets would stand at {amount:f}, below the limit of {limit:f} of the one "
        "that stays. Settle what is owed first."
    )


def receive(source: Wallet, target: Wallet, lots: Iterable[WalletLot], *, at: datetime) -> None:
    """An entry and a lot for each lot, one more for what is in no lot; the balance is carried forward."""
    parts = [
        (lot.remaining_minor, Life(lot.promotional, soonest(lot.expires_at, source.expires_at), lot.priority))
        for lot in lots
    ]
    rest = source.balance_minor - sum(minor for minor, _ in parts)
    if rest:
        parts.append((rest, Life(expires_at=source.expires_at)))
    for number, (minor, life) in enumerate(parts):
        last = number == len(parts) - 1
        credits = minor_to_credits(minor, target.rate, target.currency)
        if last and source.rate == target.rate:
            earlier = [minor_to_credits(part[0], target.rate, target.currency) for part in parts[:-1]]
            credits = source.credits_balance - sum(earlier, Decimal(0))
        target.balance_minor += minor
        credits_left = target.credits_balance + credits
        if target.balance_minor >= 0 > credits_left:  # what rounding took too much is settled by the money
            credits_left = minor_to_credits(target.balance_minor, target.rate, target.currency)
        credits, target.credits_balance = credits_left - target.credits_balance, credits_left
        entry = WalletEntry.objects.create(
            organization_id=target.organization_id,
            wallet=target,
            kind=EntryKind.MOVED_IN,
            credits=credits,
            amount_minor=minor,
            balance_after_minor=target.balance_minor,
            reason=f"From {source}",
            key=f"from:{source.pk.hex}:{number}",
            at=at,
        )
        if minor > 0:
            WalletLot.objects.create(
                organization_id=target.organization_id,
                wallet=target,
                entry=entry,
                promotional=life.promotional,
                priority=life.priority,
                remaining_minor=minor,
                expires_at=life.expires_at,
            )


def send(source: Wallet, target: Wallet, lots: Iterable[WalletLot], *, at: datetime) -> None:
    """One entry that takes everything out and names the heir, also when there was nothing."""
    for lot in lots:
        lot.remaining_minor = 0
        lot.save(update_fields=["remaining_minor", "updated_at"])
    WalletEntry.objects.create(
        organization_id=source.organization_id,
        wallet=source,
        kind=EntryKind.MOVED_OUT,
        credits=-source.credits_balance,
        amount_minor=-source.balance_minor,
        balance_after_minor=0,
        reason=f"Into {target}",
        key=f"{HEIR}{target.pk.hex}",
        at=at,
    )
    source.balance_minor, source.credits_balance = 0, Decimal(0)


def fit_lots(wallet: Wallet) -> None:
    """What one side owed is paid from the other's lots, in the order of every debit: they sum to the balance, or to
    nothing below zero.
    """
    lots = {
        lot.pk.hex: lot for lot in WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0).locked()
    }
    over = sum(lot.remaining_minor for lot in lots.values()) - max(wallet.balance_minor, 0)
    facts = [
        InboundEntry(key, lot.remaining_minor, lot.promotional, lot.priority, lot.expires_at)
        for key, lot in sorted(lots.items(), key=lambda item: item[1].created_at)
    ]
    for key, used in consume(facts, max(over, 0)):
        lots[key].remaining_minor -= used
        lots[key].save(update_fields=["remaining_minor", "updated_at"])


def soonest(*moments: datetime | None) -> datetime | None:
    """The first of them that there is."""
    return min((moment for moment in moments if moment is not None), default=None)


def keeps_life(source: Wallet, target: Wallet, *, at: datetime) -> bool:
    """Whether nothing in the source would expire sooner in the target. A wallet that has expired stays as it is."""
    if source.expires_at is not None and source.expires_at <= at:
        return False
    if target.expires_at is None or source.balance_minor <= 0:
        return target.expires_at is None or target.expires_at > at
    if target.expires_at <= at:
        return False
    lots = list(WalletLot.objects.filter(wallet=source, remaining_minor__gt=0))
    ends = [soonest(lot.expires_at, source.expires_at) for lot in lots]
    if sum(lot.remaining_minor for lot in lots) < source.balance_minor:
        ends.append(source.expires_at)
    return all(end is not None and end <= target.expires_at for end in ends)


def same_limits(one: Wallet, other: Wallet) -> bool:
    """Whether two wallets pay for the same things: credits never get a use, or lose one, by being moved."""
    return set(one.fee_types) == set(other.fee_types) and set(one.metric_ids) == set(other.metric_ids)


def merged_into(wallet: Wallet) -> list[UUID]:
    """The ids of the wallets whose balance went into this one, over several merges."""
    found: list[UUID] = []
    keys = [f"{HEIR}{wallet.pk.hex}"]
    while keys:
        out = WalletEntry.objects.filter(kind=EntryKind.MOVED_OUT, key__in=keys)
        ids = list(out.filter(organization_id=wallet.organization_id).values_list("wallet_id", flat=True))
        found += ids
        keys = [f"{HEIR}{key.hex}" for key in ids]
    return found


def heir_of(wallet: Wallet) -> Wallet:
    """The wallet that a merged one went into, over several merges; any other wallet itself."""
    while wallet.status == WalletStatus.TERMINATED.value:
        out = WalletEntry.objects.filter(
            wallet=wallet, kind=EntryKind.MOVED_OUT, key__startswith=HEIR
        ).first()
        if out is None:
            return wallet
        wallet = Wallet.objects.get(pk=UUID(out.key.removeprefix(HEIR)))
    return wallet
