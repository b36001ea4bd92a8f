"""The dunning run: reminders and further steps at their moments, once, until it is paid."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connections
from django.db.models import Q

from billing.models import AuditEntry, EmittedEvent, Job, Organization, Subscription
from billing.rules.errors import FieldErrors, Invalid
from customers.actions.merge import merge_customers
from customers.models import Customer
from invoicing import tasks
from invoicing.actions import dunning
from invoicing.actions.collecting import CHARGE
from invoicing.actions.dunning import run
from invoicing.actions.dunning_campaigns import (
    CampaignTerms,
    choose_campaign,
    create_campaign,
    delete_campaign,
    resume_dunning,
    stop_dunning,
    switch_campaign,
    update_campaign,
)
from invoicing.actions.payment_methods import save_method
from invoicing.actions.payments import record_payment
from invoicing.actions.plan_changes import change_plan
from invoicing.clients.providers.base import Saved
from invoicing.models import DunningAct, DunningCampaign, DunningCase, Invoice, Mail, PaymentRequest
from invoicing.queries.dunning_preview import foreseen
from invoicing.rules.dunning import Step, StepKind, Terms
from tests.factories.invoicing import make_plan, on, set_entity, subscribe
from tests.factories.overdue import make_debtor, owe
from tests.factories.paying import make_payer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
TERMS = Terms({"EUR": 5000}, days_between=7, max_attempts=2)
HARD = Terms(
    {"EUR": 3000},
    days_between=7,
    max_attempts=1,
    escalation=[Step(3, StepKind.PAUSE), Step(10, StepKind.TERMINATE)],
)
BY: dict[str, Any] = {"by": ACTOR, "at": NOW}
DUE_OVER = on(2026, 4, 1)  # what was issued on 1 March is due on the 31st


def make_campaign(
    organization: Organization,
    terms: Terms = TERMS,
    *,
    code: str = "usual",
    usual: bool = True,
    **fields: Any,
) -> DunningCampaign:
    """A campaign that is on, for the default billing entity unless it is not the `usual` one."""
    entities = [set_entity(organization)] if usual else []
    given = CampaignTerms(code.title(), code, terms, active=True, defaults=entities, **fields)
    return create_campaign(organization, given, **BY)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_debtor(organization)


def go(at: datetime) -> list[str]:
    return run(Q(), at)


def acts() -> list[tuple[int, str]]:
    return list(DunningAct.objects.order_by("at").values_list("day", "kind"))


def case() -> DunningCase:
    return DunningCase.objects.select_related("campaign").latest("started_at", "pk")


def told(name: str) -> int:
    return EmittedEvent.objects.filter(name=name).count()


def test_reminded_at_nine_until_every_step_was_done(customer: Customer) -> None:
    campaign = make_campaign(customer.organization, bcc=["dunning@acme.example"])
    invoice = owe(customer, 100)
    go(on(2026, 3, 31, 23))
    assert not DunningCase.objects.exists(), "the due day is not over"
    go(DUE_OVER)
    assert (case().campaign, case().started_on, case().next_at) == (
        campaign,
        DUE_OVER.date(),
        on(2026, 4, 1, 9),
    )
    go(on(2026, 4, 1, 8, 59))
    assert acts() == []
    for _ in range(2):
        go(on(2026, 4, 1, 9))
    assert acts() == [(0, "remind")]
    first = PaymentRequest.objects.get()
    assert (first.origin, first.case, first.amount_minor) == ("campaign", case(), 10000)
    mail = Mail.objects.get()
    assert (mail.to, mail.bcc) == (["ap@globex.example"], ["dunning@acme.example"])
    go(on(2026, 4, 8, 8))
    assert acts() == [(0, "remind")]
    go(on(2026, 4, 8, 12))
    assert acts() == [(0, "remind"), (7, "remind")] and case().attempts == 2
    first.refresh_from_db()
    assert first.close_reason == "replaced" and PaymentRequest.objects.open().count() == 1
    assert case().finished_at == on(2026, 4, 8, 12) and case().next_at is None
    assert told("dunning_campaign.finished") == told("payment_request.created") - 1 == 1
    go(on(2026, 5, 30))
    assert len(acts()) == 2 and told("dunning_campaign.finished") == 1
    actions = AuditEntry.objects.filter(action__startswith="dunning_case").order_by("at", "pk")
    assert list(actions.values_list("action", flat=True)) == [
        "dunning_case.started",
        "dunning_case.step_done",
        "dunning_case.step_done",
        "dunning_case.finished",
    ]
    record_payment(invoice, key="k", by=ACTOR, at=on(2026, 6, 1))
    go(on(2026, 6, 1))
    assert (case().outcome, case().ended_at) == ("paid", on(2026, 6, 1))


def test_a_payment_stops_it_and_a_new_debt_begins_anew(customer: Customer) -> None:
    make_campaign(customer.organization)
    invoice = owe(customer, 100)
    go(on(2026, 4, 1, 9))
    record_payment(invoice, key="k", by=ACTOR, at=on(2026, 4, 3))
    later_debt = owe(customer, 60, at=on(2026, 3, 10))
    go(on(2026, 4, 8, 9))
    assert case().outcome == "paid" and acts() == [(0, "remind")]
    go(on(2026, 4, 10, 9))
    assert acts() == [(0, "remind"), (0, "remind")] and case().ended_at is None
    assert PaymentRequest.objects.open().get().parts.get().invoice == later_debt


def test_below_the_threshold_it_rests(customer: Customer) -> None:
    make_campaign(customer.organization)
    owe(customer, 40)
    go(on(2026, 4, 2))
    assert not DunningCase.objects.exists()
    more = owe(customer, 20, at=on(2026, 3, 5))
    go(on(2026, 4, 5, 9))
    assert acts() == [(0, "remind")]
    record_payment(more, amount_minor=1500, key="k", by=ACTOR, at=on(2026, 4, 6))
    go(on(2026, 4, 12, 9))
    assert acts() == [(0, "remind")] and (case().ended_at, case().next_at) == (None, None)
    owe(customer, 30, at=on(2026, 3, 20))
    go(on(2026, 4, 20, 10))
    assert case().next_at == on(2026, 4, 21, 9), "what was due meanwhile follows the next morning"
    go(on(2026, 4, 21, 9))
    assert acts() == [(0, "remind"), (7, "remind")]


def test_staff_stop_and_resume_it(customer: Customer) -> None:
    make_campaign(customer.organization)
    owe(customer, 100)
    go(on(2026, 4, 1, 9))
    for _ in range(2):
        stop_dunning(customer, reason="They called", by=ACTOR, at=on(2026, 4, 2))
    go(on(2026, 4, 30))
    assert acts() == [(0, "remind")]
    assert AuditEntry.objects.get(action="customer.dunning_stopped").reason == "They called"
    for _ in range(2):
        resume_dunning(customer, by=ACTOR, at=on(2026, 4, 30, 12))
    go(on(2026, 4, 30, 12))
    go(on(2026, 5, 1, 9))
    assert acts() == [(0, "remind"), (7, "remind")]


def test_campaigns_of_their_own_and_campaigns_that_end(customer: Customer) -> None:
    usual = make_campaign(customer.organization)
    own = make_campaign(customer.organization, Terms({"EUR": 100}), code="own", usual=False)
    owe(customer, 100)
    go(on(2026, 4, 1, 9))
    choose_campaign(customer, own, by=ACTOR, at=on(2026, 4, 2))
    go(on(2026, 4, 2, 8))
    assert DunningCase.objects.get(campaign=usual).outcome == "campaign"
    go(on(2026, 4, 2, 8))
    go(on(2026, 4, 2, 9))
    assert case().campaign == own and len(acts()) == 2
    switch_campaign(own, False, by=ACTOR, at=on(2026, 4, 3))
    go(on(2026, 4, 3))
    go(on(2026, 4, 20))
    assert not DunningCase.objects.running().exists() and len(acts()) == 2, "the usual one is not his"
    delete_campaign(own, by=ACTOR, at=on(2026, 4, 21))
    go(on(2026, 4, 21, 8))
    assert case().campaign == usual and case().ended_at is None
    with pytest.raises(Invalid, match="used already"):
        make_campaign(customer.organization, code="USUAL")
    with pytest.raises(FieldErrors):
        make_campaign(customer.organization, Terms({}), code="empty")


def test_changed_terms_count_for_what_runs(customer: Customer) -> None:
    campaign = make_campaign(customer.organization)
    owe(customer, 100)
    go(on(2026, 4, 1, 9))
    slow = CampaignTerms("Usual", "usual", Terms({"EUR": 5000}, days_between=20), active=True)
    update_campaign(campaign, slow, by=ACTOR, at=on(2026, 4, 2))
    go(on(2026, 4, 2, 10))
    assert case().next_at == on(2026, 4, 21, 9)


@pytest.fixture
def row(customer: Customer) -> Subscription:
    """Billed on 1 March, due on the 31st."""
    plan = make_plan(customer.organization, 3100, pay_in_advance=True)
    Customer.objects.filter(pk=customer.pk).update(grace_period_days=0)
    customer.refresh_from_db()
    return subscribe(customer, plan, on(2026, 3, 1))


def status(row: Subscription) -> str:
    row.refresh_from_db()
    return row.status


def test_unpaid_subscriptions_are_paused_and_go_on_once_paid(customer: Customer, row: Subscription) -> None:
    make_campaign(customer.organization, HARD)
    other = subscribe(customer, make_plan(customer.organization, code="other"), on(2026, 4, 1))
    for day in (1, 4):
        go(on(2026, 4, day, 9))
    assert (status(row), status(other)) == ("paused", "active"), "only what is on the overdue invoice"
    assert DunningAct.objects.latest("at").note == "1 subscription paused"
    record_payment(Invoice.objects.get(total_minor=3100), key="k", by=ACTOR, at=on(2026, 4, 5))
    go(on(2026, 4, 5))
    assert status(row) == "active" and case().outcome == "paid"
    entry = AuditEntry.objects.get(action="dunning_case.ended")
    assert "1 subscription resumed" in entry.reason


def test_what_is_still_not_paid_ends(customer: Customer, row: Subscription) -> None:
    make_campaign(customer.organization, HARD)
    for day in (1, 4, 11):
        go(on(2026, 4, day, 9))
    assert status(row) == "terminated"
    assert acts() == [(0, "remind"), (3, "pause"), (10, "terminate")]
    assert case().finished_at == on(2026, 4, 11, 9)


def test_a_step_that_fails_waits_for_staff_and_runs_again(customer: Customer, row: Subscription) -> None:
    make_campaign(customer.organization, HARD)
    go(on(2026, 4, 1, 9))
    change_plan(
        row, make_plan(customer.organization, code="next"), when="period_end", by=ACTOR, at=on(2026, 4, 2)
    )
    (failed,) = go(on(2026, 4, 4, 9))
    assert "Its plan changes at the end of the period" in failed
    assert go(on(2026, 4, 4, 10)) == [] and acts() == [(0, "remind")]
    job = Job.objects.get(task=dunning.TASK)
    tasks.dunning_customer(str(job.pk))
    job.refresh_from_db()
    assert job.state == "failed" and "Call that off first" in job.error and case().failed
    Subscription.objects.filter(previous=row).delete()
    Job.objects.filter(pk=job.pk).update(state="queued")
    tasks.dunning_customer(str(job.pk))
    job.refresh_from_db()
    assert job.state == "succeeded" and status(row) == "paused" and not case().failed


def test_saved_methods_are_charged_once(customer: Customer) -> None:
    terms = Terms(
        {"EUR": 5000}, max_attempts=1, escalation=[Step(2, StepKind.CHARGE), Step(4, StepKind.CHARGE)]
    )
    make_campaign(customer.organization, terms)
    invoice = owe(customer, 100)
    Customer.objects.filter(pk=customer.pk).update(collect_automatically=True)
    for day in (1, 3):
        go(on(2026, 4, day, 9))
    assert DunningAct.objects.latest("at").note.endswith("the customer has no saved payment method")
    card = Saved("pm_1", "cus_1", "mark", last4="4242")
    save_method(customer, make_payer(customer.organization), card, at=on(2026, 4, 4))
    for _ in range(2):
        go(on(2026, 4, 5, 9))
    assert DunningAct.objects.latest("at").note == "1 invoice to be charged to the saved payment method"
    job = Job.objects.get(task=CHARGE)
    assert job.subject_id == invoice.pk and acts() == [(0, "remind"), (2, "charge"), (4, "charge")]


def test_another_currency_hides_nothing_that_failed(customer: Customer, row: Subscription) -> None:
    make_campaign(customer.organization, replace(HARD, thresholds={"EUR": 3000, "USD": 1000}))
    go(on(2026, 4, 1, 9))
    change_plan(
        row, make_plan(customer.organization, code="next"), when="period_end", by=ACTOR, at=on(2026, 4, 2)
    )
    assert len(go(on(2026, 4, 4, 9))) == 1
    Job.objects.filter(task=dunning.TASK).update(state="failed")
    Invoice.objects.filter(pk=owe(customer, 100, at=on(2026, 3, 10)).pk).update(currency="USD")
    go(on(2026, 4, 10, 9))
    assert DunningCase.objects.running().count() == 2
    assert Job.objects.get(task=dunning.TASK).state == "failed"


def test_killed_in_the_middle_it_is_done_once(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    make_campaign(customer.organization)
    owe(customer, 100)
    go(DUE_OVER)
    whole = dunning.perform

    def killed(*args: Any, **kwargs: Any) -> None:
        whole(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(dunning, "perform", killed)
    with pytest.raises(KeyboardInterrupt):
        go(on(2026, 4, 1, 9))
    assert acts() == [] and not Mail.objects.exists() and not PaymentRequest.objects.exists()
    monkeypatch.setattr(dunning, "perform", whole)
    go(on(2026, 4, 1, 9))
    assert acts() == [(0, "remind")] and Mail.objects.count() == PaymentRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_a_step_once(customer: Customer) -> None:
    make_campaign(customer.organization)
    owe(customer, 100)
    go(DUE_OVER)
    faults: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            start.wait(timeout=20)
            assert go(on(2026, 4, 1, 9)) == []
        except BaseException as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert acts() == [(0, "remind")] and Mail.objects.count() == PaymentRequest.objects.count() == 1


def none(customer: Customer) -> None:
    Customer.objects.filter(pk=customer.pk).update(email="")


def sandbox(customer: Customer) -> None:
    Organization.objects.filter(pk=customer.organization_id).update(sandbox=True)


@pytest.mark.parametrize(("change", "note"), [(none, "no e-mail address"), (sandbox, "a sandbox")])
def test_who_cannot_be_mailed_is_asked_all_the_same(
    customer: Customer, change: Callable[[Customer], None], note: str
) -> None:
    make_campaign(customer.organization)
    owe(customer, 100)
    change(customer)
    go(on(2026, 4, 1, 9))
    assert note in DunningAct.objects.get().note
    assert PaymentRequest.objects.get().attempts == 0 and not Mail.objects.exists()


def test_deleted_customers_are_left_alone(customer: Customer) -> None:
    make_campaign(customer.organization)
    owe(customer, 100)
    go(on(2026, 4, 1, 9))
    Customer.objects.filter(pk=customer.pk).update(deleted_at=on(2026, 4, 2))
    go(on(2026, 4, 20))
    assert case().outcome == "customer" and acts() == [(0, "remind")]


def test_the_preview_is_what_then_happens(organization: Organization) -> None:
    names = ("Globex", "Initech", "Stark")
    for number, name in enumerate(names, 1):
        customer = make_debtor(organization, name=name, email=f"{name}@pay.example")
        owe(customer, number * 40)
    stop_dunning(customer, by=ACTOR, at=NOW)
    entity = set_entity(organization)
    at = on(2026, 4, 1, 3)
    found = foreseen(organization, at, TERMS, entities={entity.pk})
    assert (found.count, found.below, found.stopped, found.sums) == (1, 1, 1, [("EUR", 8000)])
    assert [(day.on.day, day.steps) for day in found.days] == [
        (1, [(StepKind.REMIND, 1)]),
        (8, [(StepKind.REMIND, 1)]),
    ]
    (row,) = found.rows
    assert row.customer.name == "Initech" and row.first and (row.first.number, row.first.of) == (1, 2)
    assert not row.running and foreseen(organization, at, TERMS).count == 0, "nobody has it"
    campaign = make_campaign(organization)
    go(at)
    go(on(2026, 4, 1, 9))
    found = foreseen(organization, on(2026, 4, 2), TERMS, campaign=campaign, entities={entity.pk})
    assert found.rows[0].running and [day.on.day for day in found.days] == [8]


def test_a_merged_customer_is_chased_once(organization: Organization) -> None:
    make_campaign(organization)
    target, source = (
        make_debtor(organization, name=name, email=f"{name}@pay.example") for name in ("Globex", "Stark")
    )
    owe(source, 100)
    owe(source, 100)
    owe(target, 70)
    go(on(2026, 4, 1, 9))
    stop_dunning(source, reason="They called", by=ACTOR, at=on(2026, 4, 2))
    merge_customers(source, target, by=ACTOR, at=on(2026, 4, 3))
    (kept,) = DunningCase.objects.running()
    assert kept.customer == target and DunningCase.objects.filter(customer=target).count() == 2
    assert set(PaymentRequest.objects.values_list("customer", flat=True)) == {target.pk}
    go(on(2026, 4, 20))
    assert len(acts()) == 2, "what was stopped stays stopped"
