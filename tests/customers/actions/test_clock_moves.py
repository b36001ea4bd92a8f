"""The clock of a sandbox: one jump and many steps leave the same rows, each at its own moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.actions import later
from billing.models import AuditEntry, ClockMove, Job, Organization, Wallet
from billing.rules.errors import Conflict, Invalid
from customers.actions.clock_moves import carry_out, move_clock
from customers.queries.clock import happened, next_stop
from invoicing.actions import billing_run
from invoicing.models import DunningAct, Invoice
from tests.factories.invoicing import billed_customer, make_plan, make_wallet, on, subscribe
from tests.factories.overdue import make_debtor, owe
from tests.factories.people import ACTOR, make_organization
from tests.invoicing.actions.test_dunning import HARD, make_campaign

pytestmark = pytest.mark.django_db(transaction=True)
START = on(2026, 1, 31, 9)


def sandbox(name: str = "Lab") -> Organization:
    """A sandbox whose clock stands at the last day of January."""
    organization = make_organization(name, sandbox=True, at=START)
    organization.clock_at = START
    organization.save()
    return organization


def go(organization: Organization, to: datetime) -> ClockMove:
    """Move there and let the job run."""
    move = move_clock(organization, to, by=ACTOR)
    later.run(str(move.job_id), carry_out)
    move.refresh_from_db()
    organization.refresh_from_db()
    return move


def furnish(organization: Organization) -> None:
    """Three customers: anniversary from the 31st, a trial, and drafts with three days of grace."""
    plan = make_plan(organization, 3000, code="basic")
    subscribe(billed_customer(organization, external_id="a"), plan, START, billing_time="anniversary")
    ahead = make_plan(organization, 5000, code="ahead", pay_in_advance=True, trial_days=10)
    subscribe(billed_customer(organization, external_id="b"), ahead, START)
    graced = billed_customer(organization, external_id="c", grace_period_days=3)
    subscribe(graced, plan, START, subscription_at=on(2026, 2, 20))


def invoices(organization: Organization) -> list[Any]:
    """The invoices as facts that two organizations can share."""
    return list(
        Invoice.objects.of(organization)
        .order_by("customer__external_id", "period_start", "created_at")
        .values_list(
            "customer__external_id",
            "period_start",
            "period_end",
            "status",
            "total_minor",
            "issuing_on",
            "finalized_at",
        )
    )


def test_one_jump_and_many_steps_leave_the_same_invoices() -> None:
    jumping, stepping = sandbox("Jump"), sandbox("Step")
    furnish(jumping)
    furnish(stepping)
    go(jumping, on(2026, 6, 15))
    day = START
    while day < on(2026, 6, 15):
        day = min(day + timedelta(days=9, hours=7), on(2026, 6, 15))
        go(stepping, day)
    assert invoices(jumping) == invoices(stepping)
    anniversary = [row for row in invoices(jumping) if row[0] == "a"]
    assert [row[2].date().isoformat() for row in anniversary] == [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]
    assert {row[4] for row in anniversary} == {3000}


def test_each_thing_happens_at_its_own_moment() -> None:
    organization = sandbox()
    furnish(organization)
    move = go(organization, on(2026, 3, 10))
    assert (move.reached_at, organization.clock_at) == (on(2026, 3, 10), on(2026, 3, 10))
    told = [(row.action, row.at) for row in happened(organization, move.from_at, move.reached_at)]
    assert ("subscription.trial_ended", on(2026, 2, 10, 9)) in told
    assert ("subscription.started", on(2026, 2, 20)) in told
    assert ("invoice.drafted", on(2026, 3, 1)) in told
    assert ("invoice.finalized", on(2026, 3, 4)) in told
    assert told == sorted(told, key=lambda row: row[1])


def test_expiring_credits_are_booked_on_their_day() -> None:
    organization = sandbox()
    wallet = make_wallet(billed_customer(organization), "50", START)
    wallet.lots.update(expires_at=on(2026, 2, 3, 12))
    stop = next_stop(organization)
    assert stop is not None
    assert (stop.at, stop.what) == (on(2026, 2, 3, 12), "Credits expire")
    go(organization, on(2026, 2, 4))
    wallet.refresh_from_db()
    assert wallet.balance_minor == 0
    assert wallet.entries.get(kind="expired").at == on(2026, 2, 3, 12)


def test_only_a_sandbox_moves_and_only_forward() -> None:
    with pytest.raises(Conflict, match="Only a sandbox"):
        move_clock(make_organization("Live"), START, by=ACTOR)
    organization = sandbox()
    with pytest.raises(Invalid, match="only goes forward"):
        move_clock(organization, START, by=ACTOR)
    with pytest.raises(Invalid, match="ten years"):
        move_clock(organization, on(2040, 1, 1), by=ACTOR)
    assert ClockMove.objects.count() == 0
    assert not AuditEntry.objects.filter(action="organization.clock_moved").exists()


def test_one_move_at_a_time() -> None:
    organization = sandbox()
    move_clock(organization, on(2026, 2, 1), by=ACTOR)
    with pytest.raises(Conflict, match="is moving"):
        move_clock(organization, on(2026, 3, 1), by=ACTOR)


def test_the_clock_stops_where_something_fails_and_goes_on_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    organization = sandbox()
    furnish(organization)
    real = billing_run.bill_customer

    def fails(customer_id: Any, **rest: Any) -> Any:
        if rest["at"] >= on(2026, 3, 1):
            raise RuntimeError("out of paper")
        return real(customer_id, **rest)

    monkeypatch.setattr(billing_run, "bill_customer", fails)
    move = go(organization, on(2026, 4, 5))
    job = Job.objects.get(pk=move.job_id)
    assert (job.state, move.reached_at) == ("failed", on(2026, 3, 1))
    assert "out of paper" in job.error
    assert organization.clock_at == on(2026, 3, 1)

    monkeypatch.setattr(billing_run, "bill_customer", real)
    later.run_again(job)
    later.run(str(job.pk), carry_out)
    move.refresh_from_db()
    assert move.reached_at == on(2026, 4, 5)
    whole = sandbox("Whole")
    furnish(whole)
    go(whole, on(2026, 4, 5))
    assert invoices(organization) == invoices(whole)


def test_a_wallet_ends_on_its_day_and_tops_itself_up_on_the_way() -> None:
    organization = sandbox()
    customer = billed_customer(organization)
    wallet = make_wallet(customer, "50", START)
    Wallet.objects.filter(pk=wallet.pk).update(
        low_balance_minor=4000, auto_top_up_enabled=True, auto_top_up_minor=2500, expires_at=on(2026, 3, 5)
    )
    subscribe(customer, make_plan(organization, 3000), START, billing_time="anniversary")
    go(organization, on(2026, 3, 6))
    wallet.refresh_from_db()
    assert wallet.entries.get(kind="consumed").at == on(2026, 2, 28)
    assert Invoice.objects.get(type="credit").finalized_at == on(2026, 2, 28)
    assert (wallet.status, wallet.terminated_at) == ("terminated", on(2026, 3, 5))


def test_dunning_follows_the_clock_step_by_step() -> None:
    jumping, stepping = sandbox("Jump"), sandbox("Step")
    for organization in (jumping, stepping):
        make_campaign(organization, HARD)
        plan = make_plan(organization, 3100, pay_in_advance=True)
        debtor = make_debtor(organization, grace_period_days=0)
        subscribe(debtor, plan, START)
    assert next_stop(jumping) is not None
    go(jumping, on(2026, 3, 20))
    for day in range(2, 21):
        go(stepping, on(2026, 3, day))
    facts = ("day", "kind", "at", "note", "overdue_minor")
    found = [
        list(DunningAct.objects.of(row).order_by("at").values_list(*facts)) for row in (jumping, stepping)
    ]
    assert found[0] == found[1]
    assert [(day, kind, f"{at:%d %H:%M}") for day, kind, at, *_ in found[0]] == [
        (0, "remind", "04 09:00"),
        (3, "pause", "07 09:00"),
        (10, "terminate", "14 09:00"),
    ]
    told = happened(jumping, START, on(2026, 3, 20)).filter(action__startswith="dunning_case")
    assert [row.reason for row in told.filter(action="dunning_case.step_done")] == [
        "Nobody was mailed: this is a sandbox",
        "1 subscription paused",
        "1 subscription ended",
    ]


def test_a_campaign_that_was_made_just_before_the_move_chases_on_its_days() -> None:
    organization = sandbox()
    debt = owe(make_debtor(organization), 100, at=START)
    go(organization, on(2026, 4, 2))
    make_campaign(organization)
    go(organization, on(2026, 4, 25))
    found = DunningAct.objects.order_by("at").values_list("at", "overdue_minor")
    assert list(found) == [(on(2026, 4, day, 9), debt.total_minor) for day in (2, 9)]
