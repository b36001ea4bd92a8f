"""Top-ups by the calendar: each due moment once, to a target with what is on its way, within the wallet's limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from billing.actions import later
from billing.actions.top_up_schedules import ScheduleTerms, remove_schedule, set_schedule
from billing.actions.wallet_ending import terminate_wallet
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import void_credits
from billing.models import AuditEntry, TopUpSchedule, Wallet, WalletEntry
from billing.rules.errors import Conflict, FieldErrors
from billing.rules.periods import Interval
from billing.rules.top_up_rules import Method, TopUp
from customers.actions.clock_moves import carry_out, move_clock
from customers.queries.clock import next_stop
from invoicing.actions.payments import record_payment
from invoicing.actions.scheduled_top_ups import answer
from invoicing.models import Invoice
from tests.factories.invoicing import billed_customer, make_wallet, on
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
START = on(2026, 1, 31, 9)
DO: dict[str, Any] = {"by": ACTOR, "at": START}
FIXED = ScheduleTerms(
    Interval.MONTHLY, Method.FIXED, START, paid_credits=Decimal(50), granted_credits=Decimal(5)
)
TARGET = ScheduleTerms(Interval.MONTHLY, Method.TARGET, START, target_credits=Decimal(100))
DUE = on(2026, 2, 28)


def a_wallet(credits: str = "40", **fields: Any) -> Wallet:
    organization = make_organization(sandbox=True, at=START)
    organization.clock_at = START
    organization.save()
    return make_wallet(billed_customer(organization), credits, START, **fields)


def scheduled(terms: ScheduleTerms, credits: str = "40", **fields: Any) -> TopUpSchedule:
    return set_schedule(a_wallet(credits, **fields), terms, **DO)


def sales(wallet: Wallet) -> list[int]:
    rows = Invoice.objects.filter(wallet=wallet, wallet_credits__isnull=False)
    return list(rows.order_by("created_at").values_list("total_minor", flat=True))


def test_a_due_moment_is_answered_once_and_moves_on() -> None:
    row = scheduled(replace(FIXED, name="Monthly pack"))
    assert row.next_at == DUE
    assert answer(row, by=ACTOR, at=DUE - timedelta(seconds=1)) is None
    assert answer(row, by=ACTOR, at=DUE) == TopUp(Decimal(50), Decimal(5))
    assert answer(row, by=ACTOR, at=DUE + timedelta(hours=5)) is None
    row.refresh_from_db()
    row.wallet.refresh_from_db()
    assert row.next_at == on(2026, 3, 31)
    assert row.wallet.balance_minor == ledger_total(row.wallet) == 4500
    invoice = Invoice.objects.get(wallet=row.wallet)
    assert (invoice.total_minor, invoice.lines.get().description) == (5000, "Monthly pack")
    record_payment(invoice, amount_minor=5000, key="paid", by=ACTOR, at=DUE)
    row.wallet.refresh_from_db()
    assert row.wallet.balance_minor == 9500
    assert WalletEntry.objects.filter(wallet=row.wallet, reason="Monthly pack", amount_minor=500).count() == 1


def test_missed_moments_are_made_up_for_one_by_one() -> None:
    row = scheduled(FIXED)
    late = on(2026, 5, 1)
    while answer(row, by=ACTOR, at=late):
        pass
    assert sales(row.wallet) == [5000, 5000, 5000]  # 28 February, 31 March, 30 April
    row.refresh_from_db()
    assert row.next_at == on(2026, 5, 31)


@pytest.mark.parametrize(
    ("held", "given", "sold", "granted"),
    [("40", False, "60", "0"), ("40", True, "0", "60"), ("100", False, "0", "0"), ("120", True, "0", "0")],
)
def test_a_target_asks_for_what_is_missing(held: str, given: bool, sold: str, granted: str) -> None:
    row = scheduled(replace(TARGET, grants_target=given), held)
    assert answer(row, by=ACTOR, at=DUE) == TopUp(Decimal(sold), Decimal(granted))


def test_a_target_counts_what_waits_to_be_paid() -> None:
    row = scheduled(TARGET)
    answer(row, by=ACTOR, at=DUE)
    void_credits(row.wallet, Decimal(10), reason="Use", key="use", by=ACTOR, at=DUE)
    assert answer(row, by=ACTOR, at=on(2026, 3, 31)) == TopUp(Decimal(10), Decimal(0))
    assert sales(row.wallet) == [6000, 1000]


def test_what_the_limits_refuse_is_told_and_the_schedule_goes_on() -> None:
    row = scheduled(FIXED)
    edit_wallet(row.wallet, replace(terms_of(row.wallet), max_balance_minor=6000), **DO)
    answer(row, by=ACTOR, at=DUE)
    row.refresh_from_db()
    row.wallet.refresh_from_db()
    assert (sales(row.wallet), row.wallet.balance_minor, row.next_at) == ([], 4500, on(2026, 3, 31))
    line = AuditEntry.objects.get(action="wallet.scheduled_top_up_refused")
    assert line.reason.startswith("50 credits (sold): 50.00 EUR on a balance of 45.00 EUR is more than")


def test_it_ends_on_its_day_with_its_wallet_and_by_hand() -> None:
    row = scheduled(replace(FIXED, expires_at=on(2026, 3, 31)))
    answer(row, by=ACTOR, at=DUE)
    row.refresh_from_db()
    assert row.next_at is None
    again = set_schedule(row.wallet, FIXED, by=ACTOR, at=DUE)
    assert (again.pk, again.next_at) == (row.pk, on(2026, 3, 31))
    terminate_wallet(row.wallet, by=ACTOR, at=DUE)
    assert answer(again, by=ACTOR, at=on(2026, 4, 1)) is None
    with pytest.raises(Conflict):
        set_schedule(row.wallet, FIXED, by=ACTOR, at=DUE)
    other = scheduled(FIXED)
    remove_schedule(other.wallet, **DO)
    assert answer(other, by=ACTOR, at=DUE) is None
    remove_schedule(other.wallet, **DO)
    assert AuditEntry.objects.filter(action="wallet.top_ups_unscheduled").count() == 1


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"paid_credits": Decimal(0), "granted_credits": Decimal(0)}, ["paid_credits"]),
        ({"paid_credits": Decimal("0.001")}, ["paid_credits"]),
        ({"paid_credits": Decimal(-1), "granted_credits": Decimal(-1)}, ["paid_credits", "granted_credits"]),
        ({"paid_credits": Decimal(51)}, ["paid_credits"]),
        ({"method": Method.TARGET}, ["target_credits"]),
        ({"method": Method.TARGET, "target_credits": Decimal(101)}, ["target_credits"]),
        ({"expires_at": START}, ["expires_at"]),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(changes: dict[str, Any], fields: list[str]) -> None:
    wallet = a_wallet()
    limits = replace(terms_of(wallet), max_single_credit_minor=5000, max_balance_minor=10_000)
    edit_wallet(wallet, limits, **DO)
    with pytest.raises(FieldErrors) as refused:
        set_schedule(wallet, replace(FIXED, **changes), **DO)
    assert [name for name, _ in refused.value.errors] == fields
    assert not TopUpSchedule.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_clock_of_a_sandbox_stops_at_each_top_up() -> None:
    row = scheduled(replace(FIXED, interval=Interval.QUARTERLY))
    organization = row.organization
    stop = next_stop(organization)
    assert stop is not None and (stop.at, stop.what) == (on(2026, 4, 30), "A wallet is topped up")
    move = move_clock(organization, on(2026, 8, 1), by=ACTOR)
    later.run(str(move.job_id), carry_out)
    found = WalletEntry.objects.filter(wallet=row.wallet, key__startswith="scheduled").order_by("at")
    assert [entry.at for entry in found] == [on(2026, 4, 30), on(2026, 7, 31)]
    assert sales(row.wallet) == [5000, 5000]


@pytest.mark.django_db(transaction=True)
def test_four_workers_answer_one_moment_once() -> None:
    row = scheduled(FIXED)

    def work(_: int) -> bool:
        try:
            return answer(TopUpSchedule.objects.get(pk=row.pk), by=ACTOR, at=DUE) is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(work, range(4)))
    assert sum(done) == 1
    assert sales(row.wallet) == [5000]
