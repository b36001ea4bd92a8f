"""Pages about paying online: the link, the attempts, what an account told; and the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Organization
from invoicing.actions.attempts import ask_about
from invoicing.models import Payment, PaymentAttempt, PaymentProvider
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
    assert reverse("integration-edit", args=[account.public_id]) in page
    assert "none yet" in page and "this machine alone" not in page
    settings.BASE_URL = "http://localhost:8000"
    assert "This address leads to this machine alone" in text(
        admin.get(f"/settings/integrations/{account.public_id}")
    )


def test_a_secret_that_does_not_fit_is_told_until_a_message_comes(
    acme: Organization, client: Client, stripe: FakeStripe
) -> None:
    account = make_payer(acme)
    stripe.money.sessions["cs_1"] = {"id": "cs_1", "object": "checkout.session"}
    path = reverse("provider-webhook", args=["stripe", account.public_id])

    def send(id: str, **more: Any) -> int:
        body, headers = stripe.money.event(stripe.money.session("cs_1"), id=id, **more)
        return client.post(path, body, content_type="application/json", headers=headers).status_code

    admin = sign_in(Client(), make_member(acme, "admin"))
    page = f"/settings/integrations/{account.public_id}"
    assert send("evt_a", secret="whsec_of_another") == 400
    assert "The last message was refused" in text(admin.get(page))
    assert send("evt_b") == 200
    assert "The last message was refused" not in text(admin.get(page))


def test_a_secret_that_was_typed_is_there_after_an_error(acme: Organization) -> None:
    make_payer(acme, name="Stripe")
    admin = sign_in(Client(), make_member(acme, "admin"))
    sent = {"name": "Stripe", "secret-secret_key": "sk_test_typed", "active": "on"}
    answer = admin.post(reverse("integration-add") + "?type=stripe", sent)
    assert answer.status_code == 422 and "sk_test_typed" in text(answer)
    assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", ")), "nobody keeps it"
    stored = PaymentProvider.objects.get()
    assert "sk_" not in text(admin.get(reverse("integration-edit", args=[stored.public_id]))).replace(
        "Starts with sk_", ""
    )


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
