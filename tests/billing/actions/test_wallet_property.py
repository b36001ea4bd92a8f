"""Whatever is done to a wallet, its ledger, its balance and its lots agree, and the limit holds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actions.locks import lock_customer
from billing.actions.wallet_debits import consume, give_back
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import primary_wallet
from billing.actions.wallets import grant, settle_debt, void_credits
from billing.models import WalletLot
from billing.rules.errors import BillingError
from invoicing.actions.one_off import Item, create_one_off
from tests.factories.invoicing import billed_customer
from tests.factories.people import ACTOR, NOW, make_organization

DO = {"by": ACTOR, "at": NOW}
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "gift", "debit", "consume", "settle", "return"]), st.integers(1, 1500)
    ),
    max_size=12,
)


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, mode=st.sampled_from(["prepaid", "postpaid"]))
def test_ledger_balance_and_lots_agree(db: None, acts: list[tuple[str, int]], mode: str) -> None:
    customer = billed_customer(make_organization(), mode=mode, default_credit_limit=Decimal(10))
    wallet = primary_wallet(customer, **DO)
    limit = 1000 if mode == "postpaid" else 0
    used = []
    for number, (act, minor) in enumerate(acts):
        key, credits = f"act-{number}", Decimal(minor) / 100
        try:
            if act in ("grant", "gift"):
                grant(wallet, credits, promotional=act == "gift", key=key, **DO)
            elif act == "debit":
                void_credits(wallet, credits, reason="Use", key=key, **DO)
            elif act == "return" and used:
                lock_customer(customer.pk)
                give_back(used.pop(), **DO)
            elif act in ("consume", "settle"):
                invoice = create_one_off(customer, [Item("Setup", Decimal(1))], **DO)
                if act == "consume":
                    consume(lock_customer(customer.pk), minor, wallet.currency, invoice=invoice, **DO)
                    used.append(invoice)
                elif wallet.balance_minor < 0:
                    settle_debt(wallet, min(minor, -wallet.balance_minor), invoice=invoice, **DO)
        except BillingError as error:
            assert error.code == "insufficient_credits"
        wallet.refresh_from_db()
        lots = WalletLot.objects.filter(wallet=wallet).values_list("remaining_minor", flat=True)
        assert wallet.balance_minor == ledger_total(wallet) >= -limit
        assert sum(lots) == max(wallet.balance_minor, 0)
        for lot in WalletLot.objects.filter(wallet=wallet).select_related("entry"):
            went = sum(use.amount_minor for use in lot.uses.all() if use.amount_minor > 0)
            came = min(lot.entry.amount_minor, lot.entry.balance_after_minor)
            assert came == went + lot.remaining_minor
        with connection.cursor() as cursor:  # the parts of each debit and return sum to it
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
