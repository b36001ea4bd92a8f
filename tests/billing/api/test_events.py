"""/api/events as a client sees it."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import Event, QuarantinedEvent
from tests.factories.people import make_key, make_organization
from tests.factories.usage import make_metered

pytestmark = pytest.mark.django_db


@pytest.fixture
def metered():
    return make_metered(started_at=timezone.now() - timedelta(days=5))


@pytest.fixture
def call(client, metered):
    secret = make_key(metered[0].organization)

    def send(method, path, body=None, secret=secret):
        raw = body if isinstance(body, str | bytes | None) else json.dumps(body)
        more = {} if raw is None else {"data": raw, "content_type": "application/json"}
        return getattr(client, method)(f"/api/events{path}", HTTP_AUTHORIZATION=f"Bearer {secret}", **more)

    return send


def body(metered, id="t1", **fields):
    subscription, [metric] = metered
    sent = {
        "transactionId": id,
        "subscriptionId": subscription.external_id,
        "code": metric.code,
        "properties": {"value": 5},
    }
    return sent | fields


def test_one_event_and_its_outcomes(call, metered):
    sent = body(metered)
    answer = call("post", "", sent)
    assert (answer.status_code, answer.json()) == (
        201,
        {"data": {"transactionId": "t1", "status": "accepted", "reason": None}},
    )
    again = call("post", "", sent)
    assert (again.status_code, again.json()["data"]["status"]) == (200, "duplicate")
    other = call("post", "", sent | {"properties": {"value": 6}})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "event_conflict")
    waiting = call("post", "", body(metered, "t2", code="not-yet"))
    assert (waiting.status_code, waiting.json()["data"]["status"]) == (202, "quarantined")
    bad = call("post", "", body(metered, "t3", timestamp="soon"))
    assert bad.status_code == 400
    assert bad.json()["error"]["errors"] == [
        {"field": "timestamp", "message": "Use ISO 8601 (2026-03-10T09:30:00Z) or Unix seconds."}
    ]
    assert (Event.objects.count(), QuarantinedEvent.objects.count()) == (1, 1)


def test_a_batch_answers_for_each_event_in_order(call, metered):
    sent = [
        body(metered, "a"),
        body(metered, "a"),
        body(metered, "a", properties={}),
        {"code": "x"},
        "not an object",
        body(metered, "b", code="not-yet"),
        body(metered, "c", properties={"value": "x" * 2000}),
        body(metered, "d"),
    ]
    answer = call("post", "/batch", {"events": sent})
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert [result["status"] for result in data["results"]] == [
        "accepted",
        "duplicate",
        "conflict",
        "invalid",
        "invalid",
        "quarantined",
        "invalid",
        "accepted",
    ]
    assert [result["transactionId"] for result in data["results"]] == ["a", "a", "a", "", "", "b", "c", "d"]
    assert data["results"][6]["field"] == "properties.value"
    counters = {
        name: data[name] for name in ("accepted", "duplicates", "conflicts", "quarantined", "invalid")
    }
    assert counters == {"accepted": 2, "duplicates": 1, "conflicts": 1, "quarantined": 1, "invalid": 3}


def test_numbers_that_break_parsers_only_refuse_their_own_event(call, metered):
    good = json.dumps(body(metered, "good", properties={"value": 0}))
    numbers = ["1e400", "-1e400", "NaN", "Infinity", "9" * 5000, "0." + "1" * 5000, "1E-999999999"]
    bad = [
        json.dumps(body(metered, f"bad{n}")).replace('"value": 5', f'"value": {number}')
        for n, number in enumerate(numbers)
    ]
    answer = call("post", "/batch", f"[{good}, {', '.join(bad)}]")
    assert answer.status_code == 200
    assert [row["status"] for row in answer.json()["data"]["results"]] == ["accepted"] + ["invalid"] * len(
        bad
    )
    assert {row.get("field") for row in answer.json()["data"]["results"][1:]} == {"properties.value"}


def test_numbers_are_kept_exactly(call, metered):
    raw = json.dumps(body(metered)).replace('"value": 5', '"value": 12345678901234567890.123456789')
    assert call("post", "", raw).status_code == 201
    assert Event.objects.get().value == Decimal("12345678901234567890.123456789")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("{", "invalid"),
        ("[" * 100_000, "invalid"),
        (b"\xff", "invalid"),
        ({"events": []}, "no_events"),
        ({"events": "x"}, "invalid"),
        ({}, "invalid"),
        ([{}] * 1001, "too_many_events"),
    ],
)
def test_a_body_that_is_no_batch_is_refused(call, sent, code):
    answer = call("post", "/batch", sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_a_body_that_is_too_large_is_refused(call):
    answer = call("post", "/batch", "[" + " " * 6_000_000 + "]")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_lists_with_filters_and_cursor(call, metered):
    call("post", "/batch", [body(metered, f"e{n}") for n in range(5)] + [body(metered, "q", code="not-yet")])
    first = call("get", "?limit=2").json()
    assert [row["transactionId"] for row in first["data"]] == ["e4", "e3"]
    assert first["meta"]["total"] == 5
    after = call("get", f"?limit=10&cursor={first['meta']['nextCursor']}").json()
    assert [row["transactionId"] for row in after["data"]] == ["e2", "e1", "e0"]
    assert after["meta"]["nextCursor"] is None
    assert [row["transactionId"] for row in call("get", "?limit=2&page=2").json()["data"]] == ["e2", "e1"]
    subscription, [metric] = metered
    for query, count in (
        (f"subscriptionId={subscription.external_id}", 5),
        (f"subscriptionId={subscription.public_id}", 5),
        ("subscriptionId=other", 0),
        (f"code={metric.code}", 5),
        ("code=other", 0),
        ("transactionId=e2", 1),
        ("timestampFrom=2100-01-01T00:00:00Z", 0),
        ("timestampTo=2100-01-01T00:00:00Z", 5),
        ("status=quarantined", 1),
    ):
        found = call("get", f"?{query}").json()
        assert (len(found["data"]), found["meta"]["total"]) == (count, count), query
    assert call("get", "?limit=0").status_code == 400


def test_gets_one_by_its_transaction_id(call, metered):
    call("post", "/batch", [body(metered, "a/b c"), body(metered, "q", code="not-yet")])
    found = call("get", "/a/b%20c").json()["data"]
    subscription, [metric] = metered
    assert (found["status"], found["code"], found["subscriptionId"]) == (
        "accepted",
        metric.code,
        subscription.public_id,
    )
    assert found["properties"] == {"value": 5}
    assert call("get", "/q").json()["data"]["reason"] == "unknown_metric"
    assert call("get", "/nothing").status_code == 404
    stranger = make_key(make_organization("Other"))
    assert call("get", "/q", secret=stranger).status_code == 404
    assert call("get", "", secret=stranger).json()["data"] == []


def test_needs_a_key(client):
    assert client.post("/api/events", "{}", content_type="application/json").status_code == 401


def test_a_batch_takes_the_same_queries_whatever_its_size(call, metered, django_assert_num_queries):
    call("post", "", body(metered, "warm"))
    for size in (1, 300):
        events = [body(metered, f"{size}-{n}") for n in range(size)]
        with django_assert_num_queries(7):  # key, savepoint, lock, names, insert, who watches, release
            call("post", "/batch", events)
