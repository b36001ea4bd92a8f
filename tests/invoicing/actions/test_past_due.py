"""Past due: from the day after the due day of an unpaid invoice until all is paid."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import AuditEntry, EmittedEvent, Organization, Subscription
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
DUE, LATE = on(2026, 10, 15), on(2026, 10, 16)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization, net_payment_term_days=14)


@pytest.fixture
def row(customer: Customer) -> Subscription:
    """Billed on 1 October, due on the 15th."""
    plan = make_plan(customer.organization, 3100, pay_in_advance=True)
    return subscribe(customer, plan, on(2026, 10, 1))


def status(row: Subscription) -> str:
    row.refresh_from_db()
    return row.status


def pay(invoice: Invoice, minor: int | None = None, key: str = "money") -> None:
    record_payment(invoice, amount_minor=minor, key=key, by=ACTOR, at=LATE)


def test_from_the_day_after_the_due_day_until_the_last_cent(row: Subscription) -> None:
    invoice = Invoice.objects.get()
    run(DUE)
    assert status(row) == "active"
    run(LATE)
    assert status(row) == "past_due"
    pay(invoice, 3000)
    assert status(row) == "past_due"
    pay(invoice, key="rest")
    assert status(row) == "active"
    names = EmittedEvent.objects.filter(name__in=["subscription.past_due", "subscription.recovered"])
    assert list(names.order_by("at", "id").values_list("name", flat=True)) == [
        "subscription.past_due",
        "subscription.recovered",
    ]
    assert AuditEntry.objects.filter(action="subscription.past_due").count() == 1


def test_with_two_unpaid_invoices_both_must_be_paid(row: Subscription) -> None:
    run(on(2026, 11, 1))
    run(on(2026, 11, 16))
    first, second = Invoice.objects.order_by("number")
    assert status(row) == "past_due"
    record_payment(first, key="one", by=ACTOR, at=on(2026, 11, 16))
    assert status(row) == "past_due"
    record_payment(second, key="two", by=ACTOR, at=on(2026, 11, 16))
    assert status(row) == "active"


def test_a_voided_invoice_asks_for_nothing(row: Subscription) -> None:
    run(LATE)
    void_invoice(Invoice.objects.get(), by=ACTOR, at=LATE)
    assert status(row) == "active"


def test_periods_are_billed_all_the_same_and_it_can_end(row: Subscription) -> None:
    run(LATE)
    run(on(2026, 11, 1))
    assert Invoice.objects.count() == 2
    terminate_subscription(row, by=ACTOR, at=on(2026, 11, 2))
    assert status(row) == "terminated"


def test_an_invoice_of_something_else_is_no_matter_of_it(customer: Customer, row: Subscription) -> None:
    pay(Invoice.objects.get())
    create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=on(2026, 10, 1))
    run(on(2026, 10, 30))
    assert status(row) == "active"


def test_what_shares_the_invoice_is_past_due_too(customer: Customer) -> None:
    plans = [make_plan(customer.organization, minor) for minor in (3100, 6200)]
    rows = [subscribe(customer, plan, on(2026, 10, 1)) for plan in plans]
    own = subscribe(customer, plans[0], on(2026, 10, 1), separate_invoice=True)
    run(on(2026, 11, 1))
    pay(Invoice.objects.filter(periods__subscription=own).distinct().get())
    run(on(2026, 11, 16))
    assert [status(row) for row in (*rows, own)] == ["past_due", "past_due", "active"]


def test_it_follows_a_change_of_plan(customer: Customer) -> None:
    """The old plan's invoice was not paid: the one that follows is past due, and recovers."""
    small, large = (make_plan(customer.organization, minor) for minor in (3100, 6200))
    old = subscribe(customer, small, on(2026, 10, 1))
    new = change_plan(old, large, by=ACTOR, at=on(2026, 10, 11)).subscription
    run(on(2026, 10, 26))
    assert status(new) == "past_due"
    pay(Invoice.objects.get())
    assert status(new) == "active"


def test_a_clock_of_its_own_decides_in_a_sandbox() -> None:
    sandbox = make_organization(sandbox=True)
    sandbox.clock_at = on(2026, 10, 1)
    sandbox.save()
    customer = billed_customer(sandbox, net_payment_term_days=14)
    row = subscribe(customer, make_plan(sandbox, 3100, pay_in_advance=True), on(2026, 10, 1))
    run(on(2026, 10, 30))
    assert status(row) == "active"
    sandbox.clock_at = LATE
    sandbox.save()
    run(on(2026, 10, 30))
    assert status(row) == "past_due"
