"""The wallet ledger: exact entries, once per key, never below zero, safe under parallel writers."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actions.wallet_ending import terminate_wallet
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant, void_credits
from billing.models import AuditEntry, Wallet, WalletEntry
from billing.rules.errors import BillingError, Conflict, Invalid
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

DO = {"by": ACTOR, "at": NOW}


def wallet_with(credits: str = "0", *, rate: str = "1", currency: str = "EUR") -> Wallet:
    """A wallet of a new customer holding that many credits."""
    customer = make_customer(make_organization(), currency=currency)
    wallet = create_wallet(customer, currency=currency, rate=Decimal(rate), **DO)
    if Decimal(credits):
        grant(wallet, Decimal(credits), key="start", **DO)
        wallet.refresh_from_db()
    return wallet


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("credits", "rate", "currency", "minor", "kept"),
    [
        ("100", "1", "EUR", 10000, "100"),
        ("1034", "0.001", "EUR", 103, "1030"),  # only whole cents count
        ("7.5", "1", "JPY", 8, "8"),  # half away from zero, whole yen
        ("1.2345", "1", "KWD", 1235, "1.235"),
    ],
)
def test_a_grant_books_whole_minor_units(
    credits: str, rate: str, currency: str, minor: int, kept: str
) -> None:
    wallet = wallet_with(rate=rate, currency=currency)
    entry = grant(wallet, Decimal(credits), reason="Welcome", key="k", **DO)
    wallet.refresh_from_db()
    assert (entry.kind, entry.amount_minor, entry.credits) == ("granted", minor, Decimal(kept))
    assert (wallet.balance_minor, wallet.credits_balance) == (minor, Decimal(kept))
    line = AuditEntry.objects.get(action="wallet.granted")
    assert line.changes == {"balance_minor": [0, minor]}
    assert line.reason == "Welcome"


@pytest.mark.django_db
def test_the_same_key_is_booked_once() -> None:
    wallet = wallet_with()
    first = grant(wallet, Decimal(5), key="click", **DO)
    again = grant(wallet, Decimal(5), key="click", **DO)
    assert first.pk == again.pk
    assert ledger_total(wallet) == 500


@pytest.mark.django_db
@pytest.mark.parametrize("credits", ["0", "-1", "0.001", "NaN", "1e30"])
def test_credits_that_are_worth_nothing_are_refused(credits: str) -> None:
    wallet = wallet_with()
    with pytest.raises(Invalid):
        grant(wallet, Decimal(credits), key="k", **DO)
    assert not WalletEntry.objects.exists()


@pytest.mark.django_db
def test_voiding_more_than_the_balance_is_refused_and_changes_nothing() -> None:
    wallet = wallet_with("10")
    with pytest.raises(Conflict) as refused:
        void_credits(wallet, Decimal("10.01"), reason="x", key="v", **DO)
    assert refused.value.code == "insufficient_credits"
    wallet.refresh_from_db()
    assert (wallet.balance_minor, WalletEntry.objects.count()) == (1000, 1)


@pytest.mark.django_db
def test_termination_voids_the_rest_once_and_closes_the_wallet() -> None:
    wallet = wallet_with("12.34")
    terminate_wallet(wallet, **DO)
    ended = terminate_wallet(wallet, **DO)
    assert (ended.status, ended.balance_minor, ended.credits_balance) == ("terminated", 0, 0)
    entries = list(WalletEntry.objects.filter(wallet=wallet).values_list("kind", "amount_minor"))
    assert sorted(entries) == [("granted", 1234), ("voided", -1234)]
    with pytest.raises(Conflict):
        grant(wallet, Decimal(1), key="late", **DO)


@pytest.mark.django_db
def test_the_database_refuses_a_negative_balance_and_changed_entries() -> None:
    wallet = wallet_with("1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.filter(pk=wallet.pk).update(balance_minor=-1)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        WalletEntry.objects.filter(wallet=wallet).update(amount_minor=5)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        wallet.lots.all().delete()
        WalletEntry.objects.filter(wallet=wallet).delete()


@pytest.mark.django_db
def test_a_customer_has_at_most_six_active_wallets() -> None:
    wallet = wallet_with()
    for _ in range(5):
        create_wallet(wallet.customer, currency="EUR", **DO)
    with pytest.raises(Conflict):
        create_wallet(wallet.customer, currency="EUR", **DO)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["grant", "void", "repeat"]),
        st.decimals(min_value="0.00001", max_value="500", places=5),
    ),
    max_size=12,
)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES, st.sampled_from(["1", "0.01", "0.333333", "2.5"]), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_the_balance_is_always_the_sum_of_the_entries(
    moves: list[tuple[str, Decimal]], rate: str, currency: str
) -> None:
    wallet = wallet_with(rate=rate, currency=currency)
    key = 0
    for kind, credits in moves:
        key += kind != "repeat"
        try:
            if kind == "void":
                void_credits(wallet, credits, reason="x", key=f"k{key}", **DO)
            else:
                grant(wallet, credits, key=f"k{key}", **DO)
        except BillingError:
            pass  # refused moves must leave no trace, which the sums below show
        wallet.refresh_from_db()
        entries = WalletEntry.objects.filter(wallet=wallet)
        assert wallet.balance_minor == ledger_total(wallet) >= 0
        assert wallet.credits_balance == sum((entry.credits for entry in entries), Decimal(0)) >= 0
        assert entries.count() == len({entry.key for entry in entries})


@pytest.mark.django_db(transaction=True)
def test_parallel_debits_never_overdraw() -> None:
    """Given a balance for five, twelve debits at once: exactly five succeed."""
    wallet = wallet_with("5")
    outcomes: list[str] = []

    def debit(number: int) -> None:
        try:
            void_credits(wallet, Decimal(1), reason="race", key=f"race{number}", **DO)
            outcomes.append("done")
        except Conflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=debit, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wallet.refresh_from_db()
    assert sorted(outcomes) == ["done"] * 5 + ["refused"] * 7
    assert (wallet.balance_minor, ledger_total(wallet)) == (0, 0)
