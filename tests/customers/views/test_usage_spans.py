"""The Usage tab through time: the running period against the last, invoiced periods, days of one's own choice."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Event, Subscription
from invoicing.actions.billing_run import bill_customer
from invoicing.models import InvoicedPeriod
from tests.factories.catalog import charge, make_metric, make_plan
from tests.factories.invoicing import billed_customer, on, subscribe
from tests.factories.pages import text
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscription() -> Subscription:
    """0.10 a call and 1.00 a seat since 1 January; January is billed. Now is 10 February, 12:00.

    January: 300 calls on the 5th, 100 on the 20th, two seats on the 20th. February: 600 calls and a seat on the 4th.
    """
    organization = make_organization(sandbox=True)
    organization.clock_at = on(2026, 2, 10, 12)
    organization.save()
    calls, seats = make_metric(organization, "calls"), make_metric(organization, "seats", "unique_count")
    plan = make_plan(organization, [charge(calls), charge(seats, properties={"amount": "1"})], amount_minor=0)
    found = subscribe(billed_customer(organization), plan, on(2026, 1, 1), external_id="acme-1")
    use(found, calls, 300, at=on(2026, 1, 5))
    use(found, calls, 100, at=on(2026, 1, 20))
    use(found, seats, "ann", "bob", at=on(2026, 1, 20))
    bill_customer(found.customer_id, by=ACTOR, at=on(2026, 2, 1))
    use(found, calls, 600, at=on(2026, 2, 4))
    use(found, seats, "ann", at=on(2026, 2, 4))
    return found


@pytest.fixture
def page(subscription: Subscription) -> Any:
    client = sign_in(Client(), make_member(subscription.organization, "support"))
    return lambda query="": client.get(f"/customers/{subscription.customer.public_id}/usage{query}")


def test_the_running_period_stands_against_the_last_up_to_the_same_point(page: Any) -> None:
    answer = page()
    rows = {row.item.metric.code: row for row in answer.context["rows"]}
    calls, seats = rows["calls"], rows["seats"]
    assert (calls.amount_minor, calls.before_minor, calls.before_units, calls.percent) == (
        6000,
        3000,
        300,
        100,
    )
    assert (seats.amount_minor, seats.before_minor, seats.percent) == (100, 0, None)
    assert calls.share and f"{calls.share:.1f}" == "98.4"
    shown = text(answer)
    assert '+<span class="tabular">103.3</span>%' in shown
    assert "€30.00" in shown
    assert answer.context["lifetime_minor"] == 4200 + 6100
    assert "Since the start" in shown
    assert shown.count('class="tab"') > 8  # the customer's own tabs, beside the switch of the chart


def test_an_invoiced_period_stands_as_it_was_billed(page: Any, subscription: Subscription) -> None:
    period = InvoicedPeriod.objects.get(subscription=subscription, kind="usage")
    subscription.plan.charges.filter(metric__code="calls").update(properties={"amount": "5"})
    answer = page(f"?period={period.public_id}")
    assert [row.amount_minor for row in answer.context["rows"]] == [4000, 200]
    shown = text(answer)
    assert "Usage, as billed" in shown and "€42.00" in shown and "no earlier days to compare" in shown
    assert "Projected" not in shown and 'hx-trigger="every 5s"' not in shown
    assert page("?period=ipd_01a2152f991c76d396f1c5843cfaff25").status_code == 404


def test_two_invoiced_periods_are_compared_as_they_were_billed(page: Any, subscription: Subscription) -> None:
    bill_customer(subscription.customer_id, by=ACTOR, at=on(2026, 3, 1))
    subscription.plan.charges.update(properties={"amount": "7"})
    last = InvoicedPeriod.objects.filter(subscription=subscription, kind="usage").latest("start")
    rows = page(f"?period={last.public_id}").context["rows"]
    assert [(row.amount_minor, row.before_minor, row.before_units) for row in rows] == [
        (6000, 4000, 400),
        (100, 200, 2),
    ]


def test_days_of_ones_own_choice(page: Any) -> None:
    answer = page("?from=2026-01-20&to=2026-02-04")
    assert [(row.item.units, row.amount_minor) for row in answer.context["rows"]] == [(700, 7000), (2, 200)]
    assert [row.before_units for row in answer.context["rows"]] == [300, 0]  # 4 to 19 January
    shown = text(answer)
    assert "Usage of these days" in shown and "as if they were a period of their own" in shown
    assert 'value="2026-01-20"' in shown


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?from=2026-02-04&to=2026-01-20", "The last day is before the first."),
        ("?from=2026-03-01&to=2026-03-02", "These days are still to come."),
        ("?from=2025-03-01&to=2025-03-02", "The subscription had not started."),
        ("?from=nonsense&to=2026-01-20", "Enter a valid date."),
        ("?from=2026-01-20", "This field is required."),
    ],
)
def test_days_that_make_no_sense_are_explained(page: Any, query: str, message: str) -> None:
    answer = page(query)
    assert answer.status_code == 200
    assert message in text(answer)
    assert answer.context["span"].running


def test_the_drawer_of_a_charge_follows_the_period(page: Any, subscription: Subscription) -> None:
    period = InvoicedPeriod.objects.get(subscription=subscription, kind="usage")
    item = subscription.plan.charges.get(metric__code="calls")
    shown = text(page(f"/{subscription.public_id}/{item.public_id}?period={period.public_id}"))
    assert "Billed:" in shown and "€40.00" in shown
    assert "400 units from 2 events" in shown


def test_another_subscriptions_period_is_not_here(page: Any, subscription: Subscription) -> None:
    other = subscribe(billed_customer(subscription.organization), subscription.plan, on(2026, 1, 1))
    bill_customer(other.customer_id, by=ACTOR, at=on(2026, 2, 1))
    foreign = InvoicedPeriod.objects.get(subscription=other, kind="usage")
    assert page(f"?period={foreign.public_id}").status_code == 404


def test_queries_stay_few(page: Any, django_assert_max_num_queries: Any) -> None:
    page()
    with django_assert_max_num_queries(19):
        page()


def test_what_came_after_the_invoice_is_told_until_somebody_leaves_it(
    page: Any, subscription: Subscription
) -> None:
    """50 calls of January that come on 10 February: 5.00 that no invoice asks for."""
    period = InvoicedPeriod.objects.get(subscription=subscription, kind="usage")
    assert "Arrived after" not in text(page(f"?period={period.public_id}"))
    calls = subscription.plan.charges.get(metric__code="calls").metric
    use(subscription, calls, 50, at=on(2026, 1, 25))
    shown = text(page(f"?period={period.public_id}"))
    assert "Arrived after the invoice was final" in shown and "€5.00" in shown
    assert "Leave unbilled" not in shown  # support only reads
    assert "1 late" in text(page()) and "Arrived after" not in text(page())

    staff = sign_in(Client(), make_member(subscription.organization, "admin"))
    assert "event came after its invoice" in text(staff.get("/"))
    for query, count in (("", 1), ("?late=open", 1), ("?late=all", 1), ("?late=open&subscription=other", 0)):
        listed = staff.get(f"/developers/events{query}")
        assert sum(row.late_open for row in listed.context["rows"]) == count, query
    assert staff.get("/developers/events?late=all").context["total"] == 1
    one = Event.objects.order_by("-pk").first()
    assert one and "It came after its invoice" in text(staff.get(f"/developers/events/{one.public_id}"))

    address = f"/subscriptions/{subscription.public_id}/leave-late"
    assert staff.post(address, {"period": "ipd_" + "0" * 32}).status_code == 404
    answer = staff.post(address, {"period": period.public_id}, follow=True)
    assert "1 late event stays unbilled." in text(answer)
    assert "Leave unbilled" not in text(answer) and "€5.00" in text(answer)
    assert "event came after its invoice" not in text(staff.get("/"))
    assert staff.get("/developers/events?late=open").context["total"] == 0
