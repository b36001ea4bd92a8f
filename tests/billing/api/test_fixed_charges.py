"""Fixed charges over the API: within a plan, by themselves, and their units for one subscription."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.actions.plan_prices import PriceTerms
from billing.models import Organization, Plan
from customers.actions.assign import assign_plan
from tests.billing.api.test_plans import caller
from tests.factories.catalog import make_add_on, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
SEATS = {"addOn": "seat", "properties": {"amount": "15"}, "units": 5, "payInAdvance": True, "prorated": True}


@pytest.fixture
def acme() -> Organization:
    organization = make_organization()
    make_add_on(organization, "seat")
    return organization


@pytest.fixture
def call(acme: Organization, client: Client) -> Any:
    return caller(client, acme)


def test_a_plan_comes_with_fixed_charges(call: Any) -> None:
    seats = SEATS | {"prices": [{"currency": "usd", "properties": {"amount": "17"}}]}
    prices = [{"currency": "EUR", "amount": 10}, {"currency": "USD", "amount": 11}]
    body = {"name": "Team", "code": "team", "prices": prices, "fixedCharges": [seats]}
    status, answer = call("post", "/plans", body)
    assert status == 201, answer
    (row,) = answer["data"]["fixedCharges"]
    assert row["id"].startswith("fxc_")
    assert {name: row[name] for name in ("addOnCode", "chargeModel", "properties", "units", "prorated")} == {
        "addOnCode": "seat",
        "chargeModel": "standard",
        "properties": {"amount": "15"},
        "units": 5,
        "prorated": True,
    }
    assert row["prices"] == [{"currency": "USD", "properties": {"amount": "17"}}]
    kept = {"id": row["id"], "addOn": row["addOnId"], "properties": {"amount": "16"}, "units": 7}
    status, answer = call("patch", "/plans/team", {"fixedCharges": [kept]})
    (again,) = answer["data"]["fixedCharges"]
    assert (again["id"], again["units"], again["payInAdvance"]) == (row["id"], 7, False)
    assert len(again["prices"]) == 1
    status, answer = call("patch", "/plans/team", {"fixedCharges": []})
    assert answer["data"]["fixedCharges"] == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"addOn": "nope"}, "addOn"),
        ({"chargeModel": "package"}, "chargeModel"),
        ({"units": -1}, "units"),
        ({"properties": {"amount": "x"}}, "properties.amount"),
        ({"taxCodes": ["nope"]}, "taxCodes"),
        ({"prices": [{"currency": "USD", "properties": {"amount": "1"}}]}, "prices[0].currency"),
        ({"colour": "red"}, "colour"),
        ({"id": "fxc_00000000000000000000000000000000"}, "id"),
    ],
)
def test_wrong_ones_are_named(call: Any, acme: Organization, more: dict[str, Any], field: str) -> None:
    make_plan(acme, code="team")
    status, answer = call("post", "/plans/team/fixed-charges", SEATS | more)
    assert (status, answer["error"]["errors"][0]["field"]) == (400, field), answer
    if field not in ("colour",):
        status, answer = call("patch", "/plans/team", {"fixedCharges": [SEATS | more]})
        assert (status, answer["error"]["errors"][0]["field"]) == (400, f"fixedCharges[0].{field}"), answer


def test_volume_and_prorated_tiers_are_billed_in_arrears(call: Any, acme: Organization) -> None:
    make_plan(acme, code="team")
    ranges = [{"fromValue": 0, "toValue": None, "perUnitAmount": "1", "flatAmount": "0"}]
    for model, name in (("volume", "volumeRanges"), ("graduated", "graduatedRanges")):
        body = SEATS | {"chargeModel": model, "properties": {name: ranges}}
        status, answer = call("post", "/plans/team/fixed-charges", body)
        assert (status, answer["error"]["errors"][0]["field"]) == (400, "payInAdvance")


def test_routes_and_strangers(call: Any, acme: Organization, client: Client) -> None:
    plan = make_plan(acme, code="team")
    status, answer = call("post", "/plans/team/fixed-charges", SEATS)
    assert status == 201, answer
    path = f"/plans/team/fixed-charges/{answer['data']['id']}"
    assert call("get", "/plans/team/fixed-charges")[1]["meta"]["total"] == 1
    status, answer = call("patch", path, {"units": 9, "payInAdvance": False})
    assert (answer["data"]["units"], answer["data"]["payInAdvance"], answer["data"]["prorated"]) == (
        9,
        False,
        True,
    )
    status, answer = call("post", "/plans/team/fixed-charges", SEATS)
    assert (status, answer["error"]["errors"][0]["field"]) == (400, "addOn")
    status, answer = call("delete", "/add-ons/seat")
    assert (status, answer["error"]["code"]) == (409, "add_on_in_use")
    stranger = caller(client, make_organization("Other"))
    theirs = path.replace("team", plan.public_id)
    for method, body in (("patch", {}), ("delete", None)):
        assert stranger(method, theirs, body)[0] == 404
    assert call("delete", path)[0] == 200
    assert call("delete", path)[0] == 404


def test_units_of_a_subscription(call: Any, acme: Organization, client: Client) -> None:
    make_plan(acme, code="team")
    call("post", "/plans/team/fixed-charges", SEATS | {"prorated": False})
    plan = Plan.objects.get(code="team")
    row = assign_plan(make_customer(acme, grace_period_days=0), plan, by=ACTOR, at=NOW)
    path = f"/subscriptions/{row.public_id}/fixed-charges"
    (one,) = call("get", path)[1]["data"]
    assert (one["units"], one["changes"]) == (5, [])
    status, answer = call("post", path, {"units": [{"id": "seat", "units": 8}]})
    assert status == 200, answer
    (one,) = answer["data"]
    assert (one["units"], [change["units"] for change in one["changes"]]) == (8, [8])
    status, answer = call("post", path, {"units": [{"id": one["id"], "units": 20}], "from": "next_period"})
    assert (answer["data"][0]["units"], len(answer["data"][0]["changes"])) == (8, 2)
    status, answer = call("post", path, {"units": [{"id": "seat", "units": 1}, {"id": "nope", "units": 1}]})
    assert (status, answer["error"]["errors"][0]["field"]) == (400, "units[1].id")
    status, answer = call("post", path, {"units": [{"id": "seat", "units": 1}], "from": "yesterday"})
    assert (status, answer["error"]["errors"][0]["field"]) == (400, "from")
    stranger = caller(client, make_organization("Other"))
    assert stranger("get", path)[0] == 404
    assert stranger("post", path, {"units": [{"id": "seat", "units": 1}]})[0] == 404


def test_without_a_price_in_the_currency_the_plan_is_not_sold_there(call: Any, acme: Organization) -> None:
    make_plan(acme, code="team", prices=[PriceTerms("USD", 1000)])
    call("post", "/plans/team/fixed-charges", SEATS)
    customer = make_customer(acme, currency="USD")
    body = {"customerId": customer.public_id, "planId": "team", "currency": "USD"}
    status, answer = call("post", "/subscriptions", body)
    assert (status, answer["error"]["code"]) == (400, "price_not_found")
    assert "Seat has no price there" in answer["message"]
