"""The page of a payment with its receipt, the way to it from lists, the portal's, and the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.actions.clock import now
from billing.models import Organization
from customers.actions.portal import create_link
from customers.models import Customer
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import publish_receipt
from invoicing.actions.refunds import refund_payment
from invoicing.actions.remittances import receive
from invoicing.models import Mail, Payment, Receipt
from tests.factories.api import Api
from tests.factories.pages import queries, statuses, text
from tests.factories.paying import make_due
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
DONE: dict[str, Any] = {"by": ACTOR, "at": NOW}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def finance(acme: Organization) -> Client:
    return sign_in(Client(), make_member(acme, "finance"))


@pytest.fixture
def payment(acme: Organization) -> Payment:
    return record_payment(make_due(acme), amount_minor=4000, reference="Transfer 9", key="k", **DONE)


def test_the_page_shows_money_invoice_refunds_and_receipt(finance: Client, payment: Payment) -> None:
    path = f"/payments/{payment.public_id}"
    page = text(finance.get(path))
    for words in ("€40.00", payment.invoice.number, "Transfer 9", "€60.00", payment.receipt.number):
        assert words in page, words
    assert "Your PDF is being made." in page
    publish_receipt(payment.receipt.pk, issued=False)
    refund_payment(payment, amount_minor=1500, reason="Too much", key="r", **DONE)
    page = text(finance.get(path))
    assert "Download receipt" in page and "Too much" in page and "€25.00" in page
    assert queries(finance, path) <= 12
    seen = statuses(payment.organization, path)
    assert (seen["admin"], seen["support"], seen["stranger"]) == (200, 200, 404)


def test_lists_lead_to_the_receipt(finance: Client, payment: Payment) -> None:
    page = text(finance.get("/payments"))
    assert f"/payments/{payment.public_id}/receipt" in page
    answer = finance.get(f"/payments/{payment.public_id}/receipt")
    assert (answer.status_code, answer["Location"]) == (302, f"/payments/{payment.public_id}")
    publish_receipt(payment.receipt.pk, issued=False)
    answer = finance.get(f"/payments/{payment.public_id}/receipt", follow=True)
    assert answer["Content-Type"] == "application/pdf"
    assert payment.receipt.number in answer["Content-Disposition"]
    assert payment.public_id in text(finance.get(f"/invoices/{payment.invoice.public_id}"))


def test_the_list_has_tabs_filters_and_a_file(acme: Organization, finance: Client, payment: Payment) -> None:
    other = record_payment(make_due(acme), provider="stripe", reference="pi_7", key="k", **DONE)
    refund_payment(other, amount_minor=1000, key="r", **DONE)
    seen = {
        query: [one.public_id in text(finance.get(f"/payments?{query}")) for one in (payment, other)]
        for query in ("", "state=refunded", "state=refunding", "method=online", "method=manual", "q=-R-")
    }
    assert seen == {
        "": [True, True],
        "state=refunded": [False, True],
        "state=refunding": [False, False],
        "method=online": [False, True],
        "method=manual": [True, False],
        "q=-R-": [True, True],
    }
    assert "No payment is in this state" in text(finance.get("/payments?state=refunding"))
    assert queries(finance, "/payments") <= 12
    answer = finance.get("/payments.csv?state=refunded")
    [head, line] = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    row = dict(zip(head.split(","), line.split(","), strict=True))
    assert (row["amount"], row["refunded_amount"], row["method"]) == ("100.00", "10.00", "stripe")
    assert row["receipt_number"] == other.receipt.number
    page = text(finance.get(f"/customers/{other.customer.public_id}/payments?state=refunded"))
    assert other.public_id in page and "Given back" in page


def test_a_transfer_has_its_receipt_on_its_own_page(acme: Organization, finance: Client) -> None:
    invoice = make_due(acme)
    transfer = receive(invoice.customer, currency="EUR", amount_minor=15000, keep_rest=True, key="t", **DONE)
    part = transfer.payments.get()
    page = text(finance.get(f"/remittances/{transfer.public_id}"))
    assert transfer.receipt.number in page and "Send receipt" in page
    answer = finance.get(f"/payments/{part.public_id}/receipt")
    assert answer["Location"] == f"/remittances/{transfer.public_id}"
    assert "which has the receipt" in text(finance.get(f"/payments/{part.public_id}"))


def test_it_is_sent_from_the_page_once(finance: Client, payment: Payment) -> None:
    path = f"/receipts/{payment.receipt.public_id}/send"
    page = text(finance.get(path))
    assert "Receipt for your payment" in page and f"{payment.receipt.number}.pdf" in page
    preview = text(finance.get(f"{path}/preview", {"language": "de", "note": "Danke."}))
    assert "Quittung" in preview and "Danke." in preview
    form = {"to": "ap@globex.example", "language": "de", "note": "", "once": "receipt-mail-1"}
    for _ in range(2):
        assert finance.post(path, form)["Location"] == f"/payments/{payment.public_id}"
    mail = Mail.objects.get()
    assert (mail.to, mail.payment) == (["ap@globex.example"], payment)
    assert "ap@globex.example" in text(finance.get(f"/payments/{payment.public_id}"))
    assert finance.get(f"/mails/{mail.public_id}").status_code == 200
    assert finance.post(path, form | {"to": "nobody", "once": "receipt-mail-2"}).status_code == 422


def test_customers_have_their_own_in_the_portal(acme: Organization, payment: Payment) -> None:
    def entered(customer: Customer) -> Client:
        _, secret = create_link(customer, days=7, by=ACTOR, at=now(acme))
        client = Client()
        client.get(f"/portal/enter/{secret}")
        return client

    client = entered(payment.customer)
    path = f"/portal/receipts/{payment.receipt.public_id}/pdf"
    assert payment.receipt.number in text(client.get("/portal/invoices"))
    assert "is being printed" in text(client.get(path, follow=True))
    publish_receipt(payment.receipt.pk, issued=False)
    assert client.get(path)["Content-Type"] == "application/pdf"
    assert entered(make_due(acme).customer).get(path).status_code == 404


def test_the_api_serves_receipts(acme: Organization, payment: Payment) -> None:
    api = Api(acme)
    status, found = api.get(f"/payments/{payment.public_id}/receipt")
    receipt = found["data"]
    assert (status, receipt["number"], receipt["amount"]) == (200, payment.receipt.number, 40)
    assert receipt["invoices"][0]["amountDue"] == 60 and receipt["paymentId"] == payment.public_id
    assert api.get(f"/payment-receipts/{receipt['id']}")[1]["data"] == receipt
    assert api.get("/payment-receipts", customerId=payment.customer.public_id)[1]["meta"]["total"] == 1
    assert api.get("/payment-receipts", invoiceNumber="none")[1]["data"] == []
    status, sent = api.post(f"/payment-receipts/{receipt['id']}/send", {"to": ["ap@globex.example"]})
    assert (status, sent["data"]["kind"]) == (202, "receipt")
    assert api.get(f"/payment-receipts/{receipt['id']}/pdf")[1]["data"]["status"] == "pending"
    assert Receipt.objects.count() == 1
    stranger = Api(make_organization("Other"))
    assert stranger.get(f"/payments/{payment.public_id}/receipt")[0] == 404
    assert stranger.get(f"/payment-receipts/{receipt['id']}/pdf")[0] == 404
