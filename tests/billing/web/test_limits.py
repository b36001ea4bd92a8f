"""Rate limits: a bucket for each key, told in headers, and no obstacle when Redis is away."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from django.core.cache import cache

from billing.models import ApiKey, Organization
from billing.web import limits
from billing.web.limits import BUCKET, MINUTE, Redis
from tests.factories.api import Api
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def told(answer: Any) -> list[int]:
    """Limit, remaining and reset of an answer."""
    return [int(answer[name]) for name in HEADERS]


def test_a_key_may_send_what_its_bucket_holds(organization: Organization) -> None:
    api, other = Api(organization), Api(organization)
    api.client.get("/api/nothing")  # the first request of a run is slow
    cache.clear()
    Organization.objects.update(api_rate_limit=3)
    answers = [api.client.get("/api/customers") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [told(answer)[:2] for answer in answers] == [[3, 2], [3, 1], [3, 0], [3, 0]]
    resets = [told(answer)[2] for answer in answers]
    assert resets[0] == 20 and 20 < resets[1] <= 40 < resets[2] <= 60 and resets[3] <= 60
    refused = answers[3]
    assert 1 <= int(refused["Retry-After"]) <= 20 and refused.json()["error"]["code"] == "too_many_requests"
    assert "3 requests a minute" in refused.json()["message"] and refused.json()["error"]["requestId"]
    assert other.client.get("/api/nothing").status_code == 404, "a limit is a key's own"
    assert told(other.client.get("/api/customers"))[:2] == [3, 1], "what is not found counts as well"


def test_whose_limit_counts(organization: Organization, settings: Any) -> None:
    settings.API_RATE_LIMIT = 50
    api = Api(organization)
    assert told(api.client.get("/api/customers"))[0] == 50
    Organization.objects.update(api_rate_limit=40)
    assert told(api.client.get("/api/customers"))[0] == 40
    ApiKey.objects.update(rate_limit=30)
    assert told(api.client.get("/api/customers"))[0] == 30
    ApiKey.objects.update(rate_limit=None)
    Organization.objects.update(api_rate_limit=0)
    assert "RateLimit-Limit" not in api.client.get("/api/customers")
    assert "RateLimit-Limit" not in api.client.get("/api/customers", headers={"Authorization": "Bearer no"})


def test_events_have_a_limit_of_their_own_in_events(organization: Organization, settings: Any) -> None:
    settings.API_RATE_LIMIT, settings.API_EVENT_RATE_LIMIT = 1, 10
    api = Api(organization)
    events = [{"transactionId": f"t{number}", "subscriptionId": "s", "code": "c"} for number in range(8)]

    def batch(count: int) -> Any:
        return api.client.post("/api/events/batch", events[:count], content_type="application/json")

    assert told(api.client.post("/api/events", events[0], content_type="application/json"))[:2] == [10, 9]
    assert told(batch(8))[:2] == [10, 1]
    refused = batch(8)
    assert refused.status_code == 429 and 30 <= int(refused["Retry-After"]) <= 42
    assert "10 events a minute" in refused.json()["message"]
    cache.clear()
    large = api.client.post("/api/events/batch", [*events, *events], content_type="application/json")
    assert large.status_code == 200 and told(large)[:2] == [10, 0], "an empty bucket takes more than it holds"
    cache.clear()
    assert batch(1).status_code == 200
    assert api.client.get("/api/events").status_code == 200, "reading them is a request like others"


def test_the_bucket_empties_evenly() -> None:
    """By the clock of Redis: with 6,000 a minute there is room for one more after 10 ms."""
    bucket = Redis.bucket()
    client: Any = bucket.registered_client
    each = MINUTE / 6000
    took = [bucket(keys=["t"], args=[each, 5, 1])[:2] for _ in range(6)]
    assert took[0] == [1, 4] and took[-1][0] == (0 if client.pttl("t") > 40 else took[-1][0])
    time.sleep(0.012)
    assert bucket(keys=["t"], args=[each, 5, 1])[0] == 1
    assert bucket(keys=["large"], args=[each, 5, 1000])[:2] == [1, 0], "more than it holds fills it"
    assert bucket(keys=["large"], args=[each, 5, 1000])[0] == 0
    assert 0 < client.pttl("large") <= 51, "an empty bucket is forgotten"


def test_without_redis_calls_go_on(
    organization: Organization, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = redis.Redis.from_url("unix:///nowhere.sock").register_script(BUCKET)
    asked: list[int] = []

    def bucket(**given: Any) -> Any:
        asked.append(1)
        return gone(**given)

    monkeypatch.setattr(limits.Redis, "bucket", staticmethod(lambda: bucket))
    monkeypatch.setattr(limits.Redis, "away_until", 0.0)
    api = Api(organization)
    for _ in range(3):
        answer = api.client.get("/api/customers")
        assert answer.status_code == 200 and "RateLimit-Limit" not in answer
    assert len(asked) == 1, "Redis is left alone for a while"
    assert "without rate limits" in caplog.text
