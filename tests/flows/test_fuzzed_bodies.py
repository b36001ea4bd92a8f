"""Bodies that a hostile or broken client sends, to every operation of the OpenAPI document: refused in the API's
shape, with nothing of another organization in the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from billing.models import Organization
from billing.web.openapi import document
from tests.factories.world import World, make_world
from tests.house.addresses import filled
from tests.house.test_access import fingerprint, marks_of

pytestmark = pytest.mark.django_db
# As JSON text: some of it is none.
NASTY = [
    "1e999999999",
    "-1e400",
    "9" * 400,
    "NaN",
    "-1",
    "0.1234567890123456789",
    "true",
    "null",
    '"a\\u0000b"',
    '"\\ud800"',
    f'"{"x" * 5000}"',
    '"0001-01-01T00:00:00+14:00"',
    '"\\u202e<b>{{7*7}}"',
    "[" * 25 + "]" * 25,
    '{"a":' * 25 + "1" + "}" * 25,
    '[null, 1, "x", {}]',
    '{"": {"": []}}',
]
ALL_AT_ONCE = ["-1e400", '"a\\u0000b"', "[" * 25 + "]" * 25, f'"{"x" * 5000}"', "true", "[{}]"]
PLAIN = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
NOUNS = {
    "customerId": "customers",
    "sourceCustomerId": "customers",
    "targetCustomerId": "customers",
    "planId": "plans",
    "subscriptionId": "subscriptions",
    "invoiceId": "invoices",
    "invoiceIds": "invoices",
    "subscriptionIds": "subscriptions",
    "couponId": "coupons",
    "billableMetricId": "metrics",
    "billingEntityId": "billing-entities",
    "walletId": "wallets",
    "addOnId": "add-ons",
    "paymentProviderId": "payment-providers",
    "parentId": "customers",
    "chargeId": "charges",
}
USUAL = {
    "email": "fuzz@example.com",
    "currency": "EUR",
    "amount": 1,
    "interval": "monthly",
    "url": "https://a.example/",
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, route, {field: its schema}) of every operation that takes a JSON body."""
    get_resolver().url_patterns  # noqa: B018 - importing the URLconf registers the routers
    described, found = document(), 0
    for route, methods in described["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            found += 1
            yield method.upper(), route, fields_of(described, content["schema"])
    assert found > 60, "the document was not read"


def fields_of(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The members of an object, whichever way the document says it."""
    if "$ref" in schema:
        return fields_of(described, described["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    fields = dict(schema.get("properties", {}))
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        fields |= fields_of(described, part)
    return fields


def plausible(name: str, schema: dict[str, Any], world: World) -> Any:
    """A value that may pass, so that the one that must not is looked at."""
    if name in NOUNS:
        row = world.objects[NOUNS[name]].public_id
        return [row] if name.endswith("Ids") else row
    if name in USUAL:
        return USUAL[name]
    kinds = [schema.get("type"), *(part.get("type") for part in schema.get("anyOf", ()))]
    return next((PLAIN[kind] for kind in kinds if kind in PLAIN), "x")


def sent(client: Client, method: str, path: str, body: str) -> Any:
    """The answer to a body, whose work is taken back."""
    with transaction.atomic():
        answer = client.generic(method, path, body, content_type="application/json")
        transaction.set_rollback(True)
    return answer


def wrong(answer: Any) -> str:
    """A failure of ours, or an error that is not in the one shape. 502: the provider that is asked is not there."""
    if answer.status_code >= 500 and answer.status_code != 502:
        return f"{answer.status_code}"
    if answer.status_code >= 400:
        error = answer.json()["error"]
        if not (error["code"] and error["message"] and error["requestId"]):
            return "no shape"
        if not all(row["field"] and row["message"] for row in error["errors"]):
            return f"no field: {error['errors']}"
    return ""


@pytest.fixture
def world(settings: Any) -> World:
    settings.API_RATE_LIMIT = settings.API_EVENT_RATE_LIMIT = 0
    return make_world("alpha")


def test_no_body_breaks_an_operation(world: World) -> None:
    """All fields at once, then each alone beside plausible ones, the values in turn."""
    client = Client(headers={"Authorization": f"Bearer {world.key}"}, raise_request_exception=False)
    turn, refused, failures = count(), 0, []
    for method, route, fields in operations():
        path = filled(route, world)
        usual = {name: json.dumps(plausible(name, schema, world)) for name, schema in fields.items()}
        bodies = [usual, *(dict.fromkeys(fields, value) for value in ALL_AT_ONCE)]
        bodies += [usual | {name: NASTY[next(turn) % len(NASTY)]} for name in fields]
        for values in bodies:
            body = "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in values.items()) + "}"
            answer = sent(client, method, path, body)
            if problem := wrong(answer):
                failures.append((problem, method, route, body[:300]))
            refused += 400 <= answer.status_code < 500
    assert failures == []
    assert refused > 400


def test_ids_of_another_organization_find_nothing(world: World) -> None:
    """In every field that takes an id, with a key and a path of one's own."""
    own = make_world("beta")
    client = Client(headers={"Authorization": f"Bearer {own.key}"}, raise_request_exception=False)
    before, marks, seen = fingerprint(world.organization), marks_of(world), 0
    Organization.objects.filter(pk=own.organization.pk).update(name="Own")
    for method, route, fields in operations():
        usual = {name: plausible(name, schema, own) for name, schema in fields.items()}
        for name in fields.keys() & NOUNS.keys():
            theirs = plausible(name, fields[name], world)
            body = json.dumps(usual | {name: theirs})
            answer = sent(client, method, filled(route, own), body)
            text = answer.content.decode()
            assert not wrong(answer), (method, route, name)
            assert answer.status_code >= 400, (method, route, name, text[:300])
            assert not [mark for mark in marks if mark in text and mark not in body], (method, route, name)
            seen += 1
    assert seen > 15 and fingerprint(world.organization) == before
