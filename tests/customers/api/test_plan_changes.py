"""Changing the plan over the API."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Organization, Plan, Subscription
from customers.models import Customer
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db
NOW = on(2026, 10, 11, 9)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(sandbox=True)
    organization.clock_at = NOW
    organization.save()
    return organization


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


@pytest.fixture
def small(organization: Organization) -> Plan:
    return make_plan(organization, 3100, pay_in_advance=True, code="small")


@pytest.fixture
def large(organization: Organization) -> Plan:
    return make_plan(organization, 6200, pay_in_advance=True, code="large")


@pytest.fixture
def row(customer: Customer, small: Plan) -> Subscription:
    return subscribe(customer, small, on(2026, 10, 1), external_id="acme")


@pytest.mark.parametrize("field", ["planId", "newPlanId", "planCode", "new_plan_id"])
def test_an_upgrade_answers_what_runs_now(api: Api, row: Subscription, large: Plan, field: str) -> None:
    status, body = api.post(f"/subscriptions/{row.public_id}/change-plan", {field: "large"})
    data = body["data"]
    assert status == 200 and data["id"] != row.public_id
    assert (data["planCode"], data["externalId"], data["status"]) == ("large", "acme", "active")
    assert data["previousSubscriptionId"] == row.public_id
    assert data["currentPeriodEnd"].startswith("2026-11-01")
    change = data["planChange"]
    assert (change["direction"], change["when"]) == ("upgrade", "now")
    assert len(change["invoiceIds"]) == len(change["creditNoteIds"]) == 1


def test_a_downgrade_waits_and_is_called_off(api: Api, customer: Customer, small: Plan, large: Plan) -> None:
    row = subscribe(customer, large, on(2026, 10, 1))
    path = f"/subscriptions/{row.public_id}"
    _, body = api.post(f"{path}/change-plan", {"planId": small.public_id})
    data = body["data"]
    assert (data["id"], data["planCode"], data["nextPlanCode"]) == (row.public_id, "large", "small")
    assert data["planChangesAt"].startswith("2026-11-01")
    _, body = api.get("/subscriptions", status="pending")
    assert [one["planCode"] for one in body["data"]] == ["small"]
    _, body = api.post(f"{path}/keep-plan")
    assert body["data"]["nextPlanId"] is None
    assert api.post(f"{path}/keep-plan")[0] == 200


def test_canceling_what_waits_calls_the_change_off(
    api: Api, customer: Customer, small: Plan, large: Plan
) -> None:
    row = subscribe(customer, large, on(2026, 10, 1))
    api.post(f"/subscriptions/{row.public_id}/change-plan", {"planId": "small"})
    waiting = Subscription.objects.get(previous=row)
    status, body = api.post(f"/subscriptions/{waiting.public_id}/cancel")
    assert (status, body["data"]["status"]) == (200, "canceled")


def test_put_changes_plan_and_fields(api: Api, row: Subscription, large: Plan) -> None:
    path = f"/subscriptions/{row.public_id}"
    _, body = api.put(path, {"planCode": "small", "name": "Same plan"})
    assert (body["data"]["id"], body["data"]["name"]) == (row.public_id, "Same plan")
    _, body = api.put(path, {"planCode": "large"})
    assert (body["data"]["planCode"], body["data"]["name"]) == ("large", "Same plan")


def test_without_giving_back(api: Api, row: Subscription, large: Plan) -> None:
    _, body = api.post(f"/subscriptions/{row.public_id}/change-plan", {"planId": "large", "prorate": False})
    assert body["data"]["planChange"]["creditNoteIds"] == []


def test_the_preview_writes_nothing(api: Api, row: Subscription, large: Plan) -> None:
    before = Invoice.objects.count()
    status, body = api.post(f"/subscriptions/{row.public_id}/change-plan/preview", {"planId": "large"})
    data = body["data"]
    assert status == 200 and Invoice.objects.count() == before
    assert [(one["total"], one["credits"], one["amountDue"]) for one in data["after"]] == [
        (42, 21, 21),
        (62, 0, 62),
    ]
    assert [one["total"] for one in data["before"]] == [31]
    assert data["creditNotes"][0]["total"] == 21


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (400, "invalid", "planId")),
        ({"planId": "nope"}, (400, "plan_not_found", "planId")),
        ({"planId": "small"}, (409, "same_plan", "planId")),
        ({"planId": "large", "when": "tomorrow"}, (400, "invalid", "when")),
    ],
)
def test_refusals_name_the_field(
    api: Api, row: Subscription, large: Plan, body: dict[str, Any], error: tuple[int, str, str]
) -> None:
    assert refused(api.post(f"/subscriptions/{row.public_id}/change-plan", body)) == error
