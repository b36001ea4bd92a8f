"""`subscription.renewed`: told once when a subscription goes on into its next period, and never when it does not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import billing
from billing.models import EmittedEvent, Organization
from billing.rules.plan_changes import When
from invoicing.actions.billing_run import run
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.termination import terminate_subscription
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def told() -> list[tuple[str, str]]:
    """The period that each says to have begun."""
    rows = EmittedEvent.objects.filter(name="subscription.renewed").order_by("pk")
    return [(row.data["currentPeriodStart"][:10], row.data["currentPeriodEnd"][:10]) for row in rows]


@pytest.mark.parametrize(
    ("plan", "moments", "periods"),
    [
        ({}, [on(2026, 1, 31), on(2026, 2, 1), on(2026, 2, 1)], [("2026-02-01", "2026-03-01")]),
        ({"pay_in_advance": True}, [on(2026, 2, 1)], [("2026-02-01", "2026-03-01")]),
        ({}, [on(2026, 4, 2)], [("2026-04-01", "2026-05-01")]),
        ({"trial_days": 31}, [on(2026, 2, 1)], []),
        ({"trial_days": 45}, [on(2026, 2, 1), on(2026, 3, 1)], [("2026-03-01", "2026-04-01")]),
        (
            {"interval": "yearly", "bill_charges_monthly": True},
            [on(2026, 2, 1), on(2026, 3, 1), on(2027, 1, 1)],
            [("2027-01-01", "2028-01-01")],
        ),
    ],
)
def test_it_is_told_when_a_period_follows_another(
    organization: Organization, plan: dict[str, Any], moments: list[datetime], periods: list[tuple[str, str]]
) -> None:
    make_endpoint(organization, ["subscription.renewed"])
    made = make_plan(organization, 1000, charge(make_metric(organization)), **plan)
    subscribe(billed_customer(organization), made, on(2026, 1, 1))
    for moment in moments:
        run(moment)
    assert told() == periods
    renewed = EmittedEvent.objects.filter(name="subscription.renewed")
    assert all(row.data["status"] == "active" for row in renewed)


def test_what_ends_with_its_period_does_not_go_on(organization: Organization) -> None:
    make_endpoint(organization)
    small, large = (make_plan(organization, amount) for amount in (1000, 3000))
    subscribe(billed_customer(organization), small, on(2026, 1, 1), ending_at=on(2026, 2, 1))
    ended = subscribe(billed_customer(organization), small, on(2026, 1, 1))
    changed = subscribe(billed_customer(organization), small, on(2026, 1, 1))
    change_plan(changed, large, when=When.PERIOD_END, by=ACTOR, at=on(2026, 1, 10))
    terminate_subscription(ended, by=ACTOR, at=on(2026, 2, 1))
    run(on(2026, 2, 1))
    assert told() == []
    run(on(2026, 3, 1))
    assert told() == [("2026-03-01", "2026-04-01")], "the plan that followed has a second period"


def test_where_nobody_listens_it_costs_no_query_and_a_handler_hears_it(organization: Organization) -> None:
    make_endpoint(organization, ["customer.created"])
    subscribe(billed_customer(organization), make_plan(organization, 1000), on(2026, 1, 1))
    with CaptureQueriesContext(connection) as queries:
        run(on(2026, 2, 1))
    asked = [one["sql"] for one in queries if 'FROM "billing_webhookendpoint"' in one["sql"]]
    assert len(asked) == 2 and told() == [], "with what is due, and for the invoice"
    stop = billing.on("subscription.renewed", lambda event: None)
    run(on(2026, 3, 1))
    stop()
    assert told() == [("2026-03-01", "2026-04-01")]
