"""Two acts on one wallet at the same moment, on PostgreSQL: the limit holds and one top-up is bought."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import primary_wallet
from billing.actions.wallets import grant, void_credits
from billing.models import Wallet, WalletEntry
from billing.rules.errors import BillingError
from customers.models import Customer
from invoicing.actions.top_up import sell_credits, top_up_automatically
from invoicing.models import Invoice
from tests.factories.invoicing import billed_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.flows.test_races import done, together

pytestmark = pytest.mark.django_db(transaction=True)
DO = {"by": ACTOR, "at": NOW}


def primary(**fields: object) -> Wallet:
    return primary_wallet(billed_customer(make_organization(), **fields), **DO)


def test_two_debits_share_one_credit_limit() -> None:
    wallet = primary(mode="postpaid", default_credit_limit=Decimal(10))
    grant(wallet, Decimal(5), key="start", **DO)
    answers = together(
        *(lambda key=key: void_credits(wallet, Decimal(9), reason="Use", key=key, **DO) for key in ("a", "b"))
    )
    assert len(done(answers)) == 1
    refused = next(answer for answer in answers if isinstance(answer, BillingError))
    wallet.refresh_from_db()
    assert (refused.code, wallet.balance_minor, ledger_total(wallet)) == ("insufficient_credits", -400, -400)


def test_one_key_debits_once() -> None:
    wallet = primary(mode="postpaid", default_credit_limit=Decimal(10))

    def act() -> object:
        return void_credits(wallet, Decimal(3), reason="Use", key="one", **DO)

    assert len({entry.pk for entry in done(together(act, act))}) == 1
    assert WalletEntry.objects.count() == 1


def test_two_calls_buy_one_automatic_top_up() -> None:
    wallet = primary(
        default_low_balance_threshold=Decimal(10),
        default_auto_top_up_enabled=True,
        default_auto_topup_amount=Decimal(20),
    )
    answers = together(
        *(lambda call=call: top_up_automatically(wallet, call, **DO) for call in ("one", "two"))
    )
    assert sum(answer is not None for answer in answers) == 1
    assert [invoice.total_minor for invoice in Invoice.objects.all()] == [2000]


def test_two_sales_with_one_key_are_one_invoice() -> None:
    wallet = primary()

    def act() -> object:
        return sell_credits(wallet, Decimal(3), key="one", **DO)

    assert len({invoice.pk for invoice in done(together(act, act))}) == 1
    assert Invoice.objects.count() == Customer.objects.count() == 1
