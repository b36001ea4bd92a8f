"""Pages about paying online: the link, the attempts, what an account told; and the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import Organization
from invoicing.actions.attempts import ask_about
from invoicing.models import Payment, PaymentAttempt
from tests.factories.paying import make_due, make_payer, open_link
from tests.factories.people import make_key, make_member, make_organization, sign_in
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def finance(acme: Organization) -> Client:
    return sign_in(Client(), make_member(acme, "finance"))


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_staff_open_a_link_and_see_what_becomes_of_it(
    acme: Organization, finance: Client, stripe: FakeStripe
) -> None:
    make_payer(acme, name="Stripe Europe")
    make_payer(acme, name="Spare")
    invoice = make_due(acme)
    path = f"/invoices/{invoice.public_id}/checkout"
    page = text(finance.get(path))
    assert "€100.00" in page and "Stripe Europe" in page and "When it is not available, Spare" in page
    assert stripe.log == []
    assert "Payment link" in text(finance.get(f"/invoices/{invoice.public_id}"))

    page = text(finance.post(path, {"once": "abc"}))
    assert stripe.money.session()["url"] in page
    attempt = PaymentAttempt.objects.get()
    page = text(finance.get(f"/invoices/{invoice.public_id}"))
    assert "Online payments" in page and "Waiting" in page

    stripe.money.decline(message="The card has expired.")
    page = text(finance.post(f"/payment-attempts/{attempt.public_id}/ask", follow=True))
    assert "Nobody has paid yet. The card has expired." in page
    assert "The card has expired." in text(finance.get("/payment-attempts?state=open"))
    assert "No attempt is in this state" in text(finance.get("/payment-attempts?state=failed"))
    stripe.money.pay()
    page = text(finance.post(f"/payment-attempts/{attempt.public_id}/ask", follow=True))
    assert "The payment has come." in page
    assert "This invoice is paid." in text(finance.get(path))


def test_reasons_stand_in_the_dialog(acme: Organization, finance: Client, stripe: FakeStripe) -> None:
    invoice = make_due(acme, disabled_providers=["stripe"])
    path = f"/invoices/{invoice.public_id}/checkout"
    assert "No active account" in text(finance.get(path))
    make_payer(acme, name="Stripe Europe")
    assert "<b>Stripe Europe</b> is disabled for this customer" in text(finance.get(path))
    other = make_due(acme)
    stripe.next(401)
    answer = finance.post(f"/invoices/{other.public_id}/checkout", {"once": "paying-x"})
    assert answer.status_code == 422
    assert "Stripe does not accept the secret key." in text(answer)


def test_money_that_could_not_be_recorded_is_seen_to(
    acme: Organization, finance: Client, stripe: FakeStripe
) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    attempt = open_link(invoice)
    PaymentAttempt.objects.update(state="successful", problem="100.00 EUR came too much.")
    assert "100.00 EUR came too much." in text(finance.get("/payment-attempts?state=problem"))
    path = f"/payment-attempts/{attempt.public_id}/seen-to"
    support = sign_in(Client(), make_member(acme, "support"))
    assert support.post(path).status_code == 403
    assert "Noted." in text(finance.post(path, follow=True))
    assert PaymentAttempt.objects.get().problem == ""


def test_an_account_shows_its_webhook_and_its_messages(
    acme: Organization, settings: Any, stripe: FakeStripe
) -> None:
    settings.BASE_URL = "https://billing.acme.example"
    account = make_payer(acme, credentials={"secret_key": "sk_test_x"})
    admin = sign_in(Client(), make_member(acme, "admin"))
    page = text(admin.get(f"/settings/integrations/{account.public_id}"))
    assert f"https://billing.acme.example/webhooks/stripe/{account.public_id}" in page
    assert "checkout.session.completed" in page
    assert "The webhook&#x27;s secret is missing" in page or "The webhook's secret is missing" in page


def test_the_api_opens_a_link(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme, name="Down")
    make_payer(acme, name="Up")
    invoice = make_due(acme)
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    path = f"/api/invoices/{invoice.public_id}/checkout"

    def post(body: Any, **more: str) -> Any:
        return Client().post(path, body, content_type="application/json", headers=headers | more)

    refused = post({"callbackUrl": "javascript:alert(1)"})
    assert (refused.status_code, refused.json()["error"]["errors"][0]["field"]) == (400, "callbackUrl")
    stripe.next(503)
    made = post({"callbackUrl": "https://shop.example/done"})
    assert made.status_code == 201
    data = made.json()["data"]
    assert (data["checkoutUrl"], data["provider"]) == (stripe.money.session()["url"], "stripe")
    assert (data["amount"], data["currency"], data["status"]) == (100.0, "EUR", "pending")
    assert stripe.writes()[-1].form["success_url"] == "https://shop.example/done"
    assert post({}).json()["data"]["id"] == data["id"]

    stripe.money.pay()
    ask_about(PaymentAttempt.objects.get(state="pending").pk)
    listed = Client().get("/api/payments?provider=stripe", headers=headers).json()["data"]
    assert [row["amount"] for row in listed] == [100.0]
    assert Payment.objects.get().public_id == listed[0]["id"]
    assert post({}).status_code == 400
