"""Wallets of the demo that show what wallets can: limits, automatic top-up, promotional credits, a debt. They are
the customers' own primary wallets; the richest customer has a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.actions.alerts import AlertTerms, save_alert
from billing.actions.wallet_opening import create_wallet, primary_wallet
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import grant, void_credits
from billing.models import Metric, Wallet
from billing.orm.actor import Actor
from billing.rules.wallet_terms import WalletTerms
from customers.actions.classification import change_mode
from customers.models import Customer
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits

NEEDED = 3
WELCOME = {"UGX": 200_000, "JPY": 30_000}


def welcome(customer: Customer, by: Actor, at: datetime) -> None:
    """Credits that a customer gets when it comes, in its primary wallet under a name of its own."""
    wallet = primary_wallet(customer, by=by, at=at)
    Wallet.objects.filter(pk=wallet.pk).update(created_at=at)
    edit_wallet(wallet, replace(terms_of(wallet), name="Prepaid"), by=by, at=at)
    worth = Decimal(WELCOME.get(customer.currency, 150))
    grant(wallet, worth, reason="Welcome credits", key="welcome", by=by, at=at)


def make_wallet_states(customers: Sequence[Customer], by: Actor, at: datetime) -> None:
    """The first three customers get one kind each: topped up by itself, with credits that expire and a second wallet
    whose credits are not paid yet; low, with a second wallet that pays for some usage only; postpaid with a debt.
    """
    if len(customers) < NEEDED:
        return
    do: dict[str, Any] = {"by": by, "at": at}
    automatic, low, owing = (primary_wallet(customer, **do) for customer in customers[:NEEDED])
    project = create_wallet(customers[0], name="Project credits", currency=automatic.currency, **do)
    sell_credits(project, Decimal(500), **do)
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
    soon = at + timedelta(days=9)
    grant(automatic, Decimal(40), reason="Beta of the new reports", expires_at=soon, key="beta", **do)
    edit_wallet(low, replace(terms_of(low), low_balance_minor=7_500), **do)
    grant(low, Decimal(30), reason="Apology", expires_at=at + timedelta(days=6), key="apology", **do)
    metrics = Metric.objects.filter(charges__plan__subscriptions__customer=customers[1]).kept().distinct()
    own = tuple(metrics.order_by("name").values_list("pk", flat=True)[:1])
    limits = WalletTerms("Usage credits", 10, fee_types=() if own else ("charge",), metric_ids=own)
    usage = create_wallet(customers[1], currency=low.currency, terms=limits, **do)
    grant(usage, Decimal(60), reason="Pilot of the new API", key="pilot", **do)
    steps = ((Decimal(30), "half"), (Decimal(10), "nearly-used"))
    save_alert(
        usage, AlertTerms("wallet_ongoing_balance_amount", "pilot", "Pilot credits", steps=steps), **do
    )
    change_mode(customers[2], "postpaid", reason="Yearly contract with credit", **do)
    edit_wallet(owing, replace(terms_of(owing), credit_limit_minor=50_000), **do)
    owing = Wallet.objects.select_related("customer").get(pk=owing.pk)
    void_credits(owing, owing.credits_balance + 120, reason="Support hours", key="support", **do)
