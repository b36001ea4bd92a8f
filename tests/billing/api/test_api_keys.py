"""/api/api-keys, and what a limited key may do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import ApiKey, AuditEntry, IdempotentCall, Organization
from billing.rules.scopes import grants, nouns, scope_of
from billing.web.scopes import first_words, resources
from tests.factories.api import Api, refused
from tests.factories.people import make_organization
from tests.factories.world import make_world
from tests.house.addresses import api_operations, filled

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def works(secret: str) -> bool:
    """Whether a key opens anything."""
    return Client().get("/api/taxes", headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_a_key_is_made_listed_and_ended(organization: Organization) -> None:
    api = Api(organization)
    end = (timezone.now() + timedelta(days=7)).replace(microsecond=0)
    body = {
        "name": " Import ",
        "scopes": ["taxes:read", "taxes:read"],
        "expiresAt": end.isoformat(),
        "rateLimit": 60,
    }
    status, made = api.post("/api-keys", body)
    row, secret = made["data"], made["data"].pop("key")
    assert status == 201 and works(secret)
    assert (row["name"], row["scopes"], row["rateLimit"], row["status"]) == (
        "Import",
        ["taxes:read"],
        60,
        "active",
    )
    assert row["maskedKey"] == f"sk_live_…{secret[-4:]}"
    found = api.get(f"/api-keys/{row['id']}")[1]["data"]
    assert found["lastUsedAt"] is not None and found | {"lastUsedAt": None} == row
    assert secret not in str(api.get("/api-keys")) and api.get("/api-keys")[1]["meta"]["total"] == 2
    assert api.delete(f"/api-keys/{row['id']}")[1]["data"]["status"] == "revoked"
    assert not works(secret) and api.get("/api-keys", live="true")[1]["meta"]["total"] == 1
    other = Api(make_organization("Beta"))
    assert other.get(f"/api-keys/{row['id']}")[0] == other.delete(f"/api-keys/{row['id']}")[0] == 404


def test_an_idempotent_repeat_shows_the_same_secret_which_is_kept_sealed(organization: Organization) -> None:
    api = Api(organization)
    first, again = (api.post("/api-keys", {"name": "A"}, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first == again and ApiKey.objects.count() == 2
    assert first[1]["data"]["key"].encode() not in bytes(IdempotentCall.objects.get().sealed)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "A", "scopes": ["taxes"]}, "scopes[0]"),
        ({"name": "A", "scopes": ["taxes:read", "nothing:read"]}, "scopes[1]"),
        ({"name": "A", "expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"name": "A", "expiresAt": "2990-01-01T00:00:00"}, "expiresAt"),
        ({"name": "A", "rateLimit": 0}, "rateLimit"),
        ({"name": "A", "rateLimit": 10**7}, "rateLimit"),
    ],
)
def test_what_makes_no_key(organization: Organization, body: dict[str, Any], field: str) -> None:
    status, _, named = refused(Api(organization).post("/api-keys", body))
    assert (status, named, ApiKey.objects.count()) == (400, field, 1)


def test_no_key_gives_away_more_than_it_has(organization: Organization) -> None:
    end = timezone.now() + timedelta(days=7)
    scopes = ["api-keys:write", "taxes:read"]
    api = Api(organization, scopes=scopes, expires_at=end, rate_limit=100)
    fine = {"name": "A", "scopes": ["taxes:read"], "expiresAt": end.isoformat(), "rateLimit": 100}
    assert api.post("/api-keys", fine)[0] == 201
    for change, field in (
        ({"scopes": []}, "scopes"),
        ({"scopes": ["taxes:write"]}, "scopes"),
        ({"scopes": ["*:read"]}, "scopes"),
        ({"expiresAt": None}, "expiresAt"),
        ({"expiresAt": (end + timedelta(days=1)).isoformat()}, "expiresAt"),
        ({"rateLimit": None}, "rateLimit"),
        ({"rateLimit": 101}, "rateLimit"),
    ):
        assert refused(api.post("/api-keys", fine | change)) == (403, "beyond_this_key", field), change
    full = ApiKey.objects.create(
        organization=organization, name="Full", key_hash="x", key_start="s", last4="1"
    )
    for answer in (api.post(f"/api-keys/{full.public_id}/rotate"), api.delete(f"/api-keys/{full.public_id}")):
        assert refused(answer)[:2] == (403, "beyond_this_key")
    full.refresh_from_db()
    assert full.revoked_at is None and ApiKey.objects.count() == 3


def test_a_key_is_rotated_with_an_overlap(organization: Organization) -> None:
    api = Api(organization)
    old = api.post("/api-keys", {"name": "A", "scopes": ["taxes:read"], "rateLimit": 500})[1]["data"]
    status, body = api.post(f"/api-keys/{old['id']}/rotate", {"overlapHours": 2})
    new = body["data"]
    assert (status, new["name"], new["scopes"], new["rateLimit"]) == (201, "A", ["taxes:read"], 500)
    assert works(old["key"]) and works(new["key"]) and new["expiresAt"] is None
    row = ApiKey.objects.get(last4=old["maskedKey"][-4:])
    assert row.expires_at is not None and timedelta(hours=1) < row.expires_at - timezone.now() < timedelta(
        hours=2
    )
    assert AuditEntry.objects.filter(action="api_key.rotated").count() == 1
    assert api.post(f"/api-keys/{old['id']}/rotate", {"overlapHours": 100})[0] == 201
    row.refresh_from_db()
    assert row.expires_at - timezone.now() < timedelta(hours=2), "an end only comes nearer"
    api.post(f"/api-keys/{new['id']}/rotate", {"overlapHours": 0})
    assert not works(new["key"])
    assert refused(api.post(f"/api-keys/{new['id']}/rotate")) == (409, "key_not_live", "")
    assert refused(api.post(f"/api-keys/{old['id']}/rotate", {"overlapHours": 10**9}))[2] == "overlapHours"


def test_every_operation_asks_for_its_own_scope() -> None:
    """A key for one resource gets 403 everywhere else, with the name of what it lacks."""
    world = make_world("alpha")
    api = Api(world.organization, scopes=["tags:write"])
    seen = set()
    for method, route in api_operations():
        needed = scope_of(method, route.removeprefix("/api/"), first_words())
        assert needed.partition(":")[0] in resources(), route
        if grants(["tags:write"], needed):
            continue
        answer = api.client.generic(method, filled(route, world), "{}", content_type="application/json")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["scope"]) == (403, "scope_missing", needed), (
            method,
            route,
        )
        assert needed in error["message"]
        seen.add(needed)
    assert {"wallets:write", "invoices:read", "api-keys:write"} <= seen
    assert api.get("/tags")[0] == 200
    assert {nouns(route)[1] for _, route in api_operations()} == first_words()
