"""/api/subscriptions: assigning, reading, ending."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.actions.clock import now
from billing.models import AuditEntry, Organization, Plan, Subscription
from customers.models import Customer
from tests.factories.api import Api, refused
from tests.factories.catalog import make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import set_entity
from tests.factories.people import make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    found = make_organization()
    set_entity(found, grace_period_days=0)
    return found


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, currency="EUR")


@pytest.fixture
def plan(organization: Organization) -> Plan:
    return make_plan(organization, [make_metric(organization)], code="team")


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def body_for(customer: Customer, **fields: Any) -> dict[str, Any]:
    """What POST takes."""
    return {"customerId": customer.public_id, "planId": "team"} | fields


def test_assigning_by_code_or_id(api: Api, customer: Customer, plan: Plan) -> None:
    status, body = api.post("/subscriptions", body_for(customer, externalId="s-1", metadata={"a": 1}))
    data = body["data"]
    assert status == 201
    assert (data["externalId"], data["planId"], data["planCode"], data["status"]) == (
        "s-1",
        plan.public_id,
        "team",
        "active",
    )
    assert data["customerId"] == customer.public_id and data["metadata"] == {"a": 1}
    start, end = (datetime.fromisoformat(data[f"currentPeriod{part}"]) for part in ("Start", "End"))
    assert start < end and end.day == 1
    assert api.post("/subscriptions", body_for(customer, planId=plan.public_id))[0] == 201
    entry = AuditEntry.objects.filter(action="subscription.started").first()
    assert entry is not None and entry.actor_kind == "key"


def test_pending_until_its_day(api: Api, customer: Customer, plan: Plan) -> None:
    _, body = api.post("/subscriptions", body_for(customer, startDate="2090-01-01T00:00:00Z"))
    assert (body["data"]["status"], body["data"]["startedAt"]) == ("pending", None)
    status, body = api.post(f"/subscriptions/{body['data']['id']}/cancel")
    assert (status, body["data"]["status"]) == (200, "canceled")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"planId": "nope"}, (400, "plan_not_found", "planId")),
        ({"customerId": "cust_" + "0" * 32}, (400, "customer_not_found", "customerId")),
        ({"currency": "USD"}, (400, "price_not_found", "currency")),
        ({"billingTime": "lunar"}, (400, "invalid", "billingTime")),
        ({"endingAt": "2020-01-01T00:00:00Z"}, (400, "invalid", "endingAt")),
        ({"colour": "red"}, (400, "invalid", "colour")),
        ({"trialDays": -1}, (400, "invalid", "trialDays")),
        ({"startDate": "2026-01-01T00:00:00"}, (400, "invalid", "startDate")),
    ],
)
def test_refusals_name_the_field(
    api: Api, customer: Customer, plan: Plan, change: dict[str, Any], error: tuple[int, str, str]
) -> None:
    assert refused(api.post("/subscriptions", body_for(customer, **change))) == error
    assert not Subscription.objects.exists()


def test_running_external_ids_are_unique(api: Api, customer: Customer, plan: Plan) -> None:
    assert api.post("/subscriptions", body_for(customer, externalId="s-1"))[0] == 201
    again = refused(api.post("/subscriptions", body_for(customer, externalId="s-1")))
    assert again == (409, "external_id_taken", "externalId")


def test_filters(api: Api, customer: Customer, plan: Plan) -> None:
    other = make_customer(customer.organization, currency="EUR")
    for row in (customer, other):
        api.post("/subscriptions", body_for(row))
    for query, count in (
        ({}, 2),
        ({"customerId": customer.public_id}, 1),
        ({"customerId": f"cus_{customer.pk.hex}"}, 1),
        ({"status": "ACTIVE"}, 2),
        ({"status": "cancelled"}, 0),
        ({"planId": plan.public_id, "limit": 1}, 2),
    ):
        status, body = api.get("/subscriptions", **query)
        assert (status, body["meta"]["total"]) == (200, count), query
    assert len(api.get("/subscriptions", limit=1)[1]["data"]) == 1
    assert api.get("/subscriptions", limit=101)[0] == 400
    assert api.get(f"/customers/{customer.public_id}/subscriptions")[1]["meta"]["total"] == 1


def test_ending_bills_what_was_used_and_twice_is_once(api: Api, customer: Customer, plan: Plan) -> None:
    _, body = api.post("/subscriptions", body_for(customer))
    row = Subscription.objects.get()
    use(row, plan.charges.get().metric, 40, at=now(customer.organization))
    path = f"/subscriptions/{body['data']['id']}"
    status, ended = api.post(f"{path}/terminate", {"reason": "moved"})
    assert (status, ended["data"]["status"]) == (200, "terminated")
    assert ended["data"]["terminatedAt"] and ended["data"]["currentPeriodEnd"] is None
    invoices = api.get(f"/customers/{customer.public_id}/invoices")[1]["data"]
    [charge] = [line for line in invoices[0]["lines"] if line["units"] == 40]
    assert charge["amount"] == 4
    assert api.post(f"{path}/cancel")[0] == 200
    assert api.get(f"/customers/{customer.public_id}/invoices")[1]["meta"]["total"] == len(invoices) == 1


@pytest.mark.parametrize("word", ["cancelAtPeriodEnd", "cancel_at_period_end", "atPeriodEnd"])
def test_canceling_at_the_end_of_the_period_and_keeping(
    api: Api, customer: Customer, plan: Plan, word: str
) -> None:
    _, body = api.post("/subscriptions", body_for(customer))
    path, end = f"/subscriptions/{body['data']['id']}", body["data"]["currentPeriodEnd"]
    status, canceled = api.post(f"{path}/cancel", {word: True, "reason": "Too dear"})
    data = canceled["data"]
    assert (status, data["status"], data["cancelAtPeriodEnd"], data["cancelAt"]) == (200, "active", True, end)
    assert data["currentPeriodEnd"] == end
    assert AuditEntry.objects.get(action="subscription.cancel_scheduled").reason == "Too dear"
    kept = api.post(f"{path}/keep")[1]["data"]
    assert (kept["cancelAtPeriodEnd"], kept["cancelAt"], kept["endingAt"]) == (False, None, None)


def test_canceling_now_ends_it_as_canceled(api: Api, customer: Customer, plan: Plan) -> None:
    _, body = api.post("/subscriptions", body_for(customer))
    path = f"/subscriptions/{body['data']['id']}"
    status, ended = api.post(f"{path}/cancel")
    assert (status, ended["data"]["status"]) == (200, "canceled")
    assert ended["data"]["canceledAt"] and ended["data"]["terminatedAt"]
    assert refused(api.post(f"{path}/keep")) == (409, "subscription_ended", "")


def test_pausing_and_resuming(api: Api, customer: Customer, plan: Plan) -> None:
    _, body = api.post("/subscriptions", body_for(customer, separateInvoice=True))
    path = f"/subscriptions/{body['data']['id']}"
    assert body["data"]["separateInvoice"] is True
    status, paused = api.post(f"{path}/pause", {"resumesAt": "2090-01-01T00:00:00Z"})
    data = paused["data"]
    assert (status, data["status"], data["resumesAt"]) == (200, "paused", "2090-01-01T00:00:00Z")
    assert data["pausedAt"]
    assert refused(api.post(f"{path}/pause")) == (409, "subscription_paused", "")
    status, resumed = api.post(f"{path}/resume")
    assert (status, resumed["data"]["status"], resumed["data"]["pausedAt"]) == (200, "active", None)
    assert refused(api.post(f"{path}/resume")) == (409, "subscription_not_paused", "")
    assert refused(api.post(f"{path}/pause", {"resumesAt": "2020-01-01T00:00:00Z"}))[2] == "resumesAt"


def test_patching_changes_what_is_given(api: Api, customer: Customer, plan: Plan) -> None:
    _, body = api.post("/subscriptions", body_for(customer, name="Main", metadata={"a": 1}))
    path = f"/subscriptions/{body['data']['id']}"
    data = api.patch(path, {"endingAt": "2090-01-01T00:00:00Z"})[1]["data"]
    assert (data["name"], data["endingAt"], data["metadata"]) == ("Main", "2090-01-01T00:00:00Z", {"a": 1})
    data = api.patch(path, {"name": "Site", "endingAt": None, "metadata": {"b": 2.5}})[1]["data"]
    assert (data["name"], data["endingAt"], data["metadata"]) == ("Site", None, {"b": Decimal("2.5")})
    assert refused(api.patch(path, {"endingAt": "2020-01-01T00:00:00Z"})) == (400, "invalid", "endingAt")
    assert refused(api.patch(path, {"planId": "x"})) == (400, "invalid", "planId")


@pytest.mark.parametrize(
    ("wish", "notes", "invoices"),
    [
        ({}, 1, 2),
        ({"onTerminationInvoice": "skip", "onTerminationCreditNote": "skip"}, 0, 1),
        ({"invoice": "generate", "creditNote": "offset"}, 1, 2),
    ],
)
def test_ending_with_choices(
    api: Api, customer: Customer, wish: dict[str, Any], notes: int, invoices: int
) -> None:
    metric = make_metric(customer.organization)
    make_plan(customer.organization, [metric], code="ahead", pay_in_advance=True)
    _, body = api.post("/subscriptions", body_for(customer, planId="ahead"))
    row = Subscription.objects.get()
    use(row, metric, 40, at=now(customer.organization))
    path = f"/subscriptions/{body['data']['id']}/terminate"
    assert refused(api.post(path, {"creditNote": "lots"})) == (400, "invalid", "creditNote")
    assert api.post(path, wish)[0] == 200
    found = api.get("/credit-notes")[1]["data"]
    assert len(found) == notes
    assert api.get("/invoices", status="finalized")[1]["meta"]["total"] == invoices
    if "creditNote" in wish:
        fee = api.get(f"/invoices/{found[0]['invoiceId']}")[1]["data"]
        assert (found[0]["offsetAmount"], found[0]["creditAmount"]) == (found[0]["total"], 0)
        assert (fee["amountOffset"], fee["amountPaid"]) == (found[0]["total"], 0)
        assert fee["amountDue"] == fee["total"] - found[0]["total"]


def test_strangers_and_read_only_keys(api: Api, customer: Customer, plan: Plan) -> None:
    _, body = api.post("/subscriptions", body_for(customer))
    path = f"/subscriptions/{body['data']['id']}"
    stranger = Api(make_organization("Other"))
    assert stranger.get(path)[0] == stranger.post(f"{path}/cancel")[0] == 404
    assert stranger.patch(path, {"name": "x"})[0] == stranger.post(f"{path}/keep")[0] == 404
    assert refused(stranger.post("/subscriptions", body_for(customer)))[1] == "plan_not_found"
    reader = Api(customer.organization, scopes=["subscriptions:read"])
    assert reader.get(path)[0] == 200
    assert reader.post(f"{path}/cancel")[0] == 403
    assert Subscription.objects.get().status == "active"


@pytest.mark.parametrize("word", ["past_due", "PAST_DUE", "pastDue", "past-due"])
def test_past_due_in_any_spelling(api: Api, customer: Customer, plan: Plan, word: str) -> None:
    api.post("/subscriptions", body_for(customer))
    api.post("/subscriptions", body_for(customer))
    Subscription.objects.filter(pk=Subscription.objects.earliest("pk").pk).update(status="past_due")
    _, body = api.get("/subscriptions", status=word)
    assert [row["status"] for row in body["data"]] == ["past_due"]
