"""/api/plans: what a change of prices means beforehand, who follows, the run and the versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.actions import price_changes
from billing.models import Job, Organization, Plan
from customers.actions.assign import assign_plan
from tests.billing.api.test_plans import caller
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def call(acme: Organization, client: Client) -> Any:
    return caller(client, acme)


@pytest.fixture
def plan(acme: Organization) -> Plan:
    """31.00 in arrears, one subscription since yesterday."""
    plan = make_plan(acme, 3100, charge(make_metric(acme, "calls")))
    assign_plan(billed_customer(acme), plan, by=ACTOR, at=timezone.now() - timedelta(days=1))
    return plan


def test_the_effect_is_told_and_nothing_is_written(call: Any, plan: Plan) -> None:
    status, body = call("post", f"/plans/{plan.code}/price-effect", {"amount": 40})
    assert status == 200
    assert body["data"]["subscriptions"] == 1
    (euro,) = body["data"]["currencies"]
    assert (euro["feesBefore"], euro["feesAfter"], euro["withoutPrice"]) == (31, 40, [])
    assert euro["now"] == {"runningPeriods": 9, "eachPeriodAfter": 9}
    assert euro["renewal"] == {"runningPeriods": 0, "eachPeriodAfter": 9}
    assert euro["never"] == {"runningPeriods": 0, "eachPeriodAfter": 0}
    named = call("post", f"/plans/{plan.code}/price-effect", {"name": "Other"})[1]["data"]
    assert (named["subscriptions"], named["currencies"]) == (0, [])
    plan.refresh_from_db()
    assert (plan.name == "Other", plan.amount_minor, plan.price_version) == (False, 3100, 1)


def test_a_change_says_who_follows_and_the_run_is_read(call: Any, plan: Plan) -> None:
    status, body = call("patch", f"/plans/{plan.code}", {"amount": 40, "existingSubscriptions": "renewal"})
    assert (status, body["data"]["amount"], body["data"]["priceVersion"]) == (200, 40, 2)
    price_changes.carry_out(Job.objects.get(task=price_changes.TASK))
    newest, first = call("get", f"/plans/{plan.code}/versions")[1]["data"]
    assert (newest["version"], newest["current"], newest["subscriptions"]) == (2, True, 1)
    assert (first["version"], first["current"], first["subscriptions"]) == (1, False, 0)
    assert newest["changes"] == [{"part": "fee", "name": None, "currency": "EUR", "before": 31, "after": 40}]
    path = f"/plans/{plan.code}/price-changes/{newest['priceChangeId']}"
    run = call("get", path)[1]["data"]
    assert (run["existingSubscriptions"], run["total"], run["moved"], run["failed"]) == ("renewal", 1, 1, 0)
    (row,) = call("get", f"{path}/rows")[1]["data"]
    assert (row["outcome"], row["amountBefore"], row["amountAfter"]) == ("moved", 31, 40)
    status, body = call("post", f"{path}/retry")
    assert (status, body["error"]["code"]) == (409, "nothing_failed")


@pytest.mark.parametrize(
    ("word", "status", "code"), [("later", 400, "invalid"), ("ask", 409, "existing_subscriptions")]
)
def test_words_that_say_nothing_are_refused(call: Any, plan: Plan, word: str, status: int, code: str) -> None:
    found, body = call("patch", f"/plans/{plan.code}", {"amount": 40, "existingSubscriptions": word})
    assert (found, body["error"]["code"]) == (status, code)
    plan.refresh_from_db()
    assert plan.amount_minor == 3100


def test_charges_and_their_removal_take_it_too(call: Any, plan: Plan) -> None:
    row = plan.charges.get()
    path = f"/plans/{plan.code}/charges/{row.public_id}"
    status, _ = call("patch", path, {"properties": {"amount": "0.30"}, "existingSubscriptions": "never"})
    assert (status, plan.price_changes.count()) == (200, 0)
    status, _ = call("delete", f"{path}?existingSubscriptions=renewal")
    assert (status, plan.price_changes.get().follow) == (200, "renewal")
