"""Asking for overdue invoices in the browser, the lists, and the page on which a customer pays."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Organization
from customers.models import Customer
from invoicing.actions.disputes import dispute_invoice, end_dispute
from invoicing.actions.payment_requests import request_payment
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice, Mail, PaymentAttempt, PaymentRequest
from invoicing.queries.pay_links import pay_link
from invoicing.rules.states import DisputeState
from tests.factories.overdue import LATE, make_debtor, owe
from tests.factories.paying import make_payer
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db
BY: dict[str, Any] = {"by": ACTOR, "at": LATE}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_debtor(organization, locale="de")


@pytest.fixture
def invoices(customer: Customer) -> list[Invoice]:
    return [owe(customer, 100), owe(customer, 50)]


@pytest.fixture
def staff(organization: Organization) -> Client:
    return sign_in(Client(), make_member(organization, "manager"))


def text(response: Any) -> str:
    """What stands on the page, amounts without their mark-up."""
    return " ".join(re.sub(r"</?span[^>]*>", "", response.content.decode()).split())


def ask(customer: Customer, key: str = "a") -> PaymentRequest:
    return request_payment(customer, currency="EUR", to=["ap@globex.example"], key=key, **BY)


def test_the_drawer_previews_and_asks_once(
    staff: Client, customer: Customer, invoices: list[Invoice]
) -> None:
    url = reverse("customer-request-payment", args=[customer])
    for path in ("customer", "customer-invoices"):
        assert f"{url}?currency=EUR" in text(staff.get(reverse(path, args=[customer])))
    assert f"{url}?currency=EUR" in text(staff.get("/invoices?tab=overdue"))
    page = staff.get(url)
    assert page.context["chosen_minor"] == 15000 and "invoices=" not in page.context["frame_url"]
    assert all(row.number in text(staff.get(page.context["frame_url"])) for row in invoices)
    assert page.context["text"].subject.startswith("Acme bittet um Zahlung von 150,00")
    ids = [row.public_id for row in invoices]
    data = {"to": "cfo@globex.example", "language": "fr", "note": "Merci", "once": "request-drawer"}
    looked = staff.post(
        url,
        data | {"invoices": ids[:1]},
        headers={"HX-Request": "true", "HX-Target": "request-preview"},
    )
    assert "EUR 100.00" in text(looked) and "vous demande un paiement" in text(looked)
    frame = re.search(r'<iframe[^>]* src="([^"]+)"', text(looked))
    assert frame
    letter = staff.get(unescape(frame[1]))
    assert "Merci" in text(letter) and invoices[1].number not in text(letter)
    assert not PaymentRequest.objects.exists()
    refused = staff.post(url, data)
    assert refused.status_code == 422 and "Choose at least one invoice." in text(refused)
    assert "Merci" in text(refused), "nothing typed is lost"
    refused = staff.post(url, data | {"invoices": ids, "seen": "9999"})
    assert refused.status_code == 422 and "Meanwhile 150.00 EUR is overdue." in text(refused)
    for _ in range(2):
        made = staff.post(url, data | {"invoices": ids, "seen": "15000"})
        row = PaymentRequest.objects.get()
        assert made["Location"] == reverse("payment-request", args=[row])
    mail = Mail.objects.get()
    assert (mail.to, mail.language) == (["cfo@globex.example"], "fr")
    assert "Asked for before" in text(staff.get(url))


def test_nothing_to_ask_for_and_a_sandbox(organization: Organization, staff: Client) -> None:
    customer = make_debtor(organization, net_payment_term_days=365)
    owe(customer, at=LATE)
    url = reverse("customer-request-payment", args=[customer])
    assert "Nothing is overdue" in text(staff.get(url))
    Organization.objects.update(sandbox=True)
    Invoice.objects.update(due_on=LATE.date())
    page = text(staff.get(url))
    assert "Nobody is mailed" in page and 'name="to"' not in page
    key = Invoice.objects.get().public_id
    assert (
        staff.post(url, {"invoices": [key], "language": "en", "once": "request-sandbox"}).status_code == 302
    )
    assert PaymentRequest.objects.get().attempts == 0 and not Mail.objects.exists()


def test_the_lists_and_the_page(
    staff: Client, customer: Customer, invoices: list[Invoice], django_assert_max_num_queries: Any
) -> None:
    row = ask(customer)
    stranger = sign_in(Client(), make_member(make_organization("Other"), "admin"))
    page_url = reverse("payment-request", args=[row])
    assert stranger.get(page_url).status_code == 404
    assert "Globex" not in text(stranger.get("/payment-requests"))
    with django_assert_max_num_queries(12):
        assert "Globex" in text(staff.get("/payment-requests"))
    assert "Globex" in text(staff.get(f"/payment-requests?q={invoices[0].number}&state=open"))
    assert "No request found" in text(staff.get("/payment-requests?state=succeeded"))
    tab = text(staff.get(reverse("customer-payment-requests", args=[customer])))
    assert page_url in tab
    with django_assert_max_num_queries(12):
        page = text(staff.get(page_url))
    assert f"/pay/{row.token}" in page and "ap@globex.example" in page and invoices[1].number in page
    assert "Payment of €150.00 requested" in text(staff.get(reverse("customer", args=[customer])))

    again = reverse("payment-request-again", args=[row])
    assert "EUR 150.00" in text(staff.get(again))
    sent = {"to": "cfo@globex.example", "once": "request-again"}
    assert staff.post(again, sent).status_code == 302
    assert Mail.objects.filter(to=["cfo@globex.example"]).count() == 1
    withdraw = reverse("payment-request-withdraw", args=[row])
    assert "stays owed" in text(staff.get(withdraw))
    assert staff.post(withdraw, {"reason": "They called", "once": "request-withdraw"}).status_code == 302
    assert "Withdrawn" in text(staff.get(page_url)) and "They called" in text(staff.get(page_url))
    assert staff.post(again, sent | {"once": "request-late"}).status_code == 422
    support = sign_in(Client(), make_member(customer.organization, "support"))
    assert support.get(page_url).status_code == 200 and support.get(again).status_code == 403


def test_the_customer_sees_and_pays_what_the_letter_asks_for(
    customer: Customer, invoices: list[Invoice], stripe: FakeStripe
) -> None:
    make_payer(customer.organization)
    row, visitor = ask(customer), Client()
    url = reverse("pay-request", args=[row.token])
    page = visitor.get(url)
    assert "To pay: EUR 150.00" in text(page) and page["Cache-Control"] == "private, no-store"
    pay = reverse("pay-request-invoice", args=[row.token, invoices[0].public_id])
    link = text(visitor.post(pay))
    assert stripe.money.session()["url"] in link and "Pay " + invoices[0].number in link
    other = owe(make_debtor(make_organization("Other"), name="Initech"))
    assert visitor.post(reverse("pay-request-invoice", args=[row.token, other.public_id])).status_code == 404
    newer = ask(customer, "b")
    assert visitor.get(url)["Location"] == reverse("pay-request", args=[newer.token])
    for invoice in invoices:
        record_payment(invoice, key="k", **BY)
    assert "Thank you" in text(visitor.get(reverse("pay-request", args=[newer.token])))
    assert visitor.get("/pay/no-such-token").status_code == 404


def test_a_link_that_has_ended_is_not_handed_out_again_by_a_clock_that_stands(
    customer: Customer, invoices: list[Invoice], stripe: FakeStripe
) -> None:
    Organization.objects.filter(pk=customer.organization_id).update(sandbox=True, clock_at=LATE)
    make_payer(customer.organization)
    row, visitor = request_payment(customer, currency="EUR", key="a", **BY), Client()
    pay = reverse("pay-request-invoice", args=[row.token, invoices[0].public_id])
    first, second = (visitor.post(pay).context["attempt"] for _ in range(2))
    assert first == second, "two tabs share the link that is open"
    PaymentAttempt.objects.update(expires_at=LATE)
    assert visitor.post(pay).context["attempt"] != first


def test_all_of_a_request_is_paid_by_one_button(
    customer: Customer, invoices: list[Invoice], stripe: FakeStripe
) -> None:
    row, visitor = ask(customer), Client()
    url, pay = (reverse(name, args=[row.token]) for name in ("pay-request", "pay-request-all"))
    assert pay not in text(visitor.get(url)), "nobody can take it yet"
    assert visitor.post(pay)["Location"] == url
    assert "cannot be paid online just now" in text(visitor.get(url))
    make_payer(customer.organization)
    dispute_invoice(owe(customer, 30), reason="Not ours", **BY)
    assert "Pay EUR 150.00</button>" in text(visitor.get(url))
    link = text(visitor.post(pay))
    assert stripe.money.session()["url"] in link and "Pay all invoices" in link and "EUR 150.00" in link
    record_payment(invoices[0], key="k", **BY)
    assert pay not in text(visitor.get(url)), "one is left: its own button is enough"
    record_payment(invoices[1], key="k", **BY)
    assert visitor.post(pay).status_code == 404


def test_an_invoice_of_an_e_mail_is_paid_without_signing_in(
    customer: Customer, invoices: list[Invoice], stripe: FakeStripe
) -> None:
    visitor, invoice = Client(), invoices[0]
    assert pay_link(invoice) == "", "there is nobody to pay by"
    make_payer(customer.organization)
    url = urlsplit(pay_link(invoice)).path
    page = visitor.get(url)
    assert "To pay: EUR 100.00" in text(page) and page["Cache-Control"] == "private, no-store"
    link = text(visitor.post(f"{url}/now"))
    assert stripe.money.session()["url"] in link and f"Pay {invoice.number}" in link
    dispute_invoice(invoice, reason="Not ours", **BY)
    assert "in dispute" in text(visitor.get(url)) and f"{url}/now" not in text(visitor.get(url))
    end_dispute(invoice, DisputeState.WITHDRAWN, **BY)
    record_payment(invoice, key="k", **BY)
    assert "Nothing is due" in text(visitor.get(url)) and pay_link(Invoice.objects.get(pk=invoice.pk)) == ""
    assert visitor.post(f"{url}/now")["Location"] == url
    for wrong in (url[:-1], url.replace("~", "~x"), f"/pay-invoice/{invoice.pk.hex}"):
        assert visitor.get(wrong).status_code == 404 and visitor.post(f"{wrong}/now").status_code == 404
