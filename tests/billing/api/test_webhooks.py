"""/api/webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import AuditEntry, Organization, WebhookDelivery, WebhookEndpoint
from billing.rules.event_names import EVENTS, scopes_to_hear
from billing.web.scopes import resources
from tests.factories.api import Api, refused
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db
URL = "https://yourapp.example/webhooks"


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def api(acme: Organization) -> Api:
    return Api(acme)


def make(api: Api, *events: str) -> dict[str, Any]:
    """A new webhook as the API answers it."""
    status, body = api.post("/webhooks", {"url": URL, "events": list(events) or ["*"]})
    assert status == 201
    data: dict[str, Any] = body["data"]
    return data


def customer(api: Api, name: str = "Ann") -> dict[str, Any]:
    """A new customer."""
    body = {"externalId": name, "email": f"{name}@x.example", "name": name, "currency": "EUR"}
    data: dict[str, Any] = api.post("/customers", body)[1]["data"]
    return data


def test_a_webhook_through_its_life(api: Api) -> None:
    made = make(api, "invoice.finalized", "payment.successful", "subscription.canceled")
    secret = made.pop("secret")
    assert secret.startswith("whsec_") and len(secret) == 6 + 44
    assert (made["url"], made["status"], made["successRate"]) == (URL, "active", None)
    listed = api.get("/webhooks")[1]
    assert (listed["data"], listed["meta"]["total"]) == ([made], 1)
    assert api.get(f"/webhooks/{made['id']}")[1]["data"] == made
    row = WebhookEndpoint.objects.get()
    assert secret.encode() not in bytes(row.secret) and secret[6:].encode() not in bytes(row.secret)
    changes = {"events": ["*"], "description": "Production", "status": "PAUSED"}
    status, changed = api.patch(f"/webhooks/{made['id']}", changes)
    assert (status, changed["data"]["status"], changed["data"]["events"]) == (200, "paused", ["*"])
    assert api.get("/webhooks", status="active")[1]["data"] == []
    status, gone = api.delete(f"/webhooks/{made['id']}")
    assert status == 200 and gone["data"]["deletedAt"]
    assert api.get(f"/webhooks/{made['id']}")[0] == 404
    row.refresh_from_db()
    assert bytes(row.secret) == b""
    acts = AuditEntry.objects.filter(action__startswith="webhook.").order_by("id")
    assert list(acts.values_list("action", flat=True)) == [
        "webhook.created",
        "webhook.updated",
        "webhook.deleted",
    ]
    assert secret not in str(list(acts.values_list("changes", flat=True)))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"events": ["*"]}, "url"),
        ({"url": URL}, "events"),
        ({"url": "http://127.0.0.1/x", "events": ["*"]}, "url"),
        ({"url": URL, "events": ["customer.createt"]}, "events"),
        ({"url": URL, "events": ["*"], "secret": "mine"}, "secret"),
    ],
)
def test_faults_are_named(api: Api, body: dict[str, Any], field: str) -> None:
    assert refused(api.post("/webhooks", body)) == (400, "invalid", field)


def test_deliveries_show_what_is_sent_and_can_be_replayed(api: Api) -> None:
    made = make(api)
    ann = customer(api)
    path = f"/webhooks/{made['id']}/deliveries"
    [row] = api.get(path)[1]["data"]
    assert (row["event"], row["state"], row["attempts"]) == ("customer.created", "pending", [])
    assert row["data"]["email"] == ann["email"] and row["webhookId"] == made["id"]
    WebhookDelivery.objects.update(state="failed", next_attempt_at=None, tries=7)
    assert api.get(path, state="pending")[1]["data"] == []
    assert len(api.get(path, state="failed", event="customer.created")[1]["data"]) == 1
    status, again = api.post(f"{path}/{row['id']}/replay")
    assert (status, again["data"]["state"], again["data"]["id"]) == (200, "pending", row["id"])
    api.patch(f"/webhooks/{made['id']}", {"status": "disabled"})
    assert refused(api.post(f"{path}/{row['id']}/replay")) == (409, "webhook_not_active", "")
    other = make(api)
    assert api.post(f"/webhooks/{other['id']}/deliveries/{row['id']}/replay")[0] == 404
    assert refused(api.get(path, state="lost"))[0] == 400


def test_disabled_ones_give_up_what_waits_and_start_anew_when_taken_up(api: Api) -> None:
    made = make(api)
    customer(api)
    api.patch(f"/webhooks/{made['id']}", {"status": "disabled"})
    assert WebhookDelivery.objects.get().state == "failed"
    customer(api, "Bob")
    assert WebhookDelivery.objects.count() == 1
    WebhookEndpoint.objects.update(failures=30, reason="It has not answered.")
    data = api.patch(f"/webhooks/{made['id']}", {"status": "active"})[1]["data"]
    assert (data["status"], data["statusReason"]) == ("active", None)
    assert WebhookEndpoint.objects.get().failures == 0


def test_a_secret_is_replaced_and_the_old_one_counts_for_a_while(api: Api) -> None:
    made = make(api)
    status, body = api.post(f"/webhooks/{made['id']}/rotate-secret", {"overlapHours": 1})
    assert status == 200 and body["data"]["secret"] != made["secret"] and body["data"]["previousSecretUntil"]
    assert "secret" not in api.get(f"/webhooks/{made['id']}")[1]["data"]
    body = api.post(f"/webhooks/{made['id']}/rotate-secret", {"overlapHours": 0})[1]
    assert body["data"]["previousSecretUntil"] is None
    answer = api.post(f"/webhooks/{made['id']}/rotate-secret", {"overlapHours": 73})
    assert refused(answer) == (400, "invalid", "overlapHours")


def test_a_test_event_goes_to_its_endpoint_alone_and_says_so(api: Api) -> None:
    made, other = make(api), make(api)
    status, body = api.post(f"/webhooks/{made['id']}/test")
    assert (status, body["data"]["event"], body["data"]["data"]["test"]) == (201, "webhook.test", True)
    assert api.get(f"/webhooks/{other['id']}/deliveries")[1]["data"] == []
    assert refused(api.post("/webhooks", {"url": URL, "events": ["webhook.test"]}))[2] == "events"


def test_the_catalogue_names_every_event_and_its_other_spellings(api: Api) -> None:
    rows = {row["name"]: row for row in api.get("/webhooks/event-types")[1]["data"]}
    assert rows["payment.successful"]["synonyms"] == ["payment.created", "payment.succeeded"]
    assert rows["customer.created"]["description"] == "A customer was added."


def test_a_key_hears_of_nothing_that_it_may_not_read(acme: Organization, api: Api) -> None:
    narrow = Api(acme, scopes=["webhooks:write", "invoices:read"])
    assert narrow.post("/webhooks", {"url": URL, "events": ["invoice.paid"]})[0] == 201
    for events in (["*"], ["invoice.paid", "payment.succeeded"]):
        answer = narrow.post("/webhooks", {"url": URL, "events": events})
        assert refused(answer)[:2] == (403, "beyond_this_key"), events
    whole = make(api)
    path = f"/webhooks/{whole['id']}"
    assert refused(narrow.patch(path, {"url": "https://elsewhere.example"}))[:2] == (403, "beyond_this_key")
    assert refused(narrow.get(f"{path}/deliveries"))[:2] == (403, "beyond_this_key")
    assert narrow.get(path)[0] == 200


def test_every_noun_of_the_catalogue_has_a_scope() -> None:
    known = {f"{name}:read" for name in resources()} | {"*:read"}
    assert set(scopes_to_hear(["*", *EVENTS])) <= known
