"""What an act does to the next invoices, by hand: 31.00 a month, a day of October costs 1.00."""

from __future__ import annotations

from datetime import datetime

import pytest

from billing.actions.pauses import pause_subscription
from billing.models import AuditEntry, EmittedEvent, Organization, Subscription
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.effects import (
    Effect,
    effect_of_cancel,
    effect_of_change,
    effect_of_ending,
    effect_of_pause,
)
from invoicing.actions.plan_changes import change_plan
from invoicing.models import CreditNote, Invoice
from invoicing.queries.foreseen import Coming
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
NOW = on(2026, 10, 11, 9)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def running(customer: Customer, minor: int = 3100, *, in_advance: bool) -> Subscription:
    return subscribe(
        customer, make_plan(customer.organization, minor, pay_in_advance=in_advance), on(2026, 10, 1)
    )


def shown(items: list[Coming]) -> list[tuple[datetime, int, int]]:
    """(moment, value with tax, left to pay)."""
    return [(item.at, item.bill.total_minor, item.bill.due_minor) for item in items]


def both(effect: Effect) -> tuple[list[tuple[datetime, int, int]], list[tuple[datetime, int, int]]]:
    return shown(effect.before), shown(effect.after)


def test_canceling(customer: Customer) -> None:
    """In advance November is not billed; in arrears October is, as without it."""
    effect = effect_of_cancel(running(customer, in_advance=True), by=ACTOR, at=NOW)
    assert both(effect) == ([(on(2026, 11, 1), 3100, 3100)], [])
    effect = effect_of_cancel(
        running(billed_customer(customer.organization), in_advance=False), by=ACTOR, at=NOW
    )
    assert both(effect) == ([(on(2026, 11, 1), 3100, 3100)], [(on(2026, 11, 1), 3100, 3100)])


def test_ending(customer: Customer) -> None:
    """Eleven days now instead of 31 later; in advance 20 days come back and nothing is billed."""
    effect = effect_of_ending(running(customer, in_advance=False), by=ACTOR, at=NOW)
    assert both(effect) == ([(on(2026, 11, 1), 3100, 3100)], [(NOW, 1100, 1100)])
    effect = effect_of_ending(
        running(billed_customer(customer.organization), in_advance=True), by=ACTOR, at=NOW
    )
    assert both(effect) == ([(on(2026, 11, 1), 3100, 3100)], [])
    assert effect.given_back.note is not None and effect.given_back.note.net_minor == 2000


def test_pausing(customer: Customer) -> None:
    """Until it is resumed nothing comes. Until 5 November: October without the twenty whole days after the 11th."""
    row = running(customer, in_advance=False)
    assert both(effect_of_pause(row, by=ACTOR, at=NOW)) == ([(on(2026, 11, 1), 3100, 3100)], [])
    effect = effect_of_pause(row, resumes_at=on(2026, 11, 5), by=ACTOR, at=NOW)
    assert both(effect) == ([(on(2026, 11, 1), 3100, 3100)], [(on(2026, 11, 5), 1100, 1100)])


def test_changing(customer: Customer) -> None:
    row = running(customer, in_advance=True)
    plan = make_plan(customer.organization, 6200, pay_in_advance=True)
    effect = effect_of_change(row, plan, by=ACTOR, at=NOW)
    assert both(effect) == (
        [(on(2026, 11, 1), 3100, 3100)],
        [(NOW, 4200, 2100), (on(2026, 11, 1), 6200, 6200)],
    )


def test_a_change_that_waits_shows_in_the_period_after(customer: Customer) -> None:
    """From 62.00 to 31.00, both in arrears: October is the same, November is not."""
    row = running(customer, 6200, in_advance=False)
    effect = effect_of_change(row, make_plan(customer.organization, 3100), by=ACTOR, at=NOW)
    assert both(effect) == (
        [(on(2026, 11, 1), 6200, 6200), (on(2026, 12, 1), 6200, 6200)],
        [(on(2026, 11, 1), 6200, 6200), (on(2026, 12, 1), 3100, 3100)],
    )


def test_nothing_is_written(customer: Customer) -> None:
    row = running(customer, in_advance=True)
    plan = make_plan(customer.organization, 6200, pay_in_advance=True)

    def counts() -> list[int]:
        return [
            model.objects.count() for model in (Invoice, CreditNote, Subscription, AuditEntry, EmittedEvent)
        ]

    before = counts()
    effect_of_change(row, plan, by=ACTOR, at=NOW)
    effect_of_cancel(row, by=ACTOR, at=NOW)
    effect_of_pause(row, by=ACTOR, at=NOW)
    effect_of_ending(row, by=ACTOR, at=NOW)
    assert counts() == before
    row.refresh_from_db()
    assert row.status == "active"


def test_what_was_foreseen_comes(customer: Customer) -> None:
    row = running(customer, 6200, in_advance=False)
    plan = make_plan(customer.organization, 3100, pay_in_advance=True)
    effect = effect_of_change(row, plan, by=ACTOR, at=NOW)
    change_plan(row, plan, by=ACTOR, at=NOW)
    for moment in (on(2026, 11, 1), on(2026, 12, 1)):
        run(moment)
    made = [invoice.total_minor for invoice in Invoice.objects.order_by("number")]
    assert [total for _, total, _ in shown(effect.after)] == made == [9300, 3100]


def test_other_subscriptions_of_the_customer_count_where_they_share_an_invoice(customer: Customer) -> None:
    """Ending by itself, its bill stands alone; that of the other one is shown too, so that the sums compare."""
    row = running(customer, in_advance=False)
    running(customer, 1000, in_advance=False)
    effect = effect_of_cancel(row, by=ACTOR, at=NOW)
    alone = [(on(2026, 11, 1), 1000, 1000), (on(2026, 11, 1), 3100, 3100)]
    assert both(effect) == ([(on(2026, 11, 1), 4100, 4100)], alone)
    effect = effect_of_ending(row, by=ACTOR, at=NOW)
    assert shown(effect.after) == [(NOW, 1100, 1100), (on(2026, 11, 1), 1000, 1000)]


def test_a_paused_one_goes_on_by_itself(customer: Customer) -> None:
    row = running(customer, in_advance=False)
    row = pause_subscription(row, resumes_at=on(2026, 10, 20), by=ACTOR, at=NOW)
    effect = effect_of_ending(row, by=ACTOR, at=on(2026, 10, 15))
    assert both(effect) == ([(on(2026, 11, 1), 2300, 2300)], [(on(2026, 10, 15), 1100, 1100)])
