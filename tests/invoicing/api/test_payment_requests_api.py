"""/api/payment-requests."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoicing.actions.payment_requests import request_payment
from invoicing.actions.payments import record_payment
from invoicing.models import Mail, PaymentRequest
from tests.factories.api import Api, refused
from tests.factories.overdue import LATE, make_debtor, owe
from tests.factories.paying import make_payer
from tests.factories.people import ACTOR, make_organization
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


def test_asked_for_sent_again_and_withdrawn() -> None:
    customer = make_debtor(make_organization())
    invoices = [owe(customer, 100), owe(customer, 50)]
    api = Api(customer.organization)
    body = {"customerId": customer.public_id, "invoiceIds": [invoices[0].public_id]}
    status, made = api.post("/payment-requests", body, **{"Idempotency-Key": "one"})
    row = made["data"]
    assert (status, row["amount"], row["status"], row["origin"]) == (201, 100, "pending", "manual")
    assert [item["invoiceId"] for item in row["invoices"]] == [invoices[0].public_id]
    assert row["paymentUrl"].startswith("http") and Mail.objects.get().to == [customer.email]
    assert api.post("/payment-requests", body, **{"Idempotency-Key": "one"}) == (status, made)

    path = f"/payment-requests/{row['id']}"
    assert api.get(path)[1]["data"] == row
    assert api.post(f"{path}/send", {"to": ["cfo@globex.example"]})[1]["data"]["attempts"] == 2
    found = api.get("/payment-requests", status="OPEN", customerId=customer.public_id)[1]
    assert found["meta"]["total"] == 1
    assert api.get("/payment-requests", invoiceId=invoices[1].public_id)[1]["data"] == []
    for where, sent in (("/payment-requests", body), (f"{path}/send", {})):  # cut off, two keys would be one
        assert refused(api.post(where, sent, **{"Idempotency-Key": "k" * 201}))[::2] == (
            400,
            "Idempotency-Key",
        )
    closed = api.post(f"{path}/withdraw", {"reason": "They called"})[1]["data"]
    assert (closed["status"], closed["closeReason"], closed["paymentUrl"]) == ("canceled", "withdrawn", None)
    assert refused(api.post(f"{path}/send"))[:2] == (409, "request_closed")
    assert Api(make_organization("Other")).get(path)[0] == 404


def test_the_list_reads_all_invoices_at_once() -> None:
    organization = make_organization()
    for name in ("Globex", "Stark", "Initech"):
        customer = make_debtor(organization, name=name, email=f"{name}@pay.example")
        owe(customer, 100)
        request_payment(customer, currency="EUR", key=name, by=ACTOR, at=LATE)
    api = Api(organization)
    with CaptureQueriesContext(connection) as read:
        found = api.get("/payment-requests")[1]["data"]
    assert [len(row["invoices"]) for row in found] == [1, 1, 1]
    assert sum("requestedinvoice" in query["sql"] for query in read) == 1


def test_where_all_of_it_is_paid(stripe: FakeStripe) -> None:
    customer = make_debtor(make_organization())
    invoices = [owe(customer, 100), owe(customer, 50)]
    row = request_payment(customer, currency="EUR", key="a", by=ACTOR, at=LATE)
    api, path = Api(customer.organization), f"/payment-requests/{row.public_id}/checkout"
    assert refused(api.post(path))[:2] == (400, "no_provider")
    make_payer(customer.organization)
    back = {"callbackUrl": "https://globex.example/paid"}
    status, made = api.post(path, back, **{"Idempotency-Key": "a"})
    data = made["data"]
    assert (status, data["amount"], data["paymentRequestId"], data["invoiceId"]) == (
        201,
        150,
        row.public_id,
        None,
    )
    assert data["checkoutUrl"] == stripe.money.session()["url"]
    assert api.post(path, back, **{"Idempotency-Key": "a"})[1] == made
    assert refused(api.post(path, {"callbackUrl": "ftp://x"})) == (400, "invalid", "callbackUrl")
    for invoice in invoices:
        record_payment(invoice, key="k", by=ACTOR, at=LATE)
    assert refused(api.post(path))[:2] == (409, "request_closed")
    assert Api(make_organization("Other")).post(path)[0] == 404


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"customerId": "cust_none"}, (400, "customer_not_found", "customerId")),
        ({"currency": "USD"}, (400, "nothing_overdue", "currency")),
        ({"invoiceIds": []}, (400, "required", "invoices")),
        ({"invoiceIds": ["nonsense"]}, (400, "unknown", "invoiceIds[0]")),
        ({"to": ["nobody"]}, (400, "invalid_address", "to")),
        ({"billingEntityId": "ent_none"}, (400, "unknown", "billingEntityId")),
        ({"everything": True}, (400, "invalid", "everything")),
    ],
)
def test_what_is_refused(body: dict[str, object], answer: tuple[int, str, str]) -> None:
    customer = make_debtor(make_organization())
    owe(customer)
    api = Api(customer.organization)
    assert refused(api.post("/payment-requests", {"customerId": customer.public_id} | body)) == answer
    assert not PaymentRequest.objects.exists() and not Mail.objects.exists()
