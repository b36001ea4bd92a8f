"""Seed 000: customers over the API."""

from __future__ import annotations

import pytest

from tests.factories.api import Api
from tests.factories.people import make_organization
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db
SARAH = {
    "externalId": "usr_98765",
    "email": "sarah@kampaltech.example",
    "name": "Nakato Sarah",
    "country": "UG",
    "currency": "UGX",
    "metadata": {"userId": "u1", "user_id": "u2"},
}


@pytest.fixture
def api() -> Api:
    return Api(make_organization())


@row("N02", "N03", "N06", "N09", "N16", "N17", "N20", "N34", "N42")
def test_what_is_sent_is_kept(api: Api) -> None:
    status, body = api.post("/customers", SARAH)
    made = body["data"]
    assert status == 201 and made["id"].startswith("cust_") and made["status"] == "active"
    assert api.post("/customers", {"email": "a@b.example", "name": "A"})[0] == 201
    status, body = api.get(f"/customers/{made['id']}")
    assert status == 200 and SARAH.items() <= body["data"].items()
    assert api.patch(f"/customers/{made['id']}", {"status": "inactive"})[1]["data"]["status"] == "inactive"


@row("N04", "N21", "N22", "N27")
def test_an_email_belongs_to_one_customer(api: Api) -> None:
    assert api.post("/customers", SARAH)[0] == 201
    other = api.post("/customers", {"email": "o@b.example", "name": "O"})[1]["data"]["id"]
    twice = {"email": SARAH["email"], "name": "Twice"}
    status, body = api.post("/customers", twice)
    assert status == 409 and "mail" in body["message"]
    assert api.post("/customers", twice | {"email": str(SARAH["email"]).upper()})[0] == 409
    assert api.patch(f"/customers/{other}", {"email": SARAH["email"]})[0] == 409


@row("N05")
def test_another_tenant_may_use_the_email(api: Api) -> None:
    assert api.post("/customers", SARAH)[0] == 201
    assert Api(make_organization("Other")).post("/customers", SARAH)[0] == 201


@row("N07", "N08", "N10")
@pytest.mark.parametrize(
    "wrong", [{"country": "Uganda"}, {"country": "XX9"}, {"currency": "ZZZ"}, {"metadata": "text"}]
)
def test_bad_values_are_refused(api: Api, wrong: dict[str, str]) -> None:
    assert api.post("/customers", SARAH | wrong)[0] == 400
    assert api.post("/customers", SARAH)[0] == 201


@row("N18")
def test_a_key_is_needed(api: Api) -> None:
    assert api.client.get("/api/customers", headers={"Authorization": "Bearer sk_live_no"}).status_code == 401
    api.client.defaults.pop("HTTP_AUTHORIZATION")
    assert api.client.get("/api/customers").status_code == 401


@row("N24", "N25", "N26")
def test_only_given_fields_change_and_metadata_is_replaced(api: Api) -> None:
    made = api.post("/customers", SARAH)[1]["data"]
    status, body = api.patch(f"/customers/{made['id']}", {"name": "New", "metadata": {"c": "3"}})
    assert status == 200
    moved = {name for name, value in body["data"].items() if made[name] != value}
    assert moved - {"displayName"} == {"name", "metadata", "updatedAt"}
    assert (body["data"]["name"], body["data"]["metadata"]) == ("New", {"c": "3"})


@row("N28", "N30", "N31", "N32", "N33")
def test_the_list(api: Api) -> None:
    for number in range(24):
        api.post("/customers", {"email": f"c{number}@x.example", "name": f"Cu {number:02d}"})
    api.post("/customers", SARAH)
    first, second = (api.get("/customers", page=page, limit=20)[1] for page in (1, 2))
    assert (len(first["data"]), len(second["data"]), first["meta"]["total"]) == (20, 5, 25)
    assert len({one["id"] for one in first["data"] + second["data"]}) == 25
    for text in ("sarah", "KAMPALTECH"):
        assert [one["name"] for one in api.get("/customers", search=text)[1]["data"]] == ["Nakato Sarah"]
    part = api.get("/customers", search="x.example", page=3, limit=10)[1]
    assert (len(part["data"]), part["meta"]["total"]) == (4, 24)
    named = [
        one["name"] for one in api.get("/customers", sortBy="name", sortOrder="asc", limit=100)[1]["data"]
    ]
    assert len(named) == 25 and named == sorted(named)


@row("N35", "N36", "N37", "N44")
def test_deletion_is_final(api: Api) -> None:
    path = f"/customers/{api.post('/customers', SARAH)[1]['data']['id']}"
    assert api.delete(path)[0] == 200
    for status, body in (
        api.get(path),
        api.patch(path, {"name": "X"}),
        api.delete(f"/customers/cust_{'0' * 32}"),
    ):
        assert status == 404 and body["message"]
    assert api.get("/customers")[1]["data"] == []
