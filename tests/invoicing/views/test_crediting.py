"""The drawers "Issue credit note" and "Give money back", and their API."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.models import CreditNote, Invoice, InvoiceLine, Refund
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice() -> Invoice:
    customer = make_customer(make_organization("Acme"))
    return create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)


@pytest.fixture
def staff(invoice: Invoice) -> Client:
    client = Client()
    client.force_login(make_member(invoice.organization, "admin").user)
    return client


def test_the_drawer_credits_a_line_once(staff: Client, invoice: Invoice) -> None:
    url = reverse("invoice-credit", args=[invoice])
    page = staff.get(url)
    token = page.context["form"]["once"].value()
    line = InvoiceLine.objects.get(invoice=invoice)
    data = {f"line-{line.pk}": "40", "reason": "other", "once": token}
    estimated = staff.post(url, data | {"estimate": "1"})
    assert "€40.00" in estimated.content.decode() and not CreditNote.objects.exists()
    assert staff.post(url, data).status_code == 302
    staff.post(url, data)
    assert CreditNote.objects.get().total_minor == 4000


@pytest.mark.parametrize(
    ("mode", "fields", "total"),
    [("everything", {}, 10000), ("amount", {"amount": "25"}, 2500), ("", {}, 0), ("amount", {}, 0)],
)
def test_other_ways_look_at_nothing_else(
    staff: Client, invoice: Invoice, mode: str, fields: dict[str, str], total: int
) -> None:
    url, line = reverse("invoice-credit", args=[invoice]), InvoiceLine.objects.get(invoice=invoice)
    data = {
        "mode": mode,
        f"line-{line.pk}": "x" if mode else "",
        "reason": "other",
        "once": f"{mode}{total}",
        **fields,
    }
    assert staff.post(url, data).status_code == (302 if total else 422)
    assert [note.total_minor for note in CreditNote.objects.all()] == ([total] if total else [])


@pytest.mark.parametrize(
    ("typed", "says"), [("100.01", "More than is left"), ("1.005", "2 decimals"), ("x", "number")]
)
def test_bad_amounts_stand_at_their_line(staff: Client, invoice: Invoice, typed: str, says: str) -> None:
    line = InvoiceLine.objects.get(invoice=invoice)
    data = {f"line-{line.pk}": typed, "reason": "other", "once": "credit-a"}
    answer = staff.post(reverse("invoice-credit", args=[invoice]), data)
    assert answer.status_code == 422
    assert says in str(answer.context["form"].errors[f"line-{line.pk}"])
    assert typed in answer.content.decode()


def test_refund_and_void_pages(staff: Client, invoice: Invoice) -> None:
    payment = record_payment(invoice, key="p", by=ACTOR, at=NOW)
    url = reverse("payment-refund", args=[payment])
    assert staff.get(url).status_code == 200
    assert staff.post(url, {"amount": "100.01", "once": "credit-a"}).status_code == 422
    assert staff.post(url, {"amount": "60", "reason": "Late", "once": "credit-b"}).status_code == 302
    assert Refund.objects.get().amount_minor == 6000
    support = Client()
    support.force_login(make_member(invoice.organization, "support").user)
    assert support.get(url).status_code == 403


def test_the_customer_page_leads_to_the_invoice(staff: Client, invoice: Invoice) -> None:
    answer = staff.get(reverse("customer-issue-credit-note", args=[invoice.customer]))
    assert reverse("invoice-credit", args=[invoice]) in answer.content.decode()


def test_the_api_credits_estimates_voids_and_refunds(invoice: Invoice) -> None:
    api = Api(invoice.organization)
    payment = record_payment(invoice, key="p", by=ACTOR, at=NOW)
    body = {"invoiceId": invoice.public_id, "amount": 30, "refundAmount": 10, "reason": "OTHER"}
    status, seen = api.post("/credit-notes/estimate", body)
    assert status == 200 and seen["data"]["creditAmount"] == 20 and not CreditNote.objects.exists()
    status, made = api.post("/credit-notes", body)
    assert (status, made["data"]["total"], made["data"]["balance"]) == (201, 30, 20)
    status, error = api.post("/credit-notes", body | {"amount": 71})
    assert status == 400 and error["error"]["code"] == "more_than_creditable"
    status, whole = api.post("/credit-notes", {"invoiceId": invoice.public_id})
    assert (status, whole["data"]["total"]) == (201, 70)
    assert api.post(f"/credit-notes/{whole['data']['id']}/void", {})[1]["data"]["status"] == "voided"
    status, refund = api.post(f"/payments/{payment.public_id}/refund", {"amount": 90, "reason": "Sorry"})
    assert (status, refund["data"]["amount"]) == (201, 90)
    assert refund["data"]["id"] != payment.public_id
    assert api.post(f"/payments/{payment.public_id}/refund", {"amount": 1})[0] == 400
    _, listed = api.get("/payments", status="refunded")
    assert listed["data"][0]["status"] == "refunded"
