"""Seed 004: the fields of a customer, what hangs on it, and how its documents are made and sent, over the API."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from billing.models import Job, Organization
from customers.tasks import delete as delete_task
from invoicing import tasks
from invoicing.models import Invoice
from tests.factories.api import Api
from tests.factories.documents import pdf_text
from tests.factories.invoicing import make_plan, set_entity
from tests.factories.people import make_organization
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db
FIELDS = {
    *("id", "organizationId", "externalId", "email", "einvoiceEmail", "name", "locale", "status"),
    *("customerType", "billingModel", "mode", "preferredCurrency", "preferredProvider"),
    *("disabledProviders", "paymentTermsDays", "peppolId", "preferEinvoice", "defaultAutoTopupEnabled"),
    *("defaultAutoTopupAmount", "defaultLowBalanceThreshold", "defaultMaxBalance"),
    *("defaultMaxSingleCredit", "defaultCreditLimit", "vatValidationStatus", "vatValidationDisabled"),
    *("vatValidationDisabledReason", "tags", "metadata", "createdAt", "updatedAt", "deletedAt"),
}


@pytest.fixture
def organization(settings: Any, tmp_path: Path) -> Organization:
    """It sends its invoices."""
    settings.MEDIA_ROOT = str(tmp_path)
    found = make_organization()
    set_entity(found, email_invoices=True, legal_name="Acme GmbH", net_payment_term_days=14)
    return found


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def created(api: Api, **body: object) -> dict[str, Any]:
    """A new customer in EUR."""
    status, answer = api.post("/customers", {"email": "ap@globex.example", "currency": "EUR"} | body)
    assert status == 201, answer
    found: dict[str, Any] = answer["data"]
    return found


def issued(api: Api, customer: dict[str, Any]) -> dict[str, Any]:
    """An issued invoice over 100.00, with its PDF and its mail."""
    body = {"customerId": customer["id"], "items": [{"description": "Work", "amount": 100}]}
    made = api.post("/invoices", body)[1]["data"]
    status, answer = api.post(f"/invoices/{made['id']}/finalize")
    assert status == 200, answer
    for name, work in (("invoicing.publish", tasks.publish), ("invoicing.mail", tasks.mail)):
        for job in Job.objects.open().filter(task=name):
            work(str(job.pk))
    found: dict[str, Any] = answer["data"]
    return found


def document(invoice: dict[str, Any]) -> str:
    """The text of the stored PDF."""
    with Invoice.objects.get(number=invoice["number"]).pdf.open() as file:
        return pdf_text(file.read())


@row("K02")
def test_subscription_invoice_and_payment_name_their_customer(api: Api, organization: Organization) -> None:
    customer, plan = created(api), make_plan(organization)
    body = {"customerId": customer["id"], "planId": plan.code}
    subscription = api.post("/subscriptions", body)[1]["data"]
    invoice = issued(api, customer)
    paid = api.post("/payments", {"invoiceId": invoice["id"]})
    assert paid[0] == 201, paid
    for one in (subscription, invoice, paid[1]["data"]):
        assert one["customerId"] == customer["id"]
    nobody = f"cust_{'0' * 32}"
    assert api.post("/subscriptions", body | {"customerId": nobody})[0] in (400, 404)
    items = [{"description": "Work", "amount": 1}]
    assert api.post("/invoices", {"customerId": nobody, "items": items})[0] in (400, 404)
    assert api.post("/invoices", {"items": items})[0] == 400


@row("K03")
def test_a_profile_is_kept(api: Api) -> None:
    """Tax identifiers are kept in one spelling, without what separates their digits."""
    field = {"name": "Cost centre", "code": "cost_centre"}
    assert api.post("/custom-fields", field)[0] == 201
    profile: dict[str, Any] = {
        "preferredCurrency": "USD",
        "taxIdentifiers": {"us_ein": "12-3456789"},
        "customFields": {"cost_centre": "4711"},
    }
    address = {"line1": "1 Main St", "postalCode": "10001", "city": "New York", "country": "US"}
    status, answer = api.post("/customers", {"email": "a@b.example", "billingAddress": address} | profile)
    assert status == 201, answer
    data = api.get(f"/customers/{answer['data']['id']}")[1]["data"]
    assert data["taxIdentifiers"] == {"us_ein": "123456789"}
    assert {name: data[name] for name in profile} == profile | {"taxIdentifiers": data["taxIdentifiers"]}
    assert {name: data["address"][name] for name in address} == address


@row("K14", "K15", "K26")
def test_lists_objects_and_all_fields(api: Api) -> None:
    made = created(api)
    listed = api.get("/customers")[1]
    assert set(listed) == {"data", "meta"}
    assert {"total", "page", "limit", "totalPages", "nextCursor"} <= set(listed["meta"])
    plain = uuid.UUID(made["id"].removeprefix("cust_"))
    status, answer = api.get(f"/customers/{plain}")
    assert status == 200 and answer["data"]["id"] == made["id"]
    assert listed["data"] == [answer["data"]]
    assert set(answer["data"]) >= FIELDS
    assert api.get(f"/customers/{uuid.uuid4()}")[0] == 404


@row("K66")
def test_invoices_go_to_the_address_for_e_invoices(api: Api) -> None:
    routed = {"einvoiceEmail": "e@globex.example", "peppolId": "0088:7300010000001", "preferEinvoice": True}
    customer = created(api, **routed)
    assert routed.items() <= customer.items()
    issued(api, customer)
    api.patch(f"/customers/{customer['id']}", {"preferEinvoice": False})
    issued(api, customer)
    assert [message.to for message in mail.outbox] == [["e@globex.example"], ["ap@globex.example"]]


@row("K67")
def test_the_customers_own_term_sets_the_due_date(api: Api) -> None:
    for number, (terms, days) in enumerate(((45, 45), (0, 0), (None, 14))):
        customer = created(api, email=f"{number}@b.example", paymentTermsDays=terms)
        assert customer["paymentTermsDays"] == terms
        invoice = issued(api, customer)
        span = date.fromisoformat(invoice["dueDate"]) - date.fromisoformat(invoice["issuingDate"])
        assert span.days == days


@row("K69")
def test_invoice_and_mail_speak_the_customers_language(api: Api) -> None:
    for locale, word in (("de", "Rechnung"), ("fr", "Facture"), ("en", "Invoice")):
        invoice = issued(api, created(api, locale=locale, email=f"{locale}@b.example"))
        assert word in document(invoice)
        assert mail.outbox[-1].subject.startswith(f"{word} {invoice['number']} ")


@row("K70")
def test_when_a_customer_was_deleted(api: Api) -> None:
    customer = created(api)
    assert customer["deletedAt"] is None
    assert api.delete(f"/customers/{customer['id']}")[0] == 200
    delete_task(str(Job.objects.get(task="customers.delete").pk))
    assert api.get("/customers")[1]["data"] == []
    for name in ("includeDeleted", "include_deleted"):
        [gone] = api.get("/customers", **{name: "true"})[1]["data"]
        assert gone["id"] == customer["id"] and gone["deletedAt"]
