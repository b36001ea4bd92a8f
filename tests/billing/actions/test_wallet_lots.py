"""Lots: what is left of each movement, in which order it is used, and how it expires."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from billing.actions.wallet_ending import expire_credits
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant, void_credits
from billing.models import EntryKind, Wallet, WalletEntry, WalletLot
from billing.rules.errors import Conflict, Invalid
from billing.tasks import expire_credits as expire_task
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def left(wallet: Wallet) -> int:
    return WalletLot.objects.filter(wallet=wallet).aggregate(total=Sum("remaining_minor"))["total"]


def test_what_expires_soonest_is_used_first_and_the_lots_sum_to_the_balance() -> None:
    wallet = make_wallet(make_customer(make_organization(), currency="EUR"), "10", NOW)
    soon = NOW + timedelta(days=1)
    grant(wallet, Decimal(5), expires_at=soon, key="soon", by=ACTOR, at=NOW)

    void_credits(wallet, Decimal(3), reason="Typo", key="v", by=ACTOR, at=NOW)

    wallet.refresh_from_db()
    assert WalletLot.objects.get(wallet=wallet, expires_at=soon).remaining_minor == 200
    assert left(wallet) == wallet.balance_minor == ledger_total(wallet) == 1200


def test_expired_credits_are_booked_once() -> None:
    wallet = make_wallet(make_customer(make_organization(), currency="EUR"), "10", NOW)
    soon = NOW + timedelta(days=1)
    grant(wallet, Decimal(5), expires_at=soon, key="soon", by=ACTOR, at=NOW)

    assert expire_credits(wallet, by=ACTOR, at=soon - timedelta(seconds=1)) == 0
    assert expire_credits(wallet, by=ACTOR, at=soon) == 500
    assert expire_credits(wallet, by=ACTOR, at=soon) == 0

    wallet.refresh_from_db()
    assert left(wallet) == wallet.balance_minor == ledger_total(wallet) == 1000
    assert WalletEntry.objects.get(wallet=wallet, kind=EntryKind.EXPIRED).amount_minor == -500


def test_a_debit_never_uses_what_has_expired() -> None:
    wallet = make_wallet(make_customer(make_organization(), currency="EUR"), "1", NOW)
    soon = NOW + timedelta(days=1)
    grant(wallet, Decimal(5), expires_at=soon, key="soon", by=ACTOR, at=NOW)

    with pytest.raises(Conflict):
        void_credits(wallet, Decimal(2), reason="Typo", key="v", by=ACTOR, at=soon)


def test_the_worker_expires_what_is_past_its_day() -> None:
    wallet = make_wallet(make_customer(make_organization(), currency="EUR"), "1", NOW)
    grant(wallet, Decimal(5), expires_at=NOW + timedelta(seconds=1), key="soon", by=ACTOR, at=NOW)
    WalletLot.objects.filter(wallet=wallet, promotional=True).update(expires_at=NOW - timedelta(days=3650))

    expire_task()

    wallet.refresh_from_db()
    assert wallet.balance_minor == 0


def test_the_priority_of_credits_goes_before_their_kind_and_age() -> None:
    """Worked by hand: bought 10.00 (priority 50), granted 5.00 (50), bought 3.00 (2), granted 4.00 (2). 9.00 go out:
    the granted 4.00 of priority 2, the bought 3.00 of it, then 2.00 of the granted 5.00.
    """
    customer = make_customer(make_organization(), currency="EUR")
    wallet = create_wallet(customer, currency="EUR", by=ACTOR, at=NOW)
    for paid, granted, priority in ((10, 5, 50), (3, 4, 2)):
        sold = sell_credits(wallet, Decimal(paid), priority=priority, by=ACTOR, at=NOW)
        record_payment(sold, amount_minor=sold.total_minor, key="paid", by=ACTOR, at=NOW)
        grant(wallet, Decimal(granted), priority=priority, key=f"g{priority}", by=ACTOR, at=NOW)

    void_credits(wallet, Decimal(9), reason="Typo", key="v", by=ACTOR, at=NOW)

    rows = WalletLot.objects.filter(wallet=wallet).order_by("priority", "-promotional")
    found = [(lot.priority, lot.promotional, lot.remaining_minor) for lot in rows]
    assert found == [(2, True, 0), (2, False, 0), (50, True, 300), (50, False, 1000)]
    wallet.refresh_from_db()
    assert left(wallet) == wallet.balance_minor == ledger_total(wallet) == 1300


@pytest.mark.parametrize("priority", [0, 51, -1])
def test_another_priority_is_refused_and_books_nothing(priority: int) -> None:
    customer = make_customer(make_organization(), currency="EUR")
    wallet = create_wallet(customer, currency="EUR", by=ACTOR, at=NOW)
    with pytest.raises(Invalid) as grants:
        grant(wallet, Decimal(1), priority=priority, key="g", by=ACTOR, at=NOW)
    with pytest.raises(Invalid) as sells:
        sell_credits(wallet, Decimal(1), priority=priority, by=ACTOR, at=NOW)
    assert (grants.value.field, sells.value.field) == ("priority", "priority")
    assert not WalletEntry.objects.filter(wallet=wallet).exists()
