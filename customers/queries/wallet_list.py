"""The list of wallets: rows that the filters leave, what stands in them, and totals per currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from billing.models import Organization, Wallet, WalletLot
from billing.orm.windows import CAP
from billing.queries.wallets import WalletState, metrics_of, pays_for, wallet_states
from customers.models import Customer
from customers.queries.narrow import Narrowed, searched

# Written as the indexes of these rows are.
LOW = Q(
    status="active",
    untouched=False,
    low_balance_minor__isnull=False,
    balance_minor__lt=F("low_balance_minor"),
)
BALANCES = {
    "low": LOW,
    "negative": Q(balance_minor__lt=0),
    "empty": Q(balance_minor=0),
    "positive": Q(balance_minor__gt=0),
}


@dataclass(frozen=True)
class ListedWallet:
    """A wallet with what it holds. `low`: below its mark; `pays_for`: what it is limited to, in words."""

    wallet: Wallet
    state: WalletState
    low: bool
    pays_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class WalletTotal:
    """A line under the list: minor units of a currency. `cash_minor` is what is left of bought credits."""

    currency: str
    count: int
    held_minor: int
    promotional_minor: int
    debt_minor: int

    @property
    def cash_minor(self) -> int:
        """What is held and not promotional."""
        return self.held_minor - self.promotional_minor


def wallets_narrowed(organization: Organization, values: Mapping[str, Any]) -> Narrowed:
    """The wallets that every filter lets through (`customers/forms/wallet_filters.py`). The rows are not read yet.

    Wallets that were never used are left out, unless `use` asks for them or a word is searched for; those of them
    that have ended with their customer are listed among all only.
    """
    rows = Wallet.objects.of(organization)
    use = values.get("use", "")
    if use == "never":
        rows = rows.untouched().active()
    elif use != "all":
        rows = rows.filter(Q(untouched=False) | Q(status="active")) if "q" in values else rows.in_use()
    for name in ("status", "currency"):
        if name in values:
            rows = rows.filter(**{name: values[name]})
    if "balance" in values:
        rows = rows.filter(BALANCES[values["balance"]])
    if "primary" in values:
        rows = rows.filter(is_primary=values["primary"] == "yes")
    if "auto" in values:
        rows = rows.filter(auto_top_up_enabled=values["auto"] == "yes")
    if "mode" in values:
        rows = rows.filter(customer__mode=values["mode"])
    if not (term := values.get("q", "")):
        return Narrowed(rows, rows)
    few, many = searched(organization, term)
    of_customers = Customer.objects.of(organization).filter(few).values("pk")
    named = Q(name__gt="", name__icontains=term)
    # Past the cap the list is walked instead: neither part needs to be read further.
    parts = [
        part.order_by().values("pk")[: CAP + 1]
        for part in (rows.filter(customer__in=of_customers), rows.filter(named))
    ]
    found = Wallet.objects.of(organization).filter(pk__in=parts[0].union(parts[1]))
    return Narrowed(found, rows.filter(named | of_customer(many)), costly=True)


def of_customer(found: Q) -> Q:
    """A condition on customers as one on their wallets: read from the row that is met, never from all customers."""
    moved = Q(_connector=found.connector, _negated=found.negated)
    moved.children = [
        of_customer(part) if isinstance(part, Q) else (f"customer__{part[0]}", part[1])  # type: ignore[index]
        for part in found.children
    ]
    return moved


def listed_wallets(organization: Organization, keys: Iterable[Any], at: datetime) -> list[ListedWallet]:
    """These wallets in this order. Two queries."""
    order = list(keys)
    rows = Wallet.objects.of(organization).filter(pk__in=order).select_related("customer__billing_entity")
    found = rows.in_bulk()
    return stated([found[key] for key in order if key in found], at)


def stated(wallets: list[Wallet], at: datetime) -> list[ListedWallet]:
    """Wallets, whose customers are loaded, with what they hold. One query, and one more when metrics limit any."""
    states, metrics = wallet_states(wallets, at), metrics_of(wallets)
    return [ListedWallet(row, states[row.pk], is_low(row), tuple(pays_for(row, metrics))) for row in wallets]


def is_low(wallet: Wallet) -> bool:
    """Below its mark, while it is active. One that was never used is not low yet."""
    low = wallet.low_balance_minor
    in_use = wallet.status == "active" and not wallet.untouched
    return in_use and low is not None and wallet.balance_minor < low


def wallet_totals(rows: QuerySet[Any], at: datetime) -> list[WalletTotal]:
    """What these wallets hold and what is owed on them, by currency. Two queries."""
    held = Sum("balance_minor", filter=Q(balance_minor__gt=0), default=0)
    debt = Sum("balance_minor", filter=Q(balance_minor__lt=0), default=0)
    found = rows.order_by("currency").values_list("currency").annotate(n=Count("pk"), held=held, debt=debt)
    lots = WalletLot.objects.filter(wallet__in=rows.order_by().values("pk"), remaining_minor__gt=0)
    alive = Q(expires_at=None) | Q(expires_at__gt=at)
    given = dict(
        lots.filter(alive, promotional=True)
        .order_by()
        .values_list("wallet__currency")
        .annotate(minor=Sum("remaining_minor"))
    )
    dead = dict(
        lots.exclude(alive).order_by().values_list("wallet__currency").annotate(Sum("remaining_minor"))
    )
    return [
        WalletTotal(currency, count, held - dead.get(currency, 0), given.get(currency, 0), -debt)
        for currency, count, held, debt in found
    ]
