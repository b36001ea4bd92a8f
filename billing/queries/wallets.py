"""What a wallet holds at a moment: cash, promotional credits with their day, what it can pay, what is owed on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef, Prefetch, QuerySet, UUIDField

from billing.models import Metric, Wallet, WalletLot
from billing.rules.wallet_terms import FEE_WORDS
from billing.rules.wallets import WalletFacts


@dataclass(frozen=True)
class WalletState:
    """Minor units of the wallet's currency. `cash_minor` is what was bought (negative: what is owed);
    `promotional_minor` what was given and has not expired, the first of it at `promotional_expires_at`;
    `available_minor` what a debit could take now, with the credit of a postpaid customer; `lots` in the order in
    which they came.
    """

    cash_minor: int
    promotional_minor: int
    promotional_expires_at: datetime | None
    available_minor: int
    debt_minor: int
    credit_limit_minor: int
    lots: tuple[WalletLot, ...]


def open_lots() -> QuerySet[WalletLot]:
    """Lots with something left, in the order in which they came."""
    return WalletLot.objects.filter(remaining_minor__gt=0).order_by("created_at", "pk")


def with_lots(rows: QuerySet[Wallet]) -> QuerySet[Wallet]:
    """Wallets with their lots in `open_lots`, for `state_of`: one more query, however many they are; and with what
    `metric_codes` asks for.
    """
    each = Func("metric_ids", function="UNNEST", output_field=UUIDField())
    limits = (
        Wallet.objects.filter(pk=OuterRef(OuterRef("pk"))).order_by().annotate(metric=each).values("metric")
    )
    codes = Metric.objects.filter(pk__in=limits).order_by("code").values("code")
    rows = rows.annotate(limit_codes=ArraySubquery(codes))
    return rows.prefetch_related(Prefetch("lots", open_lots(), to_attr="open_lots"))


def wallet_state(wallet: Wallet, at: datetime) -> WalletState:
    """One wallet, whose customer is loaded."""
    return state_of(wallet, open_lots().filter(wallet=wallet), at)


def wallet_states(wallets: Iterable[Wallet], at: datetime) -> dict[UUID, WalletState]:
    """Many wallets by id, in one query, or none when nothing is in them; their customers are loaded."""
    rows = list(wallets)
    lots: dict[UUID, list[WalletLot]] = {row.pk: [] for row in rows}
    holding = [row for row in rows if row.balance_minor > 0]
    for lot in open_lots().filter(wallet__in=holding) if holding else ():
        lots[lot.wallet_id].append(lot)
    return {row.pk: state_of(row, lots[row.pk], at) for row in rows}


def state_of(wallet: Wallet, lots: Iterable[WalletLot], at: datetime) -> WalletState:
    """From a wallet and its lots. What has expired counts for nothing, whether it is booked yet or not."""
    ended = wallet.status != "active" or (wallet.expires_at is not None and wallet.expires_at <= at)
    found = tuple(lots)
    live = [] if ended else [lot for lot in found if lot.expires_at is None or lot.expires_at > at]
    given = [lot for lot in live if lot.promotional]
    live_ids = {lot.pk for lot in live}
    expired = sum(lot.remaining_minor for lot in found if lot.pk not in live_ids)
    usable = min(wallet.balance_minor, 0) if ended else wallet.balance_minor - expired
    promotional = sum(lot.remaining_minor for lot in given)
    credit = 0 if ended or wallet.customer.mode != "postpaid" else wallet.credit_limit_minor
    return WalletState(
        cash_minor=usable - promotional,
        promotional_minor=promotional,
        promotional_expires_at=min((lot.expires_at for lot in given if lot.expires_at), default=None),
        available_minor=max(usable + credit, 0),
        debt_minor=max(-wallet.balance_minor, 0),
        credit_limit_minor=wallet.credit_limit_minor,
        lots=tuple(live),
    )


def credit_of(wallet: Wallet, mode: str) -> int:
    """How far below zero the wallet may go, in minor units: the mode of its customer decides."""
    return wallet.credit_limit_minor if mode == "postpaid" else 0


def facts_of(wallets: Iterable[Wallet], mode: str) -> list[WalletFacts]:
    """Wallets of a customer as the rules see them, the oldest first."""
    return [
        WalletFacts(
            str(row.pk),
            row.balance_minor,
            row.priority,
            credit_of(row, mode),
            frozenset(row.fee_types),
            frozenset(str(key) for key in row.metric_ids),
        )
        for row in sorted(wallets, key=lambda row: (row.created_at, row.pk))
    ]


def pays_for(wallet: Wallet, metrics: Mapping[UUID, Metric]) -> list[str]:
    """What a limited wallet pays for, in words; empty: everything. `metrics`: of `metrics_of`."""
    usage = sorted(metrics[key].name for key in wallet.metric_ids if key in metrics)
    return [words for name, words in FEE_WORDS.items() if name in wallet.fee_types] + usage


def metric_codes(wallet: Wallet) -> list[str]:
    """The codes of the metrics that it is limited to; no query for rows of `with_lots`, nor without a limit."""
    known: list[str] | None = getattr(wallet, "limit_codes", None)
    if known is None and wallet.metric_ids:
        return sorted(Metric.objects.filter(pk__in=wallet.metric_ids).values_list("code", flat=True))
    return known or []


def metric_names(keys: Iterable[UUID]) -> list[str]:
    """What the metrics of a limit are called, in order; deleted ones too. No query without any."""
    wanted = list(keys)
    rows = Metric.objects.filter(pk__in=wanted).order_by("name", "pk") if wanted else ()
    return [row.name for row in rows]


def metrics_of(wallets: Iterable[Wallet]) -> dict[UUID, Metric]:
    """The metrics that these wallets are limited to, by id. One query, or none."""
    keys = {key for row in wallets for key in row.metric_ids}
    return Metric.objects.in_bulk(keys) if keys else {}
