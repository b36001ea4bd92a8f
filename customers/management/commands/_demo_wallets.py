"""Wallets of the demo that show what wallets can: limits, automatic top-up, promotional credits, a debt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.actions.wallet_opening import primary_wallet
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import grant, void_credits
from billing.models import Wallet
from billing.orm.actor import Actor
from customers.actions.classification import change_mode
from customers.models import Customer
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits

NEEDED = 3


def make_wallet_states(customers: Sequence[Customer], by: Actor, at: datetime) -> None:
    """The first three customers get one kind each: topped up by itself, low, postpaid with a debt."""
    if len(customers) < NEEDED:
        return
    do: dict[str, Any] = {"by": by, "at": at}
    automatic, low, owing = (primary_wallet(customer, **do) for customer in customers[:NEEDED])
    terms: dict[str, Any] = {
        "max_balance_minor": 100_000,
        "max_single_credit_minor": 50_000,
        "low_balance_minor": 5_000,
        "auto_top_up_enabled": True,
        "auto_top_up_minor": 10_000,
    }
    edit_wallet(automatic, replace(terms_of(automatic), **terms), **do)
    record_payment(sell_credits(automatic, Decimal(200), **do), key="demo", **do)
    expires = at + timedelta(days=20)
    grant(automatic, Decimal(25), reason="Spring campaign", expires_at=expires, key="spring", **do)
    edit_wallet(low, replace(terms_of(low), low_balance_minor=7_500), **do)
    grant(low, Decimal(30), reason="Apology", expires_at=at + timedelta(days=6), key="apology", **do)
    change_mode(customers[2], "postpaid", reason="Yearly contract with credit", **do)
    edit_wallet(owing, replace(terms_of(owing), credit_limit_minor=50_000), **do)
    owing = Wallet.objects.select_related("customer").get(pk=owing.pk)
    void_credits(owing, owing.credits_balance + 120, reason="Support hours", key="support", **do)
