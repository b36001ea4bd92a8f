"""Wallets of postpaid customers: how far they go, how a debt is collected; limits and automatic top-ups."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from billing.actions.wallet_debits import consume, give_back
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import primary_wallet
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import grant, void_credits
from billing.models import EmittedEvent, Wallet, WalletLot
from billing.rules.errors import BillingError, Conflict
from customers.models import Customer
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits, top_up_automatically
from invoicing.actions.wallet_settling import end_wallet, settle_wallet
from invoicing.models import Invoice
from tests.factories.invoicing import billed_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
DO = {"by": ACTOR, "at": NOW}


def primary(mode: str = "postpaid", **defaults: object) -> Wallet:
    customer = billed_customer(make_organization(), mode=mode, default_credit_limit=Decimal(10), **defaults)
    return primary_wallet(customer, **DO)


def owe(wallet: Wallet, credits: str) -> Wallet:
    void_credits(wallet, Decimal(credits), reason="Use", key=f"use:{credits}", **DO)
    wallet.refresh_from_db()
    return wallet


def bill(customer: Customer) -> Invoice:
    items = [Item("Setup", Decimal(5))]
    return create_one_off(customer, items, **DO)


@pytest.mark.parametrize(("mode", "most"), [("prepaid", "2"), ("postpaid", "12")])
def test_a_debit_goes_as_far_as_the_mode_allows(mode: str, most: str) -> None:
    wallet = primary(mode)
    grant(wallet, Decimal(2), key="start", **DO)
    with pytest.raises(Conflict) as refused:
        owe(wallet, str(Decimal(most) + Decimal("0.01")))
    assert refused.value.code == "insufficient_credits"
    owe(wallet, most)
    assert wallet.balance_minor == ledger_total(wallet) == 200 - int(most) * 100
    assert not WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0).exists()


def test_an_invoice_uses_balances_then_credit_and_gives_back_the_life_it_took() -> None:
    wallet = primary()
    soon = NOW + timedelta(days=3)
    grant(wallet, Decimal(4), expires_at=soon, key="start", **DO)
    invoice = bill(wallet.customer)
    assert consume(wallet.customer, 2000, "EUR", invoice=invoice, **DO) == [(wallet, 1400)]
    wallet.refresh_from_db()
    assert wallet.balance_minor == -1000
    assert give_back(invoice, **DO) == 1400
    wallet.refresh_from_db()
    assert wallet.balance_minor == ledger_total(wallet) == 400
    left = WalletLot.objects.get(wallet=wallet, remaining_minor__gt=0)
    assert (left.remaining_minor, left.promotional, left.expires_at) == (400, True, soon)


def test_a_debt_is_billed_once_and_settled_when_it_is_paid() -> None:
    wallet = owe(primary(), "6")
    invoice = settle_wallet(wallet, **DO)
    assert settle_wallet(wallet, **DO) == invoice
    assert (invoice.total_minor, invoice.taxes_minor, invoice.type) == (600, 0, "credit")
    owe(wallet, "3")
    assert settle_wallet(wallet, **DO).total_minor == 300
    record_payment(invoice, key="p", **DO)
    wallet.refresh_from_db()
    assert wallet.balance_minor == ledger_total(wallet) == -300


def test_the_next_invoice_collects_and_the_end_leaves_nothing_owed() -> None:
    wallet = owe(primary(), "6")
    create_one_off(wallet.customer, [Item("Setup", Decimal(5))], finalize=True, **DO)
    draft = bill(wallet.customer)
    finalize_invoice(draft, **DO)
    settlement = Invoice.objects.get(wallet=wallet)
    assert settlement.total_minor == 600
    ended = end_wallet(wallet, **DO)
    assert (ended.status, ended.balance_minor, ledger_total(ended)) == ("terminated", 0, 0)
    record_payment(settlement, key="p", **DO)
    assert ledger_total(ended) == 0
    heir = Wallet.objects.get(customer=wallet.customer, is_primary=True)
    assert (heir.status, heir.balance_minor, heir.credit_limit_minor) == ("active", 0, 1000)


def test_limits_refuse_credits_by_name_and_a_limit_below_the_debt() -> None:
    wallet = primary(default_max_balance=Decimal(20), default_max_single_credit=Decimal(15))
    for amount, code in (("15.01", "max_single_credit_exceeded"), ("15", ""), ("6", "max_balance_exceeded")):
        try:
            sell_credits(wallet, Decimal(amount), **DO)
            assert not code
        except BillingError as error:
            assert (error.code, error.field) == (code, "credits")
    owe(wallet, "5")
    with pytest.raises(Conflict):
        edit_wallet(wallet, replace(terms_of(wallet), credit_limit_minor=499), **DO)


def test_a_low_balance_warns_once_and_tops_up_once() -> None:
    wallet = primary(
        "prepaid",
        default_low_balance_threshold=Decimal(10),
        default_auto_top_up_enabled=True,
        default_auto_topup_amount=Decimal(20),
    )
    grant(wallet, Decimal(12), key="start", **DO)
    owe(wallet, "3")
    owe(wallet, "1")
    assert EmittedEvent.objects.filter(name="wallet.low_balance").count() == 1
    first = top_up_automatically(wallet, "one", **DO)
    assert first is not None and first.total_minor == 2000
    assert top_up_automatically(wallet, "one", **DO) is None
    assert top_up_automatically(wallet, "two", **DO) is None
    record_payment(first, key="p", **DO)
    assert EmittedEvent.objects.filter(name="wallet.topped_up").count() == 1
    assert top_up_automatically(wallet, "two", **DO) is None
    wallet.refresh_from_db()
    assert wallet.balance_minor == ledger_total(wallet) == 2800
