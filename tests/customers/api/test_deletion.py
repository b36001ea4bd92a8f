"""DELETE /api/customers/{id}: gone at once, carried out in the background, twice is once; and its preview."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import AuditEntry, Job, Organization
from customers import tasks
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_plan, make_wallet, set_entity, subscribe
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    found = make_organization()
    set_entity(found, grace_period_days=0)
    return found


@pytest.fixture
def customer(organization: Organization) -> Customer:
    """An unpaid invoice over 80.00, 12.00 of credits, a free plan."""
    found = make_customer(organization, external_id="crm-1", email="a@example.com", currency="EUR")
    create_one_off(found, [Item("Work", Decimal(80))], finalize=True, by=ACTOR, at=NOW)
    make_wallet(found, "12", NOW)
    subscribe(found, make_plan(organization, 0), NOW)
    return found


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def test_preview_states_amounts_and_changes_nothing(api: Api, customer: Customer) -> None:
    status, body = api.get(f"/customers/{customer.public_id}/deletion-preview")
    data = body["data"]
    assert status == 200 and data["customerId"] == customer.public_id
    [unpaid] = data["unpaidInvoices"]
    assert (unpaid["amountDue"], unpaid["currency"], unpaid["voided"]) == (80, "EUR", True)
    [wallet] = data["wallets"]
    assert (wallet["balance"], wallet["lost"]) == (12, 12)
    assert len(data["subscriptions"]) == 1 and data["issuedInvoices"] == data["creditNotes"] == []
    kept = api.get(f"/customers/{customer.public_id}/deletion-preview", unpaidInvoices="keep")[1]["data"]
    assert [row["voided"] for row in kept["unpaidInvoices"]] == [False]
    assert (
        Invoice.objects.get().status == "finalized"
        and not Job.objects.filter(task="customers.delete").exists()
    )


def test_gone_at_once_and_twice_is_once(api: Api, customer: Customer) -> None:
    path = f"/customers/{customer.public_id}"
    first, second = api.delete(path), api.delete(path)
    assert first == second and first[0] == 200
    job = Job.objects.get(task="customers.delete")
    assert first[1]["data"] == {"id": customer.public_id, "deleted": True, "jobId": job.public_id}
    gone = [path, f"{path}/usage", f"{path}/usage/past", f"{path}/subscriptions", f"{path}/invoices"]
    gone.append("/customers/external/crm-1")
    assert [api.get(way)[0] for way in gone] == [404] * len(gone)
    assert api.patch(path, {"name": "New"})[0] == 404
    assert api.get("/customers")[1]["meta"]["total"] == 0
    assert api.get("/customers", includeDeleted="true")[1]["meta"]["total"] == 1
    taken = api.post("/customers", {"email": "b@example.com", "externalId": "crm-1"})
    assert refused(taken)[:2] == (409, "customer_deleted")

    tasks.delete(str(job.pk))
    assert api.delete(path)[0] == 404
    entry = AuditEntry.objects.get(action="customer.deleted")
    assert (entry.actor_kind, entry.actor_label) == ("key", "API key Test")
    status, body = api.post("/customers", {"email": "A@example.com", "externalId": "crm-1"})
    assert status == 201 and body["data"]["id"] != customer.public_id
    [invoice] = api.get("/invoices")[1]["data"]
    assert (invoice["status"], invoice["customerId"]) == ("voided", customer.public_id)


def test_nothing_new_for_a_customer_being_deleted(api: Api, customer: Customer) -> None:
    api.delete(f"/customers/{customer.public_id}")
    plan = make_plan(customer.organization, code="late")
    mine = {"customerId": customer.public_id}
    assert refused(api.post("/subscriptions", mine | {"planId": plan.code}))[1] == "customer_not_found"
    assert refused(api.post("/wallets", mine))[1] == "customer_not_found"
    item = {"description": "Work", "unitAmount": 1}
    assert api.post("/invoices", mine | {"items": [item]})[0] in {400, 404}
    assert Invoice.objects.count() == 1


def test_unpaid_invoices_can_be_kept(api: Api, customer: Customer) -> None:
    path = f"/customers/{customer.public_id}"
    assert refused(api.delete(f"{path}?unpaidInvoices=burn"))[0] == 400
    assert api.delete(f"{path}?unpaidInvoices=keep")[0] == 200
    tasks.delete(str(Job.objects.get(task="customers.delete").pk))
    assert Invoice.objects.exclude(number="").get().status == "finalized"


def test_strangers_and_read_only_keys(api: Api, customer: Customer) -> None:
    path = f"/customers/{customer.public_id}"
    stranger = Api(make_organization("Other"))
    assert stranger.delete(path)[0] == stranger.get(f"{path}/deletion-preview")[0] == 404
    assert Api(customer.organization, scopes=["customers:read"]).delete(path)[0] == 403
    customer.refresh_from_db()
    assert customer.deleting_at is None
