"""/api/plans: shapes, seed spellings, exact amounts, refusals by field, other organizations, query counts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.actions.plan_prices import PriceTerms
from billing.models import AuditEntry, Charge, EmittedEvent, Organization, Plan
from tests.factories.catalog import GRADUATED, charge, make_metric, make_plan, make_tax, subscribe
from tests.factories.customers import make_customer
from tests.factories.people import make_key, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def call(acme: Organization, client: Client) -> Any:
    """`call("post", "/plans", {...})` -> (status, body) with a key of acme."""
    return caller(client, acme)


def caller(client: Client, organization: Organization) -> Any:
    key = make_key(organization)

    def send(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        more = {} if body is None else {"data": body, "content_type": "application/json"}
        headers = {"Authorization": f"Bearer {key}"}
        response = getattr(client, method)(f"/api{path}", headers=headers, **more)
        return response.status_code, response.json()

    return send


def test_the_sdk_can_create_list_change_and_deactivate(call: Any) -> None:
    status, body = call(
        "post",
        "/plans",
        {"name": "Pro Plan", "code": "pro_monthly", "billingInterval": "MONTHLY", "features": ["API access"]},
    )
    assert status == 201
    plan = body["data"]
    assert plan["id"].startswith("pln_")
    assert (plan["billingInterval"], plan["interval"], plan["active"], plan["isActive"]) == (
        "monthly",
        "monthly",
        True,
        True,
    )
    assert (plan["amount"], plan["currency"], plan["prices"]) == (
        0,
        "EUR",
        [
            {
                "id": plan["id"].replace("pln_", "prc_"),
                "planId": plan["id"],
                "currency": "EUR",
                "amount": 0,
                "minimumCommitment": None,
            }
        ],
    )
    assert call("get", "/plans?active=true")[1]["meta"]["total"] == 1
    status, body = call("patch", f"/plans/{plan['id']}", {"name": "Pro v2", "features": ["a", "b"]})
    assert (status, body["data"]["name"], body["data"]["features"]) == (200, "Pro v2", ["a", "b"])
    status, body = call("patch", "/plans/pro_monthly", {"isActive": False})
    assert (status, body["data"]["active"]) == (200, False)
    assert call("get", "/plans?isActive=true")[1]["data"] == []
    status, body = call("delete", "/plans/pro_monthly")
    assert (status, body["data"]["id"]) == (200, plan["id"])
    assert call("get", f"/plans/{plan['id']}")[0] == 404
    actions = (
        AuditEntry.objects.filter(subject_type="plan").order_by("id").values_list("action", "actor_kind")
    )
    assert list(actions) == [
        ("plan.created", "key"),
        ("plan.updated", "key"),
        ("plan.updated", "key"),
        ("plan.deleted", "key"),
    ]


def test_a_charge_in_advance_is_set_shown_and_refused_at_its_field(acme: Organization, call: Any) -> None:
    make_metric(acme, "calls")
    price = {"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "1"}}
    body = {"name": "Pro", "code": "pro", "charges": [price | {"payInAdvance": True, "invoiceable": False}]}
    status, answer = call("post", "/plans", body)
    [made] = answer["data"]["charges"]
    assert (status, made["payInAdvance"], made["invoiceable"], made["prorated"]) == (201, True, False, False)
    status, answer = call("patch", "/plans/pro", {"charges": [price | {"pay_in_advance": True}]})
    assert [row["invoiceable"] for row in answer["data"]["charges"]] == [True]
    for wrong, field in (({"invoiceable": False}, "invoiceable"), ({"minAmount": 5}, "minAmount")):
        sent = price | {"payInAdvance": field == "minAmount"} | wrong
        status, answer = call("post", "/plans", {"name": "X", "code": "x", "charges": [sent]})
        assert (status, answer["error"]["errors"][0]["field"]) == (400, f"charges[0].{field}")


def test_a_minimum_commitment_is_set_changed_and_taken_away(call: Any) -> None:
    body = {"name": "Pro", "code": "pro", "amount": 29, "currency": "EUR"}
    promised = {"amount": 250.5, "invoiceDisplayName": "Promised"}
    status, answer = call("post", "/plans", body | {"minimumCommitment": promised})
    assert (status, answer["data"]["minimumCommitment"]) == (201, promised)
    assert Plan.objects.get().commitment_minor == 25050
    status, answer = call("patch", "/plans/pro", {"minimum_commitment": {"amount": "0.001"}})
    assert (status, answer["error"]["errors"][0]["field"]) == (400, "minimumCommitment.amount")
    status, answer = call("patch", "/plans/pro", {"minimumCommitment": {"amount": 0}})
    assert (status, answer["error"]["errors"][0]["message"]) == (400, "Must be more than 0.")
    status, answer = call("patch", "/plans/pro", {"currency": "USD", "amount": 30})
    assert (status, answer["error"]["code"]) == (400, "plan_field_locked")
    status, answer = call("patch", "/plans/pro", {"minimumCommitment": None})
    assert (status, answer["data"]["minimumCommitment"]) == (200, None)
    names = EmittedEvent.objects.order_by("id").values_list("name", "data__minimumCommitment__amount")
    assert list(names) == [("plan.created", Decimal("250.50")), ("plan.updated", None)]


@pytest.mark.parametrize(
    ("price", "minor", "answered"),
    [
        ({"amount": 29.99, "currency": "USD"}, 2999, "29.99"),
        ({"prices": [{"currency": "JPY", "amount": 15000}]}, 15000, "15000"),
        ({"amount": 12.345, "currency": "KWD"}, 12345, "12.345"),
        ({"amount": "0.10", "currency": "EUR"}, 10, "0.10"),
    ],
)
def test_amounts_are_exact_in_each_currency(
    call: Any, price: dict[str, Any], minor: int, answered: str
) -> None:
    status, body = call("post", "/plans", {"name": "P", "code": "p", **price})
    assert status == 201
    assert Plan.objects.get().amount_minor == minor
    assert body["data"]["amount"] == float(answered)


@pytest.mark.parametrize(
    ("body", "field", "word"),
    [
        ({"amount": 12.5, "currency": "JPY"}, "amount", "no decimals"),
        ({"amount": 1, "currency": "XXX"}, "currency", "ISO 4217"),
        ({"amount": -1}, "amount", "negative"),
        (
            {"prices": [{"currency": "EUR", "amount": 1}, {"currency": "eur", "amount": 1}]},
            "prices[1].currency",
            "two prices in EUR",
        ),
        ({"prices": []}, "prices", "at least one price"),
        ({"prices": [{"currency": "EUR", "amount": 1.234}]}, "prices[0].amount", "two decimals"),
        ({"billingInterval": "hourly"}, "interval", "not a valid"),
        ({"trialDays": "x"}, "trialDays", ""),
        ({"billFixedChargesMonthly": True}, "billFixedChargesMonthly", "yearly or half-yearly"),
        ({"colour": "red"}, "colour", "Unknown field"),
        ({"taxCodes": ["vat"]}, "taxCodes", "no tax vat"),
        ({"name": None}, "name", ""),
    ],
)
def test_bad_bodies_are_refused_by_field(call: Any, body: dict[str, Any], field: str, word: str) -> None:
    status, answer = call("post", "/plans", {"name": "P", "code": "p", **body})
    assert status == 400
    assert answer["error"]["errors"][0]["field"] == field
    assert word in answer["error"]["errors"][0]["message"]
    assert not Plan.objects.exists()


def test_a_duplicate_code_is_a_conflict(call: Any, acme: Organization) -> None:
    make_plan(acme, code="pro")
    status, body = call("post", "/plans", {"name": "P", "code": "pro"})
    assert (status, body["error"]["code"], body["error"]["errors"][0]["field"]) == (409, "code_taken", "code")
    assert Plan.objects.count() == 1


def test_charges_within_a_plan_and_their_errors(call: Any, acme: Organization) -> None:
    metric, other = make_metric(acme, "calls"), make_metric(acme, "seats")
    make_tax(acme, "vat")
    body = {
        "name": "P",
        "code": "p",
        "amount": 5,
        "taxCodes": ["vat"],
        "charges": [
            {
                "billableMetricId": metric.public_id,
                "chargeModel": "GRADUATED",
                "properties": GRADUATED,
                "minAmount": 12.5,
            },
            {"metricCode": "seats", "chargeModel": "standard", "properties": {"amount": "0.05"}},
        ],
    }
    status, answer = call("post", "/plans", body)
    assert status == 201
    first, second = answer["data"]["charges"]
    assert (first["billableMetricId"], first["metricCode"], first["minAmount"]) == (
        metric.public_id,
        "calls",
        12.5,
    )
    assert first["properties"]["graduatedRanges"][1] == {
        "fromValue": 1001,
        "toValue": None,
        "perUnitAmount": "0.05",
        "flatAmount": "5",
    }
    assert (second["metricCode"], second["chargeModel"], second["properties"]) == (
        "seats",
        "standard",
        {"amount": "0.05"},
    )
    assert answer["data"]["taxCodes"] == ["vat"]
    bad = {**body, "code": "q", "charges": [body["charges"][1], {**body["charges"][1], "metricCode": "no"}]}
    status, answer = call("post", "/plans", bad)
    assert (status, answer["error"]["errors"][0]["field"]) == (400, "charges[1].metricCode")
    bad["charges"] = [
        {
            "metricCode": "calls",
            "chargeModel": "volume",
            "properties": {"volumeRanges": [{"fromValue": 0, "toValue": 10, "perUnitAmount": "1"}]},
        }
    ]
    status, answer = call("post", "/plans", bad)
    assert status == 400
    assert answer["error"]["errors"][0]["field"] == "charges[0].properties.volumeRanges[0].toValue"
    assert Plan.objects.count() == 1
    assert other.charges.count() == 1


def test_charge_routes(call: Any, acme: Organization) -> None:
    make_metric(acme, "calls")
    plan = make_plan(acme, code="pro")
    path = f"/plans/{plan.public_id}/charges"
    price = {"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "1"}}
    status, body = call("post", path, price)
    assert (status, body["data"]["planId"]) == (201, plan.public_id)
    charge_id = body["data"]["id"]
    second = call("post", path, price)[1]["data"]["id"]
    assert second != charge_id
    assert call("delete", f"{path}/{second}")[0] == 200
    status, body = call("patch", f"{path}/{charge_id}", {"properties": {"amount": "2"}, "minAmount": 3})
    assert (status, body["data"]["properties"], body["data"]["minAmount"]) == (200, {"amount": "2"}, 3)
    status, body = call("patch", f"{path}/{charge_id}", {"properties": {"amount": "x"}})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "properties.amount")
    assert call("get", path)[1]["meta"]["total"] == 1
    assert call("delete", f"{path}/{charge_id}")[0] == 200
    assert call("delete", f"{path}/{charge_id}")[0] == 404
    assert Charge.objects.kept().count() == 0


def test_filters_and_groups_of_a_charge(call: Any, acme: Organization) -> None:
    make_metric(acme, "calls", filters=[{"key": "region", "values": ["eu", "us"]}])
    plan = make_plan(acme, code="pro")
    path = f"/plans/{plan.public_id}/charges"
    own = {"values": {"region": ["eu"]}, "properties": {"amount": "2"}, "invoiceDisplayName": "Europe"}
    price = {"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "1"}}
    status, body = call("post", path, price | {"filters": [own], "groupBy": ["user"]})
    assert (status, body["data"]["filters"], body["data"]["groupKeys"]) == (201, [own], ["user"])
    one = f"{path}/{body['data']['id']}"
    kept = call("patch", one, {"properties": {"amount": "3"}})[1]["data"]
    assert (kept["filters"], kept["groupKeys"]) == ([own], ["user"])
    status, body = call("patch", one, {"filters": [own | {"values": {"region": ["asia"]}}]})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "filters[0].values.region")
    status, body = call("patch", one, {"groupKeys": ["a"], "groupBy": ["b"]})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "groupBy")
    every = call("patch", one, {"filters": [own | {"values": {"region": None}}], "groupKeys": []})[1]["data"]
    assert (every["filters"][0]["values"], every["groupKeys"]) == ({"region": []}, [])
    assert call("patch", one, {"filters": None})[1]["data"]["filters"] == []
    status, body = call("get", "/billable-metrics/calls")
    assert body["data"]["filters"] == [{"key": "region", "values": ["eu", "us"]}]
    status, body = call("patch", "/billable-metrics/calls", {"filters": [{"key": "x", "values": []}]})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "filters[0].values")


def test_locked_fields_and_deletion_with_subscriptions(call: Any, acme: Organization) -> None:
    plan = make_plan(acme, code="pro")
    subscribe(plan)
    status, body = call("patch", "/plans/pro", {"billingInterval": "yearly", "amount": 99})
    assert (status, body["error"]["code"]) == (400, "plan_field_locked")
    assert body["error"]["errors"][0]["field"] == "billingInterval"
    status, body = call("patch", "/plans/pro", {"billingInterval": "monthly", "amount": 99})
    assert (status, body["data"]["amount"]) == (200, 99)
    status, body = call("delete", "/plans/pro")
    assert (status, body["error"]["code"]) == (409, "plan_in_use")


def test_another_organization_sees_nothing(client: Client, acme: Organization) -> None:
    plan = make_plan(acme, [make_metric(acme)], code="pro")
    charge_id = plan.charges.get().public_id
    stranger = caller(client, make_organization("Other"))
    assert stranger("get", "/plans")[1]["data"] == []
    for method, path in [
        ("get", f"/plans/{plan.public_id}"),
        ("get", "/plans/pro"),
        ("patch", f"/plans/{plan.public_id}"),
        ("delete", f"/plans/{plan.public_id}"),
        ("get", f"/plans/{plan.public_id}/charges"),
        ("delete", f"/plans/{plan.public_id}/charges/{charge_id}"),
    ]:
        assert stranger(method, path, {} if method == "patch" else None)[0] == 404
    assert Plan.objects.kept().count() == 1


def test_the_list_takes_the_same_queries_however_long(
    call: Any, acme: Organization, django_assert_num_queries: Any
) -> None:
    tax = make_tax(acme)
    for _ in range(3):
        make_plan(acme, [charge(make_metric(acme), taxes=[tax])], taxes=[tax])
    call("get", "/plans")
    with django_assert_num_queries(9):
        assert len(call("get", "/plans")[1]["data"]) == 3


def test_a_plan_has_prices_in_several_currencies(call: Any, acme: Organization) -> None:
    calls = make_metric(acme, "calls")
    charges = [{"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "0.10"}}]
    charges[0]["prices"] = [{"currency": "ngn", "properties": {"amount": "150"}, "minAmount": 500}]
    prices = [
        {"currency": "NGN", "amount": 15000, "minimumCommitment": 90000},
        {"currency": "EUR", "amount": 29},
    ]
    body = {"name": "Pro", "code": "pro", "prices": prices, "charges": charges}
    status, answer = call("post", "/plans", body)
    assert status == 201, answer
    data = answer["data"]
    assert (data["currency"], data["amount"], data["minimumCommitment"]) == ("EUR", 29, None)
    own, naira = data["prices"]
    assert own["id"] == data["id"].replace("pln_", "prc_")
    assert (naira["currency"], naira["amount"], naira["minimumCommitment"]) == ("NGN", 15000, 90000)
    assert data["charges"][0]["prices"] == [
        {"currency": "NGN", "properties": {"amount": "150"}, "minAmount": 500}
    ]
    for wrong, field in (
        ({"prices": [prices[0], prices[0]]}, "prices[1].currency"),
        ({"prices": []}, "prices"),
        ({"prices": prices, "amount": 1}, "prices"),
        ({"prices": prices, "currency": "USD"}, "currency"),
        ({"prices": [prices[1], {"currency": "JPY", "amount": 1.5}]}, "prices[1].amount"),
    ):
        status, answer = call("patch", "/plans/pro", wrong)
        assert (status, answer["error"]["errors"][0]["field"]) == (400, field), answer
    status, answer = call(
        "patch", "/plans/pro", {"prices": [prices[1], {"currency": "USD", "amount": "31.5"}]}
    )
    assert [(one["currency"], one["amount"]) for one in answer["data"]["prices"]] == [
        ("EUR", 29),
        ("USD", 31.5),
    ]
    assert answer["data"]["charges"][0]["prices"] == []
    assert calls.charges.count() == 1


def test_price_routes(call: Any, acme: Organization, client: Client) -> None:
    plan = make_plan(acme, [make_metric(acme, "calls")], code="pro")
    charges = [{"metricCode": "calls", "properties": {"amount": "15"}, "minAmount": 300}]
    status, body = call(
        "post", "/plans/pro/prices", {"currency": "jpy", "unitAmount": 3000, "charges": charges}
    )
    assert status == 201, body
    price = body["data"]
    assert (price["currency"], price["amount"], price["charges"][0]["properties"]) == (
        "JPY",
        3000,
        {"amount": "15"},
    )
    assert (
        call("post", "/plans/pro/prices", {"currency": "JPY", "amount": 1})[1]["error"]["code"]
        == "price_exists"
    )
    path = f"/plans/pro/prices/{price['id']}"
    status, body = call("patch", path, {"amount": 3300})
    assert (status, body["data"]["amount"], body["data"]["charges"][0]["minAmount"]) == (200, 3300, 300)
    status, body = call("patch", path, {"charges": [{"metricCode": "seats", "properties": {}}]})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "charges[0].metricCode")
    status, body = call("patch", path, {"charges": [{"metricCode": "calls", "properties": {"amount": "-1"}}]})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "charges[0].properties.amount")
    own = plan.public_id.replace("pln_", "prc_")
    assert call("patch", f"/plans/pro/prices/{own}", {"amount": 35})[1]["data"]["amount"] == 35
    plan.refresh_from_db()
    assert plan.amount_minor == 3500
    assert call("delete", f"/plans/pro/prices/{own}")[1]["error"]["code"] == "own_price"
    assert [one["currency"] for one in call("get", "/plans/pro/prices")[1]["data"]] == ["EUR", "JPY"]
    stranger = caller(client, make_organization("Other"))
    for method in ("patch", "delete"):
        assert stranger(method, f"/plans/{plan.public_id}/prices/{price['id']}", {})[0] == 404
    other = make_plan(acme, code="other")
    assert call("delete", f"/plans/{other.public_id}/prices/{price['id']}")[0] == 404
    assert call("delete", path)[0] == 200
    assert call("patch", path, {"amount": 1})[0] == 404


def test_a_subscription_takes_the_price_of_its_currency(call: Any, acme: Organization) -> None:
    make_plan(acme, code="pro", prices=[PriceTerms("NGN", 1_500_000)])
    customer = make_customer(acme, currency="NGN")
    body = {"customerId": customer.public_id, "planId": "pro"}
    status, answer = call("post", "/subscriptions", body | {"currency": "USD"})
    assert (status, answer["error"]["code"], answer["error"]["errors"][0]["field"]) == (
        400,
        "price_not_found",
        "currency",
    )
    status, answer = call("post", "/subscriptions", body)
    assert (status, answer["data"]["currency"]) == (201, "NGN")
    status, answer = call("post", "/subscriptions", body | {"currency": "EUR"})
    assert (status, answer["error"]["code"]) == (400, "currencies_do_not_match")


def test_a_charge_that_counts_by_days(call: Any, acme: Organization) -> None:
    make_metric(acme, "seats", recurring=True)
    path = f"/plans/{make_plan(acme, code='pro').public_id}/charges"
    price = {"metricCode": "seats", "chargeModel": "standard", "properties": {"amount": "31"}}
    status, body = call("post", path, price | {"prorated": True})
    assert (status, body["data"]["prorated"]) == (201, True)
    one = f"{path}/{body['data']['id']}"
    assert call("patch", one, {"properties": {"amount": "30"}})[1]["data"]["prorated"] is True
    assert call("patch", one, {"prorated": False})[1]["data"]["prorated"] is False
    status, body = call("patch", one, {"prorated": "yes"})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "prorated")
    make_metric(acme, "calls")
    status, body = call("post", path, price | {"metricCode": "calls", "prorated": True})
    assert (status, body["error"]["errors"][0]["field"]) == (400, "prorated")
