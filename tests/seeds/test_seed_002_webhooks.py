"""Seed 002, webhooks: P58 to P62 at the server's side, and the events of seed 001 (Q18 to Q21) as webhooks, to a real
receiver.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest

from billing.actions import later
from billing.actions.webhook_sending import send_due
from billing.models import Job
from customers.actions.delete import carry_out
from tests.factories.api import Api
from tests.factories.people import make_organization
from tests.services.receiver import Receiver

pytestmark = pytest.mark.django_db
ASKED = ["invoice.finalized", "payment.successful", "subscription.canceled"]


@pytest.fixture
def api() -> Api:
    return Api(make_organization())


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """The application."""
    settings.OUTBOUND_ALLOW_PRIVATE = "127.0.0.1"
    found = Receiver().start()
    yield found
    found.stop()


def customer(api: Api) -> dict[str, Any]:
    """A new one."""
    body = {"externalId": "u-1", "email": "ann@x.example", "name": "Ann", "currency": "EUR"}
    data: dict[str, Any] = api.post("/customers", body)[1]["data"]
    return data


def test_webhooks_are_created_with_a_secret_and_listed_with_their_status(api: Api) -> None:
    """P58 and P59."""
    url = "https://yourapp.example/webhooks/novabilling"
    status, made = api.post("/webhooks", {"url": url, "events": ASKED})
    assert status == 201 and made["data"]["id"].startswith("whk_") and made["data"]["secret"]
    [listed] = api.get("/webhooks")[1]["data"]
    assert (listed["url"], listed["status"], listed["events"]) == (url, "active", ASKED)
    assert "secret" not in listed


def test_what_was_asked_for_arrives_signed_and_nothing_else(api: Api, receiver: Receiver) -> None:
    """P60 to P62."""
    secret = api.post("/webhooks", {"url": receiver.url, "events": ASKED})[1]["data"]["secret"]
    ann = customer(api)
    items = [{"description": "Work", "quantity": 1, "unitAmount": 50}]
    bill = api.post("/invoices", {"customerId": ann["id"], "items": items})[1]["data"]
    assert api.post(f"/invoices/{bill['id']}/finalize")[0] == 200
    assert api.post(f"/invoices/{bill['id']}/mark-paid")[0] == 200
    plan = {"name": "Pro", "code": "pro", "interval": "monthly", "amount": 10, "currency": "EUR"}
    api.post("/plans", plan)
    sub = api.post("/subscriptions", {"customerId": ann["id"], "planId": "pro"})[1]["data"]
    api.post(f"/subscriptions/{sub['id']}/cancel", {"cancelAtPeriodEnd": False})
    send_due()
    told = {one.said["event"]: one.said["data"] for one in receiver.taken}
    assert set(told) == set(ASKED)
    assert (told["payment.successful"]["amount"], told["payment.successful"]["status"]) == (50, "successful")
    assert (told["subscription.canceled"]["id"], told["subscription.canceled"]["status"]) == (
        sub["id"],
        "canceled",
    )
    for one in receiver.taken:
        signed = one.headers["tarn-timestamp"].encode() + b"." + one.body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(one.headers["tarn-signature"], f"v1={expected}")


def test_a_customers_life_arrives_in_order_with_its_e_mail(api: Api, receiver: Receiver) -> None:
    """Q18 to Q21, outside the process."""
    api.post("/webhooks", {"url": receiver.url, "events": ["*"]})
    ann = customer(api)
    api.patch(f"/customers/{ann['id']}", {"name": "Ann B."})
    api.delete(f"/customers/{ann['id']}")
    later.run(str(Job.objects.get(task="customers.delete").pk), carry_out)
    send_due()
    mine = [one.said for one in receiver.taken if one.said["event"].startswith("customer.")]
    assert [one["event"] for one in mine] == ["customer.created", "customer.updated", "customer.deleted"]
    assert {one["data"]["email"] for one in mine} == {"ann@x.example"}
