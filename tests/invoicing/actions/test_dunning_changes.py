"""Chases whose campaign, customer or terms change while they run."""

from __future__ import annotations

import pytest

from billing.models import AuditEntry, Job, Organization, Subscription
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from customers.actions.merge import merge_customers
from customers.models import Customer
from invoicing.actions.collecting import CHARGE
from invoicing.actions.dunning_campaigns import choose_campaign, delete_campaign, stop_dunning
from invoicing.actions.payment_methods import save_method
from invoicing.actions.payments import record_payment
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.write_offs import write_off
from invoicing.clients.providers.base import Saved
from invoicing.models import DunningAct, DunningCase, DunningChoice, Invoice
from invoicing.queries.dunning_preview import campaigns_of
from invoicing.rules.dunning import Step, StepKind, Terms
from tests.factories.invoicing import make_plan, on, subscribe
from tests.factories.overdue import make_debtor, owe
from tests.factories.paying import make_payer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.invoicing.actions.test_dunning import HARD, acts, case, go, make_campaign, status

pytestmark = pytest.mark.django_db
SOFT = Terms({"EUR": 100})


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def debtor(organization: Organization, name: str) -> Customer:
    return make_debtor(organization, name=name, email=f"{name}@pay.example", grace_period_days=0)


def subscribed(customer: Customer) -> Subscription:
    """Billed on 1 March, due on the 31st."""
    return subscribe(customer, make_plan(customer.organization, 3100, pay_in_advance=True), on(2026, 3, 1))


def paused(organization: Organization, customer: Customer) -> Subscription:
    """What the first campaign has paused on 4 April."""
    row = subscribed(customer)
    make_campaign(organization, HARD)
    for day in (1, 4):
        go(on(2026, 4, day, 9))
    assert status(row) == "paused"
    return row


def pay_all(day: int) -> None:
    for invoice in Invoice.objects.unpaid():
        record_payment(invoice, key=f"k{invoice.pk}", by=ACTOR, at=on(2026, 4, day))
    go(on(2026, 4, day))


def test_what_the_former_campaign_paused_goes_on_once_paid(organization: Organization) -> None:
    customer = debtor(organization, "Globex")
    row = paused(organization, customer)
    own = make_campaign(organization, SOFT, code="own", usual=False)
    choose_campaign(customer, own, by=ACTOR, at=on(2026, 4, 5))
    for _ in range(2):
        go(on(2026, 4, 5, 9))
    assert (case().campaign, status(row)) == (own, "paused")
    pay_all(6)
    assert (case().outcome, status(row)) == ("paid", "active")


@pytest.mark.parametrize(
    ("kind", "then", "said"),
    [
        ("bad_debt", "paused", "1 subscription kept paused: a bad debt"),
        ("small_difference", "active", "1 subscription resumed"),
    ],
)
def test_what_was_given_up_as_a_bad_debt_stays_paused(
    organization: Organization, kind: str, then: str, said: str
) -> None:
    customer = debtor(organization, "Globex")
    row = paused(organization, customer)
    (invoice,) = Invoice.objects.unpaid()
    write_off(invoice, kind=kind, key="k", by=ACTOR, at=on(2026, 4, 5))
    go(on(2026, 4, 5))
    assert (case().outcome, status(row)) == ("paid", then)
    assert said in AuditEntry.objects.get(action="dunning_case.ended").reason


def test_what_was_paused_before_a_merge_goes_on_once_paid(organization: Organization) -> None:
    source, target = debtor(organization, "Stark"), debtor(organization, "Globex")
    owe(target, 70)
    row = paused(organization, source)
    merge_customers(source, target, by=ACTOR, at=on(2026, 4, 5))
    go(on(2026, 4, 5))
    assert status(row) == "paused"
    pay_all(6)
    assert status(row) == "active"


def test_a_step_that_failed_before_a_merge_is_tried_again(organization: Organization) -> None:
    source, target = debtor(organization, "Stark"), debtor(organization, "Globex")
    row = subscribed(source)
    make_campaign(organization, HARD)
    go(on(2026, 4, 1, 9))
    following = make_plan(organization, code="next")
    change_plan(row, following, when="period_end", by=ACTOR, at=on(2026, 4, 2))
    assert len(go(on(2026, 4, 4, 9))) == 1 and case().failed
    merge_customers(source, target, by=ACTOR, at=on(2026, 4, 5))
    Subscription.objects.filter(previous=row).delete()
    go(on(2026, 4, 6, 9))
    assert (case().customer, case().failed, status(row)) == (target, False, "paused")


def test_no_step_comes_before_its_day(organization: Organization) -> None:
    make_campaign(organization)
    owe(debtor(organization, "Globex"))
    go(on(2026, 4, 1, 9))
    # As it stands after a change of the terms or of the customer's time zone at the moment of a round.
    DunningCase.objects.update(next_at=on(2026, 4, 3, 9))
    go(on(2026, 4, 3, 9))
    assert acts() == [(0, "remind")] and case().next_at == on(2026, 4, 8, 9)


def test_who_stopped_it_stays_said_and_no_deleted_campaign_is_chosen(organization: Organization) -> None:
    customer = debtor(organization, "Globex")
    own, other = (make_campaign(organization, SOFT, code=code, usual=False) for code in ("own", "other"))
    stop_dunning(customer, by=ACTOR, at=NOW)
    choose_campaign(customer, own, by=Actor("user", "Somebody else"), at=NOW)
    assert DunningChoice.objects.get().by_label == ACTOR.label
    delete_campaign(other, by=ACTOR, at=NOW)
    with pytest.raises(Conflict, match="deleted"):
        choose_campaign(customer, other, by=ACTOR, at=NOW)


def test_campaigns_count_chases_and_choices(organization: Organization) -> None:
    campaign = make_campaign(organization, SOFT)
    unused = make_campaign(organization, SOFT, code="unused", usual=False)
    for name in ("Globex", "Stark"):
        customer = debtor(organization, name)
        owe(customer)
        choose_campaign(customer, campaign, by=ACTOR, at=NOW)
    owe(debtor(organization, "Initech"))
    go(on(2026, 4, 1))
    found = {row.pk: (row.running, row.chosen) for row in campaigns_of(organization)}
    assert found == {campaign.pk: (3, 2), unused.pk: (0, 0)}


def test_who_is_not_to_be_charged_is_not_charged(organization: Organization) -> None:
    customer = debtor(organization, "Globex")
    owe(customer)
    save_method(customer, make_payer(organization), Saved("pm_1", "cus_1", "mark", last4="4242"), at=NOW)
    make_campaign(organization, Terms({"EUR": 100}, first_day=1, escalation=[Step(0, StepKind.CHARGE)]))
    go(on(2026, 4, 1, 9))
    assert DunningAct.objects.get().note == "Nothing was charged: the customer is not charged automatically"
    assert not Job.objects.filter(task=CHARGE).exists()
