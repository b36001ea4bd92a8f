"""What a merge does with primary wallets, used and not: the target has exactly one afterwards, in its currency."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from billing.actions.top_up_schedules import ScheduleTerms, set_schedule
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import grant
from billing.models import AuditEntry, Organization, TopUpSchedule, Wallet
from billing.rules.periods import Interval
from billing.rules.top_up_rules import Method
from customers.actions.foresee import foresee_merge
from customers.actions.merge import merge_customers
from customers.models import Customer, Merge
from customers.views.merge_words import effects
from tests.factories.invoicing import billed_customer, owing
from tests.factories.merging import AT, BY, fresh
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def primary(customer: Customer) -> Wallet:
    """The active primary wallet, of which there is exactly one."""
    found: Wallet = Wallet.objects.active().get(customer=customer, is_primary=True)
    return found


def filled(customer: Customer, credits: int) -> Wallet:
    """The primary wallet with credits."""
    grant(primary(customer), Decimal(credits), key="k", by=BY, at=AT)
    return primary(customer)


def merge(source: Customer, target: Customer, **more: Any) -> Merge:
    return merge_customers(source, target, by=BY, at=AT, **more)


def counted(merge: Merge) -> tuple[int, int, list[Any]]:
    return merge.counts["wallets_merged"], merge.counts["wallets_moved"], merge.counts["wallets"]


def test_of_two_unused_ones_the_targets_stays_and_nobody_counts(organization: Organization) -> None:
    source, target = billed_customer(organization), billed_customer(organization)
    kept, gone = primary(target), primary(source)
    assert foresee_merge(source, target, "keep_target", {}, by=BY, at=AT)["wallets"] == []
    assert counted(merge(source, target, confirmation="")) == (0, 0, [])
    assert primary(target) == kept and Wallet.objects.active().get(customer=target) == kept
    assert (fresh(gone).status, fresh(gone).customer, fresh(gone).is_primary) == ("terminated", target, False)
    assert not AuditEntry.objects.filter(action__startswith="wallet.").exists()


def test_credits_go_into_the_targets_unused_one(organization: Organization) -> None:
    """The target keeps its primary wallet, under its id and with its rules."""
    source, target = billed_customer(organization), billed_customer(organization, default_max_balance=500)
    filled(source, 40)
    kept = primary(target)
    done = merge(source, target)
    assert counted(done) == (1, 0, [{"currency": "EUR", "minor": 4000, "how": "merged"}])
    found = primary(target)
    assert (found, found.balance_minor, found.untouched) == (kept, 4000, False)
    assert (ledger_total(found), found.max_balance_minor) == (4000, 50_000)


def test_an_unused_one_of_the_source_is_no_matter_for_the_targets_credits(organization: Organization) -> None:
    source, target = billed_customer(organization), billed_customer(organization)
    kept = filled(target, 20)
    assert counted(merge(source, target)) == (0, 0, [])
    assert (primary(target), primary(target).balance_minor) == (kept, 2000)


def test_one_with_rules_of_its_own_counts(organization: Organization) -> None:
    source, target = billed_customer(organization), billed_customer(organization)
    edit_wallet(primary(source), replace(terms_of(primary(source)), name="Team"), by=BY, at=AT)
    assert counted(merge(source, target)) == (1, 0, [{"currency": "EUR", "minor": 0, "how": "merged"}])


def test_a_debt_is_not_refused_by_a_wallet_that_nobody_has_used(organization: Organization) -> None:
    """5.00 are owed; the target's unused wallet has no credit limit, so the one that owes moves as it is."""
    source, target = billed_customer(organization), billed_customer(organization, mode="postpaid")
    debt, kept = owing(primary(source), 500), primary(target)
    assert counted(merge(source, target)) == (0, 1, [{"currency": "EUR", "minor": -500, "how": "moved"}])
    assert (fresh(debt).customer, fresh(debt).balance_minor, fresh(debt).is_primary) == (target, -500, False)
    assert primary(target) == kept


