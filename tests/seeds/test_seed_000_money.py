"""Seed 000: what belongs to a customer, what it adds up to, and what deleting ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.actions import later
from billing.models import Job, Organization
from customers.actions.delete import carry_out
from tests.factories.api import Api
from tests.factories.catalog import make_plan
from tests.factories.people import make_organization
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = {
    "id",
    "externalId",
    "email",
    "name",
    "country",
    "currency",
    "status",
    "metadata",
    "totalSpent",
    "activeSubscriptions",
    "createdAt",
    "updatedAt",
}


@pytest.fixture
def organization() -> Organization:
    found = make_organization()
    make_plan(found, code="basic", currency="UGX", amount_minor=15000, pay_in_advance=True)
    return found


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


@pytest.fixture
def sarah(api: Api) -> dict[str, Any]:
    body = {
        "externalId": "usr_98765",
        "email": "s@x.example",
        "name": "Sarah",
        "country": "UG",
        "currency": "UGX",
    }
    data: dict[str, Any] = api.post("/customers", body | {"gracePeriodDays": 0})[1]["data"]
    return data


def read(api: Api, path: str) -> dict[str, Any]:
    status, body = api.get(path)
    assert status == 200, body
    data: dict[str, Any] = body["data"]
    return data


def invoice(api: Api, customer: str, amount: int) -> dict[str, Any]:
    """A final one-off invoice."""
    items = [{"description": "Work", "quantity": 1, "unitAmount": amount}]
    status, body = api.post("/invoices", {"customerId": customer, "items": items})
    assert status == 201, body
    body = api.post(f"/invoices/{body['data']['id']}/finalize")[1]
    data: dict[str, Any] = body["data"]
    return data


def delete(api: Api, customer: str) -> None:
    """Ask for it, and let the worker do it."""
    assert api.delete(f"/customers/{customer}")[0] in {200, 202}
    later.run(str(Job.objects.get(task="customers.delete").pk), carry_out)


@row("N15", "N13", "N14")
def test_a_customer_has_its_fields_and_moments(api: Api, sarah: dict[str, Any]) -> None:
    found = read(api, f"/customers/{sarah['id']}")
    assert found.keys() >= FIELDS
    made = datetime.fromisoformat(found["createdAt"])
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=5)
    changed = api.patch(f"/customers/{sarah['id']}", {"name": "Sarah N."})[1]["data"]
    assert datetime.fromisoformat(changed["updatedAt"]) > datetime.fromisoformat(found["updatedAt"])
    assert changed["createdAt"] == found["createdAt"]


@row("N23")
def test_every_field_can_be_changed(api: Api, sarah: dict[str, Any]) -> None:
    for name, value in {
        "externalId": "usr_1",
        "email": "new@x.example",
        "name": "Ann",
        "country": "KE",
        "currency": "KES",
        "status": "inactive",
        "metadata": {"tier": "gold"},
    }.items():
        assert api.patch(f"/customers/{sarah['id']}", {name: value})[1]["data"][name] == value


@row("N01", "N12")
def test_what_is_made_belongs_to_a_customer_who_counts_it(api: Api, sarah: dict[str, Any]) -> None:
    assert api.post("/subscriptions", {"planId": "basic"})[0] == 400
    assert (
        api.post("/invoices", {"items": [{"description": "Work", "quantity": 1, "unitAmount": 5}]})[0] == 400
    )
    assert sarah["activeSubscriptions"] == 0
    made = api.post("/subscriptions", {"customerId": sarah["id"], "planId": "basic"})[1]["data"]
    assert made["customerId"] == sarah["id"]
    assert read(api, f"/customers/{sarah['id']}")["activeSubscriptions"] == 1
    assert api.get("/invoices")[1]["data"][0]["customerId"] == sarah["id"]
    assert api.post(f"/subscriptions/{made['id']}/terminate")[0] == 200
    assert read(api, f"/customers/{sarah['id']}")["activeSubscriptions"] == 0


@row("N11", "N43")
def test_what_was_paid_adds_up_in_the_customers_currency(api: Api, sarah: dict[str, Any]) -> None:
    assert sarah["totalSpent"] == 0 and not isinstance(sarah["totalSpent"], str)
    made = invoice(api, sarah["id"], 15000)
    assert (made["currency"], made["total"]) == ("UGX", 15000)
    status, paid = api.post("/payments", {"invoiceId": made["id"], "amount": 15000})
    assert status == 201 and paid["data"]["customerId"] == sarah["id"]
    spent = read(api, f"/customers/{sarah['id']}")["totalSpent"]
    assert spent == 15000 and not isinstance(spent, str)


@row("N38", "N39", "N40")
def test_deleting_ends_subscriptions_and_voids_what_is_unpaid(api: Api, sarah: dict[str, Any]) -> None:
    running = api.post("/subscriptions", {"customerId": sarah["id"], "planId": "basic"})[1]["data"]
    unpaid, paid = invoice(api, sarah["id"], 500), invoice(api, sarah["id"], 700)
    api.post("/payments", {"invoiceId": paid["id"], "amount": 700})
    delete(api, sarah["id"])
    assert read(api, f"/subscriptions/{running['id']}")["status"] in {"canceled", "terminated"}
    assert read(api, f"/invoices/{unpaid['id']}")["status"] == "voided"
    kept = read(api, f"/invoices/{paid['id']}")
    assert (kept["status"], kept["paymentStatus"]) == ("finalized", "paid")


@row("N41")
def test_ending_first_lets_the_last_invoice_be_paid(api: Api, sarah: dict[str, Any]) -> None:
    running = api.post("/subscriptions", {"customerId": sarah["id"], "planId": "basic"})[1]["data"]
    assert api.post(f"/subscriptions/{running['id']}/terminate")[0] == 200
    last = api.get("/invoices")[1]["data"][0]
    status, _ = api.post("/payments", {"invoiceId": last["id"], "amount": int(last["amountDue"])})
    assert status == 201
    delete(api, sarah["id"])
    assert read(api, f"/invoices/{last['id']}")["paymentStatus"] == "paid"
