"""Seed 001: customers over the API, linked with Stripe."""

from __future__ import annotations

import pytest

from tests.factories.api import Api
from tests.factories.people import make_organization
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db
FULL = {
    "email": "user@example.com",
    "name": "Jane Doe",
    "phone": "+14155552671",
    "metadata": {"userId": "user_123"},
}
ADDRESS = {"line1": "1 Main St", "city": "Springfield", "postalCode": "62701", "country": "US"}


@pytest.fixture
def api() -> Api:
    return Api(make_organization())


@row("Q02", "Q05", "Q06", "Q07", "Q13")
def test_create_and_get(api: Api) -> None:
    status, body = api.post("/customers", FULL | {"address": ADDRESS})
    assert status == 201
    found = api.get(f"/customers/{body['data']['id']}")[1]["data"]
    assert FULL.items() <= found.items() and ADDRESS.items() <= found["address"].items()
    assert {"providerCustomerIds", "createdAt", "updatedAt", "deletedAt"} <= set(found)
    assert found["deletedAt"] is None


@row("Q03", "Q04")
def test_only_the_email_is_required(api: Api) -> None:
    assert api.post("/customers", {"name": "Jane"})[0] == 400
    assert api.post("/customers", {"email": "user@example.com"})[0] == 201


@row("Q09", "Q10", "Q22")
def test_list(api: Api) -> None:
    made = [api.post("/customers", FULL)[1]["data"]["id"]]
    for number in range(3):
        made.append(api.post("/customers", {"email": f"{number}user@example.com"})[1]["data"]["id"])
    pages = [api.get("/customers", limit=2, offset=offset)[1] for offset in (0, 2)]
    assert sorted(one["id"] for page in pages for one in page["data"]) == sorted(made)
    assert pages[0]["meta"]["total"] == 4
    for query in ({"email": "user@example.com"}, {"metadata[userId]": "user_123"}):
        assert [one["id"] for one in api.get("/customers", **query)[1]["data"]] == made[:1]
    assert api.get("/customers", email="example.com")[1]["data"] == []


@row("Q11", "Q12")
def test_update_and_delete(api: Api) -> None:
    path = f"/customers/{api.post('/customers', FULL)[1]['data']['id']}"
    status, body = api.patch(path, {"name": "New", "metadata": {"plan": "pro"}})
    assert (status, body["data"]["name"], body["data"]["metadata"]) == (200, "New", {"plan": "pro"})
    assert api.delete(path)[0] == 200 and api.get(path)[0] == 404
