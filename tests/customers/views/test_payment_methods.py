"""Saved payment methods on the customer's page, in the portal and by the API; charging an invoice from its page."""

from __future__ import annotations

from typing import Any, cast

import pytest
from django.test import Client
from django.utils import timezone

from billing.actions.clock import now
from billing.models import Job, Organization
from customers.actions.portal import create_link
from customers.models import Customer
from invoicing.actions.payment_methods import ask_setup
from invoicing.models import MethodSetup, PaymentMethod
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.pages import queries, text
from tests.factories.paying import make_due, make_payer
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def finance(acme: Organization) -> Client:
    return sign_in(Client(), make_member(acme, "finance"))


@pytest.fixture
def anna(acme: Organization) -> Customer:
    return make_customer(acme, name="Anna", email="anna@pay.example", currency="EUR")


def keep(customer: Customer, account: Any, last4: str, **fields: Any) -> PaymentMethod:
    """A saved card."""
    facts = {"external_id": f"pm_{last4}", "holder": "cus_1", "mark": last4, "brand": "Visa", "last4": last4}
    row = PaymentMethod.objects.create(
        organization=account.organization, customer=customer, provider=account, **facts | fields
    )
    return cast(PaymentMethod, row)


def test_staff_ask_for_a_card_choose_and_remove(
    acme: Organization, finance: Client, anna: Customer, stripe: FakeStripe
) -> None:
    page = f"/customers/{anna.public_id}/information"
    path = f"/customers/{anna.public_id}/payment-methods/add"
    assert "No page for a card" in text(finance.get(path))
    account = make_payer(acme, name="Stripe Europe")
    assert "No card or account is saved." in text(finance.get(page))
    assert "Stripe Europe" in text(finance.get(path)) and stripe.log == []
    assert stripe.money.sessions == {}
    answer = text(finance.post(path, {"once": "ask-for-a-card"}))
    setup = MethodSetup.objects.get()
    assert setup.url in answer
    stripe.money.leave()
    ask_setup(setup.pk)
    second = keep(anna, account, "1111")
    shown = text(finance.get(page))
    assert "Visa •••• 4242" in shown and "Visa •••• 1111" in shown and "12/2034" in shown
    assert queries(finance, page) <= 20

    answer = finance.post(f"/payment-methods/{second.public_id}/default", follow=True)
    assert "Visa •••• 1111 is charged first." in text(answer)
    path = f"/payment-methods/{second.public_id}/remove"
    assert "Visa •••• 4242 is charged first then." in text(finance.get(path))
    assert "Visa •••• 1111 was removed." in text(finance.post(path, follow=True))
    for wanted, words in (("on", "charged from now on"), ("", "not charged any more")):
        answer = finance.post(f"/customers/{anna.public_id}/collect", {"collect": wanted}, follow=True)
        assert words in text(answer)
        assert Customer.objects.get(pk=anna.pk).collect_automatically == bool(wanted)


def test_an_invoice_is_charged_from_its_page(acme: Organization, finance: Client, stripe: FakeStripe) -> None:
    invoice = make_due(acme)
    path = f"/invoices/{invoice.public_id}/charge"
    assert "has not left a payment method" in text(finance.get(path))
    account = make_payer(acme, name="Stripe EU")
    keep(invoice.customer, account, "4242", is_default=True)
    keep(invoice.customer, account, "1111")
    assert "is not available" not in text(finance.get(path)), "the other card is at the same account"
    keep(invoice.customer, make_payer(acme, priority=2), "5555")
    assert "When Stripe EU is not available, Visa •••• 5555 is charged." in text(finance.get(path))
    assert "Visa •••• 4242" in text(finance.get(path)) and "€100.00" in text(finance.get(path))
    assert "Charge saved method" in text(finance.get(f"/invoices/{invoice.public_id}"))
    for _ in range(2):
        finance.post(path, {"once": "charge-from-page"})
    job = Job.objects.get(task="invoicing.charge")
    assert job.subject_id == invoice.pk and stripe.log == []
    PaymentMethod.objects.update(expires_on=timezone.now().date().replace(year=2020))
    assert "has expired" in text(finance.get(path))


def test_customers_keep_their_cards_in_the_portal(
    acme: Organization, anna: Customer, stripe: FakeStripe
) -> None:
    account = make_payer(acme)
    _, secret = create_link(anna, days=7, by=ACTOR, at=now(acme))
    client = Client()
    client.get(f"/portal/enter/{secret}")
    assert "No card saved" in text(client.get("/portal/cards"))
    page = text(client.post("/portal/cards/add"))
    assert stripe.money.session()["url"] in page
    assert stripe.writes()[0].form["success_url"].endswith("/portal/cards")
    mine, other = keep(anna, account, "1111", is_default=True), keep(anna, account, "2222")
    foreign = keep(make_due(acme).customer, account, "3333")
    assert "Visa •••• 1111" in text(client.get("/portal/cards"))
    client.post(f"/portal/cards/{other.public_id}/default")
    client.post(f"/portal/cards/{mine.public_id}/remove")
    assert [row.last4 for row in PaymentMethod.objects.filter(customer=anna).saved()] == ["2222"]
    for act in ("default", "remove"):
        assert client.post(f"/portal/cards/{foreign.public_id}/{act}").status_code == 404


def test_the_api_of_payment_methods(acme: Organization, anna: Customer, stripe: FakeStripe) -> None:
    account, api = make_payer(acme), Api(acme)
    base = f"/customers/{anna.public_id}/payment-methods"
    status, made = api.post(f"{base}/setup", {"callbackUrl": "https://shop.example/done"})
    assert (status, made["data"]["url"]) == (201, stripe.money.session()["url"])
    first, second = keep(anna, account, "1111", is_default=True), keep(anna, account, "2222")
    _, listed = api.get(base)
    assert [(row["last4"], row["isDefault"]) for row in listed["data"]] == [("1111", True), ("2222", False)]
    assert "pm_1111" not in str(listed)
    assert api.post(f"{base}/{second.public_id}/default")[1]["data"]["isDefault"] is True
    assert api.delete(f"{base}/{first.public_id}")[0] == 204
    assert api.delete(f"{base}/{first.public_id}")[0] == 404
    invoice = make_due(acme)
    assert api.post(f"/invoices/{invoice.public_id}/charge")[1]["error"]["code"] == "no_method"
    keep(invoice.customer, account, "3333")
    status, queued = api.post(f"/invoices/{invoice.public_id}/charge")
    assert (status, queued["data"]["status"]) == (202, "queued")
    assert api.patch(f"/customers/{anna.public_id}", {"collectAutomatically": True})[0] == 200
    assert api.get(f"/customers/{anna.public_id}")[1]["data"]["collectAutomatically"] is True
    assert Api(make_organization("Other")).get(base)[0] == 404
