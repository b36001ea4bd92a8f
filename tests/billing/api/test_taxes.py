"""/api/taxes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Tax
from tests.factories.catalog import make_plan, make_tax
from tests.factories.people import make_key, make_organization

pytestmark = pytest.mark.django_db


def test_a_tax_through_its_life(client: Client) -> None:
    acme = make_organization()
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    json: dict[str, Any] = {"content_type": "application/json", "headers": headers}
    made = client.post(
        "/api/taxes", {"name": "VAT", "code": "vat", "rate": 19.5, "appliedByDefault": True}, **json
    )
    assert made.status_code == 201
    assert b'"rate":19.5,' in made.content
    data = made.json()["data"]
    assert (data["appliedByDefault"], data["description"]) == (True, "")
    again = client.post("/api/taxes", {"name": "VAT", "code": "vat", "rate": 1}, **json)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "code_taken")
    changed = client.patch("/api/taxes/vat", {"rate": 20}, **json)
    assert (changed.status_code, changed.json()["data"]["rate"]) == (200, 20)
    assert client.get("/api/taxes?appliedByDefault=false", headers=headers).json()["data"] == []
    plan = make_plan(acme, taxes=[Tax.objects.get()])
    assert client.delete("/api/taxes/vat", headers=headers).json()["error"]["code"] == "tax_in_use"
    plan.taxes.clear()
    assert client.delete("/api/taxes/vat", headers=headers).status_code == 200
    assert client.get("/api/taxes/vat", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"), [({"rate": 101}, "rate"), ({"rate": None}, "rate"), ({"rates": 1, "rate": 1}, "rates")]
)
def test_bad_bodies_are_refused_by_field(client: Client, body: dict[str, Any], field: str) -> None:
    headers = {"Authorization": f"Bearer {make_key(make_organization())}"}
    whole = {"name": "VAT", "code": "vat"} | body
    answer = client.post("/api/taxes", whole, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["field"]) == (400, field)
    assert not Tax.objects.exists()


def test_strangers_get_404(client: Client) -> None:
    tax = make_tax(make_organization())
    headers = {"Authorization": f"Bearer {make_key(make_organization('Other'))}"}
    assert client.get(f"/api/taxes/{tax.public_id}", headers=headers).status_code == 404
    assert client.delete(f"/api/taxes/{tax.public_id}", headers=headers).status_code == 404
