"""The log of calls that change something."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.actions.api_log import drop_old_calls
from billing.models import ApiCall, Member, Organization
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
CARD = "4242 4242 4242 4242"


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def logged() -> list[tuple[str, str, int, str]]:
    """Method, path, status and error code of all calls, the oldest first."""
    return list(ApiCall.objects.order_by("pk").values_list("method", "path", "status", "code"))


def test_writes_are_logged_whatever_became_of_them(organization: Organization, api: Api) -> None:
    customer = make_customer(organization)
    path = f"/customers/{customer.public_id}"
    answer = api.client.patch(f"/api{path}?x=1", {"name": "B"}, content_type="application/json")
    api.post("/customers", {"currency": "EUR", "bogus": 1}, **{"X-Request-Id": "my-request-1"})
    api.client.post("/api/customers", "{", content_type="application/json")
    api.post("/nothing")
    api.delete("/customers/cust_nobody")
    assert logged() == [
        ("PATCH", f"/api{path}", 200, ""),
        ("POST", "/api/customers", 400, "invalid"),
        ("POST", "/api/customers", 400, "invalid"),
        ("POST", "/api/nothing", 404, "not_found"),
        ("DELETE", "/api/customers/cust_nobody", 404, "not_found"),
    ]
    first, second, broken = ApiCall.objects.order_by("pk")[:3]
    assert (first.route, first.query, first.address) == ("customers/<id>", "x=1", "127.0.0.1")
    assert first.request_id == answer["X-Request-Id"] and second.request_id == "my-request-1"
    assert first.request_body == '{"name":"B"}' and '"name":"B"' in first.response_body
    assert first.key_label.startswith("Test …") and first.api_key is not None
    assert broken.request_body == "(not JSON)" and '"code":"invalid"' in broken.response_body


def test_what_is_left_out(organization: Organization, api: Api) -> None:
    api.get("/customers")
    api.post("/events", {"transactionId": "t", "subscriptionId": "s", "code": "c"})
    api.post("/events/batch", {"events": []})
    api.post("/charges/preview", {"chargeModel": "standard", "properties": {"amount": "1"}, "units": 1})
    Client().post("/api/customers", {}, content_type="application/json")
    Organization.objects.update(api_rate_limit=1)
    Api(organization).get("/taxes")
    assert logged() == []
    limited = Api(organization)
    assert [limited.post("/taxes")[0], limited.post("/taxes")[0]] == [400, 429]
    assert [row[2] for row in logged()] == [400]


def test_secrets_are_covered_and_long_bodies_left_out(api: Api) -> None:
    api.post("/payment-providers", {"type": "stripe", "credentials": {"secretKey": "sk_test_verysecret"}})
    made = api.post("/api-keys", {"name": "A"})[1]["data"]["key"]
    api.post("/customers", {"email": "a@example.com", "metadata": {"card": CARD, "password": "hunter22"}})
    api.post("/customers", {"email": "b@example.com", "notes": "x" * 70_000})
    api.client.post(f"/api/taxes?api_key=in-a-query&x={made}", {}, content_type="application/json")
    api.delete(f"/api-keys/{made}")
    kept = str(list(ApiCall.objects.values_list("request_body", "response_body", "path", "query")))
    for secret in ("verysecret", made, made[20:], CARD, "hunter22", "in-a-query"):
        assert secret not in kept
    assert "a@example.com" in kept and "(not kept: 70," in kept


def test_a_repeat_and_a_failure_are_logged(
    api: Api, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        api.post("/customers", {"email": "a@example.com"}, **{"Idempotency-Key": "k"})
    assert list(ApiCall.objects.order_by("pk").values_list("replayed", flat=True)) == [False, True]

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("customers.api.customers.upsert_customer", fail)
    api.client.raise_request_exception = False
    assert api.post("/customers", {"email": "b@example.com"})[0] == 500
    assert logged()[-1][2:] == (500, "server_error")


def test_a_write_costs_one_query_more(api: Api, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):  # the key, its last use, the row of the log
        assert api.post("/taxes", {})[0] == 400


def test_old_calls_are_dropped(api: Api, settings: Any) -> None:
    api.post("/taxes")
    settings.API_LOG_DAYS = 10
    assert drop_old_calls(timezone.now() + timedelta(days=9)) == 0
    assert drop_old_calls(timezone.now() + timedelta(days=11)) == 1


def test_the_page_filters_pages_and_shows_a_call(organization: Organization, api: Api) -> None:
    client = sign_in(Client(), Member.objects.get(organization=organization))
    url = reverse("api-log")
    assert "No calls yet" in client.get(url).content.decode()
    for number in range(51):
        api.delete(f"/taxes/nobody-{number:02d}")
    api.post("/taxes", {"name": "<b>", "token": "kept-from-view"}, **{"X-Request-Id": "my-request-1"})

    def found(**query: str) -> list[str]:
        return [
            row["call"].path.removeprefix("/api/taxes/") for row in client.get(url, query).context["rows"]
        ]

    page = client.get(url)
    older = client.get(url + page.context["older_url"])
    assert len(page.context["rows"]) == 50 and [row["call"].path for row in older.context["rows"]] == [
        "/api/taxes/nobody-01",
        "/api/taxes/nobody-00",
    ]
    assert found(q="nobody-07") == ["nobody-07"] and found(q="my-request-1") == ["/api/taxes"]
    assert found(method="POST") == ["/api/taxes"] == found(outcome="refused", method="POST")
    assert found(outcome="failed") == found(outcome="done") == found(to="2020-01-01") == []
    assert len(found(key=page.context["rows"][0]["call"].api_key.public_id)) == 50
    assert len(found(method="bogus", outcome="x", key="x", **{"from": "x"})) == 50
    call = ApiCall.objects.get(method="POST")
    detail = client.get(reverse("api-call", args=[call.public_id])).content.decode()
    assert (
        "&lt;b&gt;" in detail
        and "kept-from-view" not in detail
        and "my-request-1" in detail
        and "required" in detail
    )
    support = sign_in(Client(), make_member(organization, "support"))
    assert support.get(url).status_code == 403


def test_the_page_reads_its_calls_at_once(
    organization: Organization, api: Api, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        api.post("/taxes")
    client = sign_in(Client(), Member.objects.get(organization=organization))
    with django_assert_max_num_queries(8):
        assert client.get(reverse("api-log")).status_code == 200