def test_another_currency_moves_beside_the_targets_primary(organization: Organization) -> None:
    source, target = billed_customer(organization, currency="USD"), billed_customer(organization)
    dollars = filled(source, 7)
    assert counted(merge(source, target))[:2] == (0, 1)
    assert (primary(target).currency, fresh(dollars).is_primary) == ("EUR", False)
    assert fresh(dollars).customer == target and fresh(dollars).status == "active"


def test_the_targets_unused_one_follows_the_currency_it_takes_over(organization: Organization) -> None:
    source = billed_customer(organization, currency="USD")
    target = billed_customer(organization, default_max_balance=500)
    filled(source, 7)
    merge(source, target, chosen={"currency": "source", "wallet_defaults": "source"})
    assert fresh(target).currency == "USD"
    found = primary(target)
    assert (found.currency, found.balance_minor, found.max_balance_minor) == ("USD", 700, None)


@pytest.mark.parametrize(("currency", "taken"), [("EUR", True), ("USD", False)])
def test_a_target_that_was_brought_in_without_one_takes_the_sources_of_its_currency(
    organization: Organization, currency: str, taken: bool
) -> None:
    source, target = billed_customer(organization, currency=currency), billed_customer(organization)
    Wallet.objects.filter(customer=target).delete()
    unused = primary(source)
    merge(source, target)
    found = list(Wallet.objects.active().filter(customer=target, is_primary=True))
    assert found == ([unused] if taken else [])


@pytest.mark.parametrize(("theirs", "kept"), [(False, "source"), (True, "target")])
def test_a_schedule_goes_on_with_the_wallet_that_stays_unless_that_has_one(
    organization: Organization, theirs: bool, kept: str
) -> None:
    """100 credits a month at 0.50 are 50 at 1.00. The dialog says which."""
    source, target = billed_customer(organization), billed_customer(organization)
    wallet, stays = filled(source, 20), filled(target, 10)
    Wallet.objects.filter(pk=wallet.pk).update(rate=Decimal("0.5"))
    terms = ScheduleTerms(Interval.MONTHLY, Method.FIXED, AT, paid_credits=Decimal(100), name="source")
    set_schedule(fresh(wallet), terms, by=BY, at=AT)
    if theirs:
        mark = replace(terms, interval=None, threshold_credits=Decimal(5), name="target")
        set_schedule(stays, mark, by=BY, at=AT)
    counts = foresee_merge(source, target, "keep_target", {}, by=BY, at=AT)
    assert (counts["schedules_moved"], counts["schedules_ended"]) == (not theirs, theirs)
    assert any("Scheduled top-ups" in line for line in effects(source, target, counts))
    assert TopUpSchedule.objects.get(name="source").wallet == wallet
    merge(source, target)
    row = TopUpSchedule.objects.get(wallet=stays)
    assert (row.name, row.paid_credits) == (kept, 100 if theirs else 50)
    assert [one.name for one in TopUpSchedule.objects.running()] == ([] if theirs else ["source"])


def test_credits_keep_what_they_pay_for(organization: Organization) -> None:
    """40.00 for usage only go into no wallet that pays for everything, but into one with the same limit."""
    source, target = billed_customer(organization), billed_customer(organization)
    filled(target, 5)
    limited = filled(source, 40)
    edit_wallet(limited, replace(terms_of(limited), fee_types=("charge",)), by=BY, at=AT)
    assert counted(merge(source, target)) == (0, 1, [{"currency": "EUR", "minor": 4000, "how": "moved"}])
    assert (fresh(limited).balance_minor, fresh(limited).fee_types) == (4000, ["charge"])
    assert primary(target).balance_minor == 500

    third = billed_customer(organization)
    same = filled(third, 7)
    edit_wallet(same, replace(terms_of(same), fee_types=("charge",)), by=BY, at=AT)
    assert merge(third, target).counts["wallets_merged"] == 1
    assert fresh(limited).balance_minor == 4700
