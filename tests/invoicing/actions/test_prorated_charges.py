"""Invoices of seats that count by their days: a seat is 31.00 a month, so that a day of October costs 1.00."""

from __future__ import annotations

import pytest

from billing.models import Metric, Organization, Plan
from billing.rules.errors import Conflict
from customers.models import Customer
from invoicing.actions.billing_run import bill_now, run
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.termination import terminate_subscription
from invoicing.documents.wording import step_words
from invoicing.models import InvoiceLine
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


@pytest.fixture
def seats(organization: Organization) -> Metric:
    return make_metric(organization, "seats", recurring=True)


def plan_of(seats: Metric, amount: str = "31", **fields: object) -> Plan:
    terms = charge(seats, properties={"amount": amount}, prorated=True)
    return make_plan(seats.organization, 0, terms, **fields)


def amounts() -> list[tuple[str, int]]:
    """(units, amount) of each usage line, the oldest first."""
    rows = InvoiceLine.objects.filter(kind="charge").order_by("period_end", "pk")
    return [(f"{row.units.normalize():f}", row.amount_minor) for row in rows]


def test_a_seat_of_the_eleventh_costs_its_days_and_then_whole_months(
    customer: Customer, seats: Metric
) -> None:
    row = subscribe(customer, plan_of(seats), on(2026, 10, 1))
    use(row, seats, 1, at=on(2026, 10, 11, 9))
    run(on(2026, 11, 1))
    run(on(2026, 12, 1))
    assert amounts() == [("1", 2100), ("1", 3100)]
    [step] = InvoiceLine.objects.get(amount_minor=2100).steps
    assert (step["label"], step["units"]) == ("Units by their days", "0.67742")  # 21 of 31 days, rounded up
    assert step_words(step["label"], "de") == "Einheiten nach Tagen"


def test_a_bill_in_between_changes_nothing(customer: Customer, seats: Metric) -> None:
    row = subscribe(customer, plan_of(seats), on(2026, 10, 1))
    use(row, seats, 1, at=on(2026, 10, 11, 9))
    with pytest.raises(Conflict):
        bill_now(customer, by=ACTOR, at=on(2026, 10, 20, 8))
    use(row, seats, 1, at=on(2026, 10, 22))
    run(on(2026, 11, 1))
    assert amounts() == [("2", 3100)]  # 21 and 10 days


def test_a_bill_in_between_of_other_usage_leaves_seats_to_the_close(
    customer: Customer, seats: Metric
) -> None:
    calls = make_metric(customer.organization, "calls")
    terms = [
        charge(seats, properties={"amount": "31"}, prorated=True),
        charge(calls, properties={"amount": "1"}),
    ]
    row = subscribe(customer, make_plan(customer.organization, 0, *terms), on(2026, 10, 1))
    use(row, seats, 1, at=on(2026, 10, 11, 9))
    use(row, calls, 4, at=on(2026, 10, 12))
    bill_now(customer, by=ACTOR, at=on(2026, 10, 20, 8))
    assert amounts() == [("4", 400)]
    run(on(2026, 11, 1))
    assert amounts() == [("4", 400), ("1", 2100)]


def test_an_end_costs_the_days_up_to_it(customer: Customer, seats: Metric) -> None:
    row = subscribe(customer, plan_of(seats), on(2026, 10, 1))
    use(row, seats, 1, at=on(2026, 10, 11, 9))
    terminate_subscription(row, by=ACTOR, at=on(2026, 10, 20, 12))
    assert amounts() == [("1", 1000)]
    assert run(on(2026, 11, 1)).invoices == 0


def test_an_end_at_the_moment_of_a_bill_asks_for_nothing_twice(customer: Customer, seats: Metric) -> None:
    row = subscribe(customer, plan_of(seats), on(2026, 10, 1))
    use(row, seats, 1, at=on(2026, 10, 11, 9))
    run(on(2026, 11, 1))
    terminate_subscription(row, by=ACTOR, at=on(2026, 11, 1))
    run(on(2026, 12, 1))
    assert amounts() == [("1", 2100)]


def test_each_plan_bills_its_days_and_the_day_of_the_change_belongs_to_the_next(
    customer: Customer, seats: Metric
) -> None:
    """17 days at 1.00 and 14 days at 2.00."""
    row = subscribe(customer, plan_of(seats, name="Small"), on(2026, 9, 1))
    large = make_plan(
        customer.organization, 100, charge(seats, properties={"amount": "62"}, prorated=True), name="Large"
    )
    use(row, seats, 1, at=on(2026, 9, 1))
    run(on(2026, 10, 1))
    change_plan(row, large, when=None, by=ACTOR, at=on(2026, 10, 18, 12))
    run(on(2026, 11, 1))
    assert amounts() == [("1", 3100), ("1", 1700), ("1", 2800)]
