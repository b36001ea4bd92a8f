"""Charges with filters and groups on invoices: a line for each part, frozen with its filter and group. By hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.actions import price_changes
from billing.actions.charge_terms import ChargeTerms, FilterTerms
from billing.actions.plans import update_plan
from billing.actions.usage import ingest
from billing.models import Job, Metric, Organization, Subscription
from invoicing.actions.billing_run import run
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.payloads import line_payload
from tests.factories.catalog import make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import event

pytestmark = pytest.mark.django_db

PACKAGES = {"amount": "10", "packageSize": 100, "freeUnits": 0}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def metric(organization: Organization) -> Metric:
    return make_metric(
        organization, "calls", filters=[{"key": "region", "values": ["eu", "us"]}], name="Calls"
    )


def used(organization: Organization, terms: ChargeTerms, *sent: tuple[int, dict[str, Any]]) -> Subscription:
    """A subscription since 1 January whose events of 10 January are these."""
    subscription = subscribe(billed_customer(organization), make_plan(organization, 0, terms), on(2026, 1, 1))
    events = [event(subscription, terms.metric, value, at=on(2026, 1, 10), **more) for value, more in sent]
    ingest(organization, events, at=on(2026, 1, 10))
    return subscription


def lines() -> list[tuple[str, int, int]]:
    return [
        (line.description, int(line.units), line.amount_minor)
        for line in InvoiceLine.objects.order_by("position")
    ]


def test_packages_start_anew_in_each_part_and_empty_parts_have_no_line(
    organization: Organization, metric: Metric
) -> None:
    """eu: 150 units of ann are 2 packages of 20.00, 10 of bo one of 20.00; elsewhere 50 are one of 10.00."""
    rows = [
        FilterTerms({"region": ["us"]}, PACKAGES),
        FilterTerms({"region": ["eu"]}, PACKAGES | {"amount": "20"}, "Europe"),
    ]
    terms = ChargeTerms(metric, "package", PACKAGES, filters=rows, group_keys=["user"])
    used(
        organization,
        terms,
        (100, {"region": "eu", "user": "ann"}),
        (50, {"region": "eu", "user": "ann"}),
        (10, {"region": "eu", "user": "bo"}),
        (50, {"region": "asia"}),
    )
    run(on(2026, 2, 1))
    assert lines() == [
        ("Calls · Europe · ann", 150, 4000),
        ("Calls · Europe · bo", 10, 2000),
        ("Calls · no user", 50, 1000),
    ]
    assert Invoice.objects.get().total_minor == 7000
    first, _, last = InvoiceLine.objects.order_by("position")
    europe = {"values": {"region": ["eu"]}, "invoice_display_name": "Europe"}
    assert (first.charge_filter, first.charge_group) == (europe, {"user": "ann"})
    assert (last.charge_filter, last.charge_group) == (None, {"user": None})
    payload = line_payload(first, "EUR")
    assert payload["filter"] == {"values": {"region": ["eu"]}, "invoiceDisplayName": "Europe"}
    assert payload["groupedBy"] == {"user": "ann"}


def test_a_flat_amount_is_due_for_each_price_even_without_usage(
    organization: Organization, metric: Metric
) -> None:
    """The first tier's 5.00 once for the filter and once for the rest."""
    ranges = [{"fromValue": 0, "toValue": None, "perUnitAmount": "1", "flatAmount": "5"}]
    graduated = {"graduatedRanges": ranges}
    rows = [FilterTerms({"region": ["eu"]}, graduated)]
    used(organization, ChargeTerms(metric, "graduated", graduated, filters=rows), (3, {"region": "eu"}))
    run(on(2026, 2, 1))
    assert lines() == [("Calls · eu", 3, 800), ("Calls", 0, 500)]


def test_the_minimum_spend_is_that_of_all_parts_together(organization: Organization, metric: Metric) -> None:
    """2.00 and 3.00 of 10.00: 5.00 are missing."""
    rows = [FilterTerms({"region": ["eu"]}, {"amount": "2"})]
    terms = ChargeTerms(metric, "standard", {"amount": "1"}, filters=rows, min_amount_minor=1000)
    used(organization, terms, (1, {"region": "eu"}), (3, {"region": "us"}))
    run(on(2026, 2, 1))
    assert lines() == [("Calls · eu", 1, 200), ("Calls", 3, 300), ("Calls: minimum spend", 1, 500)]


def test_what_has_been_invoiced_stays_when_prices_are_divided_later(
    organization: Organization, metric: Metric
) -> None:
    """January is one line for good; February has a line for each user, also before the hours are divided."""
    plain = ChargeTerms(metric, "standard", {"amount": "1"})
    subscription = used(organization, plain, (4, {"user": "ann"}))
    run(on(2026, 2, 1))
    before = InvoiceLine.objects.values().get()
    sent = [event(subscription, metric, 2, at=on(2026, 2, 3), user=user) for user in ("ann", "bo", "bo")]
    ingest(organization, sent, at=on(2026, 2, 3))
    grouped = ChargeTerms(metric, "standard", {"amount": "1"}, group_keys=["user"])
    update_plan(subscription.plan, {}, charges=[grouped], by=ACTOR, at=on(2026, 2, 4))
    price_changes.carry_out(Job.objects.get(task=price_changes.TASK))
    metric.refresh_from_db()
    assert not metric.rolled
    run(on(2026, 3, 1) + timedelta(minutes=1))
    assert lines()[:1] == [("Calls", 4, 400)]
    assert InvoiceLine.objects.filter(pk=before["id"]).values().get() == before
    rows = InvoiceLine.objects.exclude(pk=before["id"]).order_by("position")
    assert [(row.description, row.amount_minor) for row in rows] == [
        ("Calls · ann", 200),
        ("Calls · bo", 400),
    ]
