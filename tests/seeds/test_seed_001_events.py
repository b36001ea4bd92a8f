"""Seed 001: what the application hears, and what stays after a deletion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from billing.actions import later
from billing.actions.webhooks import on
from billing.models import Job
from customers.actions.delete import carry_out
from tests.factories.api import Api
from tests.factories.people import make_organization
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"externalId": "u-1", "email": "ann@x.example", "name": "Ann", "currency": "EUR"}


@pytest.fixture
def api() -> Api:
    return Api(make_organization())


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    """What handlers in the project have heard: (event, data)."""
    found: list[tuple[str, Any]] = []
    names = ("customer.created", "customer.updated", "customer.deleted")
    stops = [on(name, lambda event, name=name: found.append((name, event.data))) for name in names]
    yield found
    for stop in stops:
        stop()


@row("Q18", "Q19", "Q20", "Q21")
def test_the_application_hears_of_a_customers_life(api: Api, heard: list[tuple[str, Any]]) -> None:
    made = api.post("/customers", BODY)[1]["data"]
    api.patch(f"/customers/{made['id']}", {"name": "Ann B."})
    api.delete(f"/customers/{made['id']}")
    later.run(str(Job.objects.get(task="customers.delete").pk), carry_out)
    assert [name for name, _ in heard] == ["customer.created", "customer.updated", "customer.deleted"]
    assert heard[0][1]["email"] == "ann@x.example"


@row("Q14", "Q24")
def test_a_deleted_customer_keeps_its_row_and_documents(api: Api) -> None:
    made = api.post("/customers", BODY)[1]["data"]
    items = [{"description": "Work", "quantity": 1, "unitAmount": 5}]
    bill = api.post("/invoices", {"customerId": made["id"], "items": items})[1]["data"]
    assert api.post(f"/invoices/{bill['id']}/finalize")[0] == 200
    api.delete(f"/customers/{made['id']}")
    later.run(str(Job.objects.get(task="customers.delete").pk), carry_out)
    assert api.get(f"/customers/{made['id']}")[0] == 404
    [listed] = api.get("/customers", includeDeleted="true")[1]["data"]
    assert (listed["id"], bool(listed["deletedAt"])) == (made["id"], True)
    assert api.get(f"/invoices/{bill['id']}")[0] == 200
