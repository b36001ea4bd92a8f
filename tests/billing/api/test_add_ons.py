"""/api/add-ons: shapes, prices by currency, refusals by field, strangers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import AddOn, Organization
from tests.billing.api.test_plans import caller
from tests.factories.catalog import make_add_on, make_tax
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def call(acme: Organization, client: Client) -> Any:
    return caller(client, acme)


def test_an_add_on_is_created_found_changed_and_deleted(call: Any, acme: Organization) -> None:
    make_tax(acme, "vat")
    prices = [{"currency": "ngn", "amount": 150000}, {"currency": "EUR", "amount": 99.5}]
    body = {"name": "Set-up", "code": "setup", "prices": prices, "taxCodes": ["vat"]}
    status, answer = call("post", "/add-ons", body)
    assert status == 201, answer
    data = answer["data"]
    assert data["id"].startswith("add_")
    assert (data["currency"], data["amount"], data["taxCodes"]) == ("EUR", 99.5, ["vat"])
    assert data["prices"] == [{"currency": "EUR", "amount": 99.5}, {"currency": "NGN", "amount": 150000}]
    assert call("get", "/add-ons?search=set")[1]["meta"]["total"] == 1
    assert call("get", "/add-ons?search=zzz")[1]["meta"]["total"] == 0
    status, answer = call("patch", "/add-ons/setup", {"amount": 120, "invoiceDisplayName": None})
    assert (status, answer["data"]["amount"], len(answer["data"]["prices"])) == (200, 120, 2)
    status, answer = call("patch", f"/add-ons/{data['id']}", {"prices": [{"currency": "USD", "amount": 1}]})
    assert (answer["data"]["currency"], len(answer["data"]["prices"])) == ("USD", 1)
    assert call("delete", "/add-ons/setup")[0] == 200
    assert call("get", "/add-ons/setup")[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "A"}, "code"),
        ({"name": "A", "code": "a", "amount": 1.234}, "amount"),
        ({"name": "A", "code": "a", "currency": "XYZ", "amount": 1}, "currency"),
        ({"name": "A", "code": "a", "prices": []}, "prices"),
        ({"name": "A", "code": "a", "prices": [{"currency": "JPY", "amount": 1.5}]}, "prices[0].amount"),
        ({"name": "A", "code": "a", "colour": "red"}, "colour"),
        ({"name": "A", "code": "a", "taxCodes": ["none"]}, "taxCodes"),
    ],
)
def test_bad_bodies_are_refused_by_field(call: Any, body: dict[str, Any], field: str) -> None:
    status, answer = call("post", "/add-ons", body)
    assert (status, answer["error"]["errors"][0]["field"]) == (400, field)
    assert not AddOn.objects.exists()


def test_strangers_find_nothing(call: Any, client: Client, acme: Organization) -> None:
    row = make_add_on(acme, "setup")
    stranger = caller(client, make_organization("Other"))
    for method in ("get", "patch", "delete"):
        assert stranger(method, f"/add-ons/{row.public_id}", {} if method == "patch" else None)[0] == 404
    assert stranger("get", "/add-ons")[1]["data"] == []


def test_the_list_takes_the_same_queries_however_long(
    call: Any, acme: Organization, django_assert_num_queries: Any
) -> None:
    for _ in range(4):
        make_add_on(acme, taxes=[make_tax(acme)], prices={"USD": 1})
    call("get", "/add-ons")
    with django_assert_num_queries(5):
        assert len(call("get", "/add-ons")[1]["data"]) == 4
