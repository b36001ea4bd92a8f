"""ETags on single objects, and what else every answer of the API has."""

from __future__ import annotations

import gzip
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing.models import Organization
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from tests.factories.api import Api, refused
from tests.factories.catalog import make_metric, make_plan, make_tax
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.world import make_world
from tests.flows.test_races import together
from tests.house.addresses import api_operations, filled
from tests.services.vies import FakeVies

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


@pytest.fixture
def path(organization: Organization) -> str:
    return f"/api/customers/{make_customer(organization).public_id}"


def sent(api: Api, method: str, path: str, body: Any, **headers: str) -> Any:
    """A whole answer; `If_Match="…"` is the header If-Match."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return getattr(api.client, method)(path, body, content_type="application/json", headers=named)


def code(answer: Any) -> tuple[int, str]:
    """Status and code of an error."""
    return refused((answer.status_code, answer.json()))[:2]


def test_what_has_not_changed_is_not_sent_again(api: Api, path: str) -> None:
    first = api.client.get(path)
    tag = first["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = api.client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert again["X-Request-Id"] and again["RateLimit-Limit"]
    assert api.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    changed = sent(api, "patch", path, {"name": "Other"})
    assert changed.status_code == 200 and changed["ETag"] == api.client.get(path)["ETag"] != tag
    assert "ETag" not in api.client.get("/api/customers") and "ETag" not in api.client.get("/api/customers/x")


def test_a_change_answers_the_tag_that_a_get_would() -> None:
    """Over all routes that change an object at its own address."""
    world = make_world("alpha")
    client = Client(headers={"Authorization": f"Bearer {world.key}"})
    operations, seen = set(api_operations()), 0
    for method, route in operations:
        if method == "PATCH" and ("GET", route) in operations:
            where = filled(route, world)
            answer = client.patch(where, "{}", content_type="application/json")
            if answer.status_code == 200:
                assert answer["ETag"] == client.get(where)["ETag"], where
                seen += 1
    assert seen > 5


def test_nobody_overwrites_what_somebody_else_has_changed(api: Api, path: str) -> None:
    old = api.client.get(path)["ETag"]
    assert sent(api, "patch", path, {"name": "First"}, If_Match=old).status_code == 200
    late = sent(api, "patch", path, {"name": "Second"}, If_Match=old)
    now = api.client.get(path)
    assert code(late) == (412, "changed")
    assert late["ETag"] == now["ETag"] and now.json()["data"]["name"] == "First"
    assert sent(api, "patch", path, {"name": "Third"}, If_Match=f'"x", W/{late["ETag"]}').status_code == 200
    assert sent(api, "patch", path, {"name": "Fourth"}, If_Match="*").status_code == 200
    assert code(sent(api, "delete", path, {}, If_Match=old)) == (412, "changed")
    assert code(sent(api, "patch", path, {"name": "X"}, If_Match="bare")) == (400, "invalid")
    assert code(sent(api, "patch", "/api/customers/cust_nobody", {}, If_Match="*")) == (404, "not_found")
    assert code(sent(api, "post", "/api/customers", {}, If_Match="*")) == (400, "invalid")


def test_an_act_and_a_part_have_the_tag_of_their_object(organization: Organization, api: Api) -> None:
    invoice = create_one_off(make_customer(organization), [Item("Work", Decimal(10))], by=ACTOR, at=NOW)
    path = f"/api/invoices/{invoice.public_id}"
    tag = api.client.get(path)["ETag"]
    assert sent(api, "post", f"{path}/finalize", {}, If_Match='"0"').status_code == 412
    assert sent(api, "post", f"{path}/finalize", {}, If_Match=tag).status_code == 200
    assert sent(api, "post", f"{path}/void", {}, If_Match=tag).status_code == 412
    metric = make_metric(organization)
    plan = make_plan(organization, [metric])
    row = plan.charges.get()
    part, tag = (
        f"/api/plans/{plan.public_id}/charges/{row.public_id}",
        api.client.get(f"/api/plans/{plan.code}")["ETag"],
    )
    body = {"invoiceDisplayName": "Calls"}
    assert sent(api, "patch", part, body, If_Match='"0"').status_code == 412
    assert sent(api, "patch", part, body, If_Match=tag).status_code == 200
    assert api.client.get(f"/api/plans/{plan.code}")["ETag"] != tag


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_is_too_late(organization: Organization, api: Api, path: str) -> None:
    tag, token = api.client.get(path)["ETag"], api.client.defaults["HTTP_AUTHORIZATION"]

    def change(name: str) -> Any:
        headers = {"Authorization": token, "If-Match": tag}
        return Client().patch(path, {"name": name}, content_type="application/json", headers=headers)

    answers = together(*[lambda name=f"N{number}": change(name) for number in range(4)])
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert Customer.objects.get(organization=organization).name == winner.json()["data"]["name"]
    assert {answer["ETag"] for answer in answers} == {winner["ETag"]}


def test_what_asks_another_system_cannot_be_bound(
    organization: Organization, api: Api, vies: FakeVies
) -> None:
    customer = make_customer(organization, tax_id="FR40303265045", country="FR")
    path = f"/api/customers/{customer.public_id}/vat/verify"
    assert code(sent(api, "post", path, {}, If_Match="*")) == (400, "if_match_not_possible") and not vies.log


def test_a_repeat_with_a_key_is_no_change_by_others(organization: Organization, api: Api) -> None:
    invoice = create_one_off(make_customer(organization), [Item("Work", Decimal(10))], by=ACTOR, at=NOW)
    path = f"/api/invoices/{invoice.public_id}"
    tag = api.client.get(path)["ETag"]
    first, again = (
        sent(api, "post", f"{path}/finalize", {}, If_Match=tag, Idempotency_Key="k") for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)


def test_answers_are_compressed_and_their_tags_still_hold(organization: Organization, api: Api) -> None:
    tax = make_tax(organization, "vat", description="long " * 50)
    path = f"/api/taxes/{tax.public_id}"
    answer = api.client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip" and b"long long" in gzip.decompress(answer.content)
    assert answer["ETag"].startswith('W/"')
    assert api.client.get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert sent(api, "patch", path, {"name": "Tax"}, If_Match=answer["ETag"]).status_code == 200


def test_limits_of_a_body_are_named(organization: Organization, api: Api, settings: Any) -> None:
    deep = '{"metadata": {"a": ' + "[" * 40 + "]" * 40 + "}}"
    answer = api.client.post("/api/customers", deep, content_type="application/json")
    assert answer.status_code == 400 and "32 levels" in answer.json()["message"]
    strings = {"email": "a@example.com", "name": "[{" * 50}
    assert api.post("/customers", strings)[0] == 201, "brackets in a text are none"
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024
    large = '{"x": "' + "y" * 3 * 1024 * 1024 + '"}'
    invoice = create_one_off(make_customer(organization), [Item("Work", Decimal(10))], by=ACTOR, at=NOW)
    for path in ("customers", "events", f"invoices/{invoice.public_id}/finalize"):
        answer = api.client.post(f"/api/{path}", large, content_type="application/json")
        assert code(answer) == (413, "too_large") and "3 MB" in answer.json()["message"]
    status, body = api.post("/customers", {"email": "b@example.com", "fistName": "B", "lastname": 1})
    assert status == 400 and {row["field"] for row in body["error"]["errors"]} == {"fistName", "lastname"}
