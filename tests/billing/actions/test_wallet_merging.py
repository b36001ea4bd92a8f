"""Two wallets become one: to the cent, lot by lot, whatever they held."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actions.wallet_ending import terminate_wallet
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_merging import heir_of, merge_wallets
from billing.actions.wallet_opening import create_wallet
from billing.models import EntryKind, Organization, Wallet, WalletEntry, WalletLot, WalletUse
from billing.rules.errors import Conflict, Invalid
from customers.models import Customer
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
Lots = list[tuple[int, bool, int | None]]  # minor units, promotional, days until it expires


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization()


def wallet_of(customer: Customer, lots: Lots = (), owed: int = 0, **fields: object) -> Wallet:  # type: ignore[assignment]
    """A wallet with these lots, or with a debt, its ledger in order."""
    wallet = create_wallet(customer, currency="EUR", by=ACTOR, at=NOW)
    balance = sum(minor for minor, _, _ in lots) - owed
    amounts = [minor for minor, _, _ in lots] + ([-owed] if owed else [])
    after = 0
    for number, minor in enumerate(amounts):
        after += minor
        entry = WalletEntry.objects.create(
            organization=customer.organization,
            wallet=wallet,
            kind=EntryKind.GRANTED if minor > 0 else EntryKind.CONSUMED,
            credits=Decimal(minor) / 100,
            amount_minor=minor,
            balance_after_minor=after,
            key=f"k{number}",
            at=NOW,
        )
        if minor < 0:
            WalletUse.objects.create(organization=customer.organization, entry=entry, amount_minor=-minor)
        if minor > 0:
            _, promotional, days = lots[number]
            WalletLot.objects.create(
                organization=customer.organization,
                wallet=wallet,
                entry=entry,
                promotional=promotional,
                remaining_minor=minor,
                expires_at=ends(days),
            )
    for name, value in fields.items():
        setattr(wallet, name, value)
    wallet.balance_minor, wallet.credits_balance = balance, Decimal(balance) / 100
    wallet.credit_limit_minor = max(wallet.credit_limit_minor, owed)
    wallet.save()
    return wallet


def ends(days: int | None) -> datetime | None:
    return NOW + timedelta(days=days) if days is not None else None


def lots_of(wallet: Wallet) -> list[tuple[int, bool, datetime | None]]:
    rows = WalletLot.objects.filter(wallet=wallet, remaining_minor__gt=0).order_by("pk")
    return [(row.remaining_minor, row.promotional, row.expires_at) for row in rows]


def test_lots_go_on_with_their_kind_and_end(organization: Organization) -> None:
    source = wallet_of(make_customer(organization), [(300, True, 5), (700, False, None)])
    target = wallet_of(make_customer(organization), [(100, False, None)])
    merge_wallets(source, target, by=ACTOR, at=NOW)
    source.refresh_from_db()
    target.refresh_from_db()
    assert (source.balance_minor, source.credits_balance, source.status) == (0, 0, "terminated")
    assert (target.balance_minor, target.credits_balance) == (1100, Decimal(11))
    assert lots_of(source) == []
    assert lots_of(target) == [(100, False, None), (300, True, ends(5)), (700, False, None)]
    assert ledger_total(source) == 0 and ledger_total(target) == 1100


def test_what_one_side_owes_is_paid_by_the_other_soonest_to_expire_first(organization: Organization) -> None:
    source = wallet_of(make_customer(organization), owed=400)
    target = wallet_of(make_customer(organization), [(500, False, None), (300, True, 5)])
    merge_wallets(source, target, by=ACTOR, at=NOW)
    target.refresh_from_db()
    assert target.balance_minor == 400 and lots_of(target) == [(400, False, None)]


def test_a_wallets_own_end_goes_on_with_its_credits(organization: Organization) -> None:
    source = wallet_of(make_customer(organization), [(300, True, 50)], expires_at=ends(7))
    target = wallet_of(make_customer(organization))
    merge_wallets(source, target, by=ACTOR, at=NOW)
    assert lots_of(target) == [(300, True, ends(7))]


def test_credits_follow_the_money_at_the_rate_of_the_wallet_that_stays(organization: Organization) -> None:
    source = wallet_of(make_customer(organization), [(300, False, None)])
    target = wallet_of(make_customer(organization), rate=Decimal("0.5"))
    merge_wallets(source, target, by=ACTOR, at=NOW)
    target.refresh_from_db()
    assert (target.balance_minor, target.credits_balance) == (300, Decimal(6))


def test_below_the_limit_is_refused_with_the_amount(organization: Organization) -> None:
    source = wallet_of(make_customer(organization), owed=400)
    target = wallet_of(make_customer(organization), [(100, False, None)])
    with pytest.raises(Conflict, match=r"-3\.00"):
        merge_wallets(source, target, by=ACTOR, at=NOW)
    source.refresh_from_db()
    assert source.balance_minor == -400 and source.status == "active"


def test_what_is_no_pair_is_refused(organization: Organization) -> None:
    customer = make_customer(organization)
    source, target = wallet_of(customer), wallet_of(customer)
    with pytest.raises(Invalid):
        merge_wallets(source, source, by=ACTOR, at=NOW)
    dollars = create_wallet(customer, currency="USD", by=ACTOR, at=NOW)
    with pytest.raises(Invalid):
        merge_wallets(source, dollars, by=ACTOR, at=NOW)
    terminate_wallet(target, by=ACTOR, at=NOW)
    with pytest.raises(Conflict):
        merge_wallets(source, target, by=ACTOR, at=NOW)


def test_the_heir_is_found_over_several_merges(organization: Organization) -> None:
    customer = make_customer(organization)
    wallets = [wallet_of(customer) for _ in range(3)]
    merge_wallets(wallets[0], wallets[1], by=ACTOR, at=NOW)
    merge_wallets(wallets[1], wallets[2], by=ACTOR, at=NOW)
    for wallet in wallets:
        wallet.refresh_from_db()
    assert heir_of(wallets[0]) == heir_of(wallets[2]) == wallets[2]
    ended = terminate_wallet(wallets[2], by=ACTOR, at=NOW)
    assert heir_of(ended) == ended


lots = st.lists(st.tuples(st.integers(1, 10_000), st.booleans(), st.sampled_from([None, 3, 30])), max_size=3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lots, st.integers(0, 5_000), lots, st.integers(0, 5_000))
def test_the_sum_is_the_same_before_and_after(
    organization: Organization, one: Lots, one_owes: int, other: Lots, other_owes: int
) -> None:
    customer = make_customer(organization, mode="postpaid")
    source = wallet_of(customer, one, 0 if one else one_owes)
    target = wallet_of(customer, other, 0 if other else other_owes, credit_limit_minor=10_000)
    total = source.balance_minor + target.balance_minor
    merge_wallets(source, target, by=ACTOR, at=NOW)
    source.refresh_from_db()
    target.refresh_from_db()
    assert (source.balance_minor, target.balance_minor) == (0, total)
    assert ledger_total(source) == 0 and ledger_total(target) == total
    assert sum(minor for minor, _, _ in lots_of(target)) == max(total, 0)
    assert target.credits_balance == Decimal(total) / 100
    Wallet.objects.filter(customer=customer).update(
        status="terminated", balance_minor=0, credits_balance=0, terminated_at=NOW
    )
