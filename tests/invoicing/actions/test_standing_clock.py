"""Billing now and ending at one moment, as on a sandbox clock that stands still: all is billed exactly once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.charge_terms import ChargeTerms, FilterTerms
from billing.actions.usage import ingest
from billing.models import Metric, Organization, Plan
from billing.rules.errors import Conflict
from customers.models import Customer
from invoicing.actions.billing_run import bill_now, run
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.termination import terminate_subscription
from invoicing.models import InvoiceLine
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import event

pytestmark = pytest.mark.django_db
NOW = on(2026, 10, 11, 9)
FILTERS = [FilterTerms({"region": ["eu"]}, {"amount": "3"}, "Europe")]


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def seats(organization: Organization, *, recurring: bool, aggregation: str) -> Metric:
    return make_metric(
        organization,
        "seats",
        aggregation=aggregation,
        recurring=recurring,
        filters=[{"key": "region", "values": ["eu", "us"]}],
    )


def units(customer: Customer) -> list[Decimal]:
    """The units of each line of usage."""
    lines = InvoiceLine.objects.filter(invoice__customer=customer, kind="charge").order_by("units")
    return [row.units for row in lines]


@pytest.mark.parametrize("divided", [False, True])
@pytest.mark.parametrize("recurring", [False, True])
@pytest.mark.parametrize("aggregation", ["sum", "unique_count"])
@pytest.mark.parametrize("sent_at", [on(2026, 10, 5), NOW])
@pytest.mark.parametrize("act", ["terminate", "change"])
@pytest.mark.parametrize("billed_first", [True, False])
def test_usage_is_billed_once(
    customer: Customer,
    divided: bool,
    recurring: bool,
    aggregation: str,
    sent_at: Any,
    act: str,
    billed_first: bool,
) -> None:
    """Four units in Europe, sent before or at the very moment."""
    organization = customer.organization
    metric = seats(organization, recurring=recurring, aggregation=aggregation)
    terms = ChargeTerms(metric, "standard", {"amount": "2"}, filters=FILTERS if divided else [])
    plan: Plan = make_plan(organization, 0, terms)
    row = subscribe(customer, plan, on(2026, 10, 1))
    values = [4] if aggregation == "sum" else ["a", "b", "c", "d"]
    ingest(organization, [event(row, metric, value, at=sent_at, region="eu") for value in values], at=NOW)
    if billed_first:
        try:
            bill_now(customer, by=ACTOR, at=NOW)
        except Conflict as error:
            assert "nothing to bill" in str(error)
    if act == "terminate":
        terminate_subscription(row, by=ACTOR, at=NOW)
    else:
        change_plan(row, make_plan(organization, 0, name="Other"), by=ACTOR, at=NOW)
    assert units(customer) == [4]


def test_what_came_as_a_period_ended_belongs_to_the_next_and_the_minimum_is_asked_once(
    customer: Customer,
) -> None:
    """The clock stands on 1 November, four units came at that moment, and it ends there: November was not lived."""
    metric = make_metric(customer.organization, "calls")
    plan = make_plan(
        customer.organization, 0, ChargeTerms(metric, "standard", {"amount": "2"}, min_amount_minor=5000)
    )
    row = subscribe(customer, plan, on(2026, 10, 1))
    ingest(customer.organization, [event(row, metric, 4, at=on(2026, 11, 1))], at=on(2026, 11, 1))
    terminate_subscription(row, by=ACTOR, at=on(2026, 11, 1))
    lines = InvoiceLine.objects.filter(invoice__customer=customer)
    assert sorted((line.kind, line.amount_minor) for line in lines) == [("true_up", 5000)]


def test_what_came_after_an_end_in_the_past_does_not_count(customer: Customer) -> None:
    """It ended at midnight; the run comes an hour later, and so did the event."""
    metric = make_metric(customer.organization, "calls")
    row = subscribe(
        customer,
        make_plan(customer.organization, 0, charge(metric)),
        on(2026, 10, 1),
        ending_at=on(2026, 10, 11),
    )
    late = on(2026, 10, 11, 0, 30)
    ingest(customer.organization, [event(row, metric, 4, at=late)], at=late)
    run(on(2026, 10, 11, 1))
    row.refresh_from_db()
    assert row.status == "terminated" and units(customer) == []
