"""POST /customers/{id}/erase: what it answers says nothing of the person, and neither do the logs of the call."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from billing.models import ApiCall, IdempotentCall, Organization
from customers import tasks
from customers.actions.delete import request_deletion
from customers.models import Customer
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


@pytest.fixture
def customer(organization: Organization) -> Customer:
    """A deleted one."""
    row = make_customer(organization, name="Zephyrine Quill", external_id="quill-1", email="q@quill.example")
    job = request_deletion(row, by=ACTOR, at=NOW + timedelta(days=1))
    tasks.delete(str(job.pk))
    row.refresh_from_db()
    return row


def body(**fields: Any) -> dict[str, Any]:
    """What is sent."""
    return {"reason": "Asked by letter", "confirm": "quill-1"} | fields


def test_a_deleted_customer_is_erased(api: Api, customer: Customer) -> None:
    place = f"/customers/{customer.public_id}"
    status, before = api.get(f"{place}/erasure")
    assert (status, before["data"]["state"], before["data"]["erasedAt"]) == (200, "possible", None)
    assert {line["kind"]: line["count"] for line in before["data"]["erased"]}["logs"] is None
    status, answer = api.post(f"{place}/erase", body(), **{"Idempotency-Key": "erase-1"})
    assert (status, answer["data"]["state"]) == (200, "running")
    assert ApiCall.objects.get(route="customers/<id>/erase").request_body == "(not kept)"
    tasks.erase(answer["data"]["jobId"].removeprefix("job_"))
    status, after = api.get(f"{place}/erasure")
    assert after["data"]["state"] == "erased" and after["data"]["erasedAt"]
    again = api.post(f"{place}/erase", body(confirm="whatever", reason=""))
    assert again[0] == 200 and again[1]["data"] == after["data"]
    kept = json.dumps([before, answer, after]) + "".join(
        call.request_body + call.response_body
        for call in ApiCall.objects.filter(route="customers/<id>/erase")
    )
    assert "quill" not in kept.lower() and IdempotentCall.objects.filter(key="erase-1").exists()
    assert api.get(place)[0] == 404


def test_what_is_refused(api: Api, organization: Organization, customer: Customer) -> None:
    place = f"/customers/{customer.public_id}/erase"
    assert refused(api.post(place, body(reason=""))) == (400, "reason_required", "reason")
    assert refused(api.post(place, body(confirm="quill-2"))) == (400, "confirmation_needed", "confirm")
    assert api.post(place, {"reason": "x"})[0] == 400
    present = make_customer(organization)
    answer = api.post(f"/customers/{present.public_id}/erase", body(confirm=present.external_id))
    assert (answer[0], answer[1]["error"]["code"]) == (409, "customer_not_deleted")
    assert api.get(f"/customers/{present.public_id}/erasure")[1]["data"]["state"] == "not_deleted"
    stranger = Api(make_organization("Other"))
    assert stranger.post(place, body())[0] == 404
    reading = Api(organization, scopes=["customers:read"])
    assert reading.post(place, body())[0] == 403
    customer.refresh_from_db()
    assert customer.erased_at is None
