"""/api/billable-metrics."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Metric
from tests.factories.catalog import make_metric, make_plan, subscribe
from tests.factories.people import make_key, make_organization

pytestmark = pytest.mark.django_db


def test_a_metric_through_its_life(client: Client) -> None:
    acme = make_organization()
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    json: dict[str, Any] = {"content_type": "application/json", "headers": headers}
    body = {"name": "Bytes", "code": "bytes", "aggregationType": "sum_agg", "fieldName": "size"}
    made = client.post("/api/billable-metrics", body, **json)
    assert made.status_code == 201
    data = made.json()["data"]
    assert (data["aggregationType"], data["fieldName"], data["description"]) == ("sum", "size", "")
    assert client.post("/api/billable-metrics", body, **json).status_code == 409
    assert client.get("/api/billable-metrics/bytes", headers=headers).json()["data"]["id"] == data["id"]
    changed = client.patch(
        "/api/billable-metrics/bytes", {"aggregationType": "count", "fieldName": None}, **json
    )
    assert (changed.status_code, changed.json()["data"]["fieldName"]) == (200, None)
    found = client.get("/api/billable-metrics?search=BYT", headers=headers).json()
    assert found["meta"]["total"] == 1
    assert client.delete(f"/api/billable-metrics/{data['id']}", headers=headers).status_code == 200
    assert client.get("/api/billable-metrics/bytes", headers=headers).status_code == 404


def test_a_recurring_weighted_sum_with_rounding(client: Client) -> None:
    headers = {"Authorization": f"Bearer {make_key(make_organization())}"}
    json: dict[str, Any] = {"content_type": "application/json", "headers": headers}
    body = {
        "name": "Seats",
        "code": "seats",
        "aggregationType": "weighted_sum",
        "fieldName": "seats",
        "recurring": True,
        "roundingFunction": "ceil",
        "roundingPrecision": 2,
    }
    data = client.post("/api/billable-metrics", body, **json).json()["data"]
    assert {name: data[name] for name in body} == body
    plain = client.patch("/api/billable-metrics/seats", {"roundingFunction": None}, **json).json()["data"]
    assert (plain["roundingFunction"], plain["roundingPrecision"], plain["recurring"]) == (None, None, True)
    refused = client.patch("/api/billable-metrics/seats", {"aggregationType": "max"}, **json)
    assert refused.json()["error"]["errors"][0]["field"] == "recurring"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"aggregationType": "sum"}, "fieldName"),
        ({"aggregationType": "mean"}, "aggregationType"),
        ({"aggregationType": "count", "code": "a b"}, "code"),
        ({"aggregationType": "count", "recurring": True}, "recurring"),
        ({"aggregationType": "count", "roundingFunction": "up"}, "roundingFunction"),
        (
            {"aggregationType": "count", "roundingFunction": "ceil", "roundingPrecision": 99},
            "roundingPrecision",
        ),
        ({}, "aggregationType"),
    ],
)
def test_bad_bodies_are_refused_by_field(client: Client, body: dict[str, Any], field: str) -> None:
    headers = {"Authorization": f"Bearer {make_key(make_organization())}"}
    whole = {"name": "M", "code": "m"} | body
    answer = client.post("/api/billable-metrics", whole, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["errors"][0]["field"] == field
    assert not Metric.objects.exists()


def test_strangers_get_404_and_used_ones_stay(client: Client) -> None:
    acme = make_organization()
    metric = make_metric(acme, "calls")
    subscribe(make_plan(acme, [metric]))
    path = f"/api/billable-metrics/{metric.public_id}"
    stranger = {"Authorization": f"Bearer {make_key(make_organization('Other'))}"}
    assert client.get(path, headers=stranger).status_code == 404
    assert client.delete(path, headers=stranger).status_code == 404
    own = {"Authorization": f"Bearer {make_key(acme)}"}
    refused = client.delete(path, headers=own)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "metric_in_use")
    metric.refresh_from_db()
    assert metric.deleted_at is None


def test_an_expression_is_stored_refused_and_evaluated(client: Client) -> None:
    headers = {"Authorization": f"Bearer {make_key(make_organization())}"}
    json: dict[str, Any] = {"content_type": "application/json", "headers": headers}
    body = {"name": "T", "code": "t", "aggregationType": "sum", "expression": "event.properties.gb * 0.1"}
    made = client.post("/api/billable-metrics", body, **json).json()["data"]
    assert (made["expression"], made["fieldName"]) == ("event.properties.gb * 0.1", None)
    refused = client.patch("/api/billable-metrics/t", {"expression": "gb"}, **json)
    assert refused.status_code == 400
    assert refused.json()["error"]["errors"][0]["field"] == "expression"
    both = client.patch("/api/billable-metrics/t", {"expression": None, "fieldName": "gb"}, **json)
    assert (both.json()["data"]["expression"], both.json()["data"]["fieldName"]) == (None, "gb")
    trial = {"expression": body["expression"], "event": {"properties": {"gb": 0.3}}}
    answer = client.post("/api/billable-metrics/evaluate-expression", trial, **json)
    assert answer.json()["data"] == {"value": "0.03"}
    missing = client.post("/api/billable-metrics/evaluate-expression", trial | {"event": {}}, **json)
    assert missing.json()["error"]["errors"][0]["field"] == "event"
