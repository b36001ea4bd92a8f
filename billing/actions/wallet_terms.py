"""Changing what a wallet is called, its place in the order of use, and its limits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.wallet_ledger import check_active, lock_wallet
from billing.actions.wallet_opening import write_terms
from billing.actions.wallet_watch import look_again
from billing.actions.webhooks import emit
from billing.models import Wallet
from billing.orm.actor import Actor
from billing.queries.payloads_subscriptions import wallet_payload
from billing.queries.wallets import metric_names, wallet_state
from billing.rules.errors import Conflict
from billing.rules.money import from_minor
from billing.rules.wallet_terms import WalletTerms


def terms_of(wallet: Wallet) -> WalletTerms:
    """What the wallet's terms are."""
    found: dict[str, Any] = {name: getattr(wallet, name) for name in WalletTerms.__dataclass_fields__}
    return WalletTerms(**(found | {name: tuple(found[name]) for name in ("fee_types", "metric_ids")}))


@transaction.atomic
def edit_wallet(wallet: Wallet, terms: WalletTerms, *, by: Actor, at: datetime) -> Wallet:
    """Give a wallet these terms; what differs is in the log, and nothing is written when nothing does.

    A maximum below what the wallet holds takes nothing out, it refuses what would come. Raises FieldErrors, Invalid
    for a new expiry that is past, Conflict for a wallet that has ended and for a credit limit below what is owed.
    """
    wallet = lock_wallet(wallet)
    check_active(wallet)
    before = audit.snapshot(wallet, WalletTerms.__dataclass_fields__)
    write_terms(wallet, terms, at=at)
    if wallet.balance_minor < -wallet.credit_limit_minor:
        owed = from_minor(-wallet.balance_minor, wallet.currency)
        raise Conflict(
            f"{owed:f} {wallet.currency} is owed on this wallet: the limit cannot be lower.",
            code="credit_limit_below_debt",
            field="credit_limit_minor",
        )
    changes = audit.differences(before, wallet)
    if not changes:
        return wallet
    if found := changes.pop("metric_ids", None):
        changes["metrics"] = (metric_names(found[0]), metric_names(found[1]))
    wallet.untouched = False
    wallet.save()
    look_again(wallet.customer)
    audit.record(
        wallet.organization,
        "wallet.updated",
        wallet,
        by=by,
        at=at,
        customer=wallet.customer,
        changes=changes,
    )
    payload = wallet_payload(wallet, wallet_state(wallet, at))
    emit(wallet.organization, "wallet.updated", wallet, payload, at=at)
    return wallet
