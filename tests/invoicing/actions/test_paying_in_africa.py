"""Paying at Paystack, Flutterwave and M-Pesa, over HTTP to servers that speak their protocols."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Organization
from billing.rules.errors import Conflict, Invalid
from invoicing.actions.attempts import run
from invoicing.actions.providers import try_provider
from invoicing.models import Payment, PaymentAttempt, PaymentProvider, ProviderEvent
from tests.factories.paying import BY, make_due, make_payer, open_link
from tests.factories.people import make_organization
from tests.services.african import FakeFlutterwave, FakeMpesa, FakePaystack
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


def later_on() -> int:
    PaymentAttempt.objects.exclude(next_at=None).update(next_at=timezone.now() - timedelta(seconds=1))
    return run(timezone.now())


def send(account: PaymentProvider, body: bytes, headers: dict[str, str], path: str = "") -> int:
    path = path or f"/webhooks/{account.type}/{account.public_id}"
    return Client().post(path, body, content_type="application/json", headers=headers).status_code


def outcome(attempt: PaymentAttempt) -> tuple[str, str]:
    attempt.refresh_from_db()
    return attempt.state, attempt.reason


def test_paystack(acme: Organization, paystack: FakePaystack) -> None:
    account = make_payer(acme, "paystack")
    assert try_provider(account, **BY).message == "The key works, in test mode."
    attempt = open_link(make_due(acme, "1500.50", currency="NGN"))
    assert attempt.url == "https://checkout.paystack.example/1"
    assert paystack.payments[attempt.reference]["amount"] == 150050
    assert (later_on(), *outcome(attempt)) == (1, "pending", "")
    paystack.fail(attempt.reference, "Declined by the bank")
    assert (later_on(), *outcome(attempt)) == (1, "failed", "Declined by the bank")

    body, headers = paystack.pay(attempt.reference)  # tried again with another card
    assert send(account, body + b" ", headers) == 400
    assert send(account, body, {}) == 400
    assert [send(account, body, headers), send(account, body, headers)] == [200, 200]
    account.refresh_from_db()
    assert (account.bad_signatures, ProviderEvent.objects.count(), run(timezone.now())) == (2, 1, 1)
    payment = Payment.objects.get()
    assert (payment.amount_minor, payment.provider, payment.reference) == (150050, "paystack", "4099260000")
    assert payment.paid_at.isoformat() == "2026-11-26T10:00:00+00:00"
    assert outcome(attempt) == ("successful", "")


def test_flutterwave(acme: Organization, flutterwave: FakeFlutterwave) -> None:
    account = make_payer(acme, "flutterwave")
    assert try_provider(account, **BY).works
    attempt = open_link(make_due(acme, 90000, currency="UGX"))
    assert attempt.url == "https://checkout.flutterwave.example/1"
    assert flutterwave.payments[attempt.reference]["amount"] == "90000"
    assert (later_on(), *outcome(attempt)) == (1, "pending", "")
    flutterwave.pay(attempt.reference, status="failed", reason="Insufficient funds")
    assert (later_on(), *outcome(attempt)) == (1, "failed", "Insufficient funds")
    body, headers = flutterwave.pay(attempt.reference)
    assert send(account, body, {"verif-hash": "guessed"}) == 400
    assert send(account, body, {}) == 400
    assert [send(account, body, headers), send(account, body, headers)] == [200, 200]
    assert (ProviderEvent.objects.count(), run(timezone.now())) == (1, 1)
    assert (Payment.objects.get().amount_minor, outcome(attempt)[0]) == (90000, "successful")


def test_another_card_after_a_refusal_is_noticed_without_a_message(
    acme: Organization, paystack: FakePaystack
) -> None:
    make_payer(acme, "paystack")
    attempt = open_link(make_due(acme, 10, currency="NGN"))
    paystack.fail(attempt.reference, "Declined by the bank")
    assert (later_on(), *outcome(attempt)) == (1, "failed", "Declined by the bank")
    paystack.pay(attempt.reference)
    assert (later_on(), *outcome(attempt)) == (1, "successful", "")
    assert Payment.objects.get().amount_minor == 1000


def test_a_message_of_flutterwave_is_not_believed(acme: Organization, flutterwave: FakeFlutterwave) -> None:
    account = make_payer(acme, "flutterwave")
    attempt = open_link(make_due(acme, 50, currency="KES"))
    body, headers = flutterwave.pay(attempt.reference, status="pending")
    assert send(account, body.replace(b'"pending"', b'"successful"'), headers) == 200
    run(timezone.now())
    assert (outcome(attempt)[0], Payment.objects.count()) == ("processing", 0)
    flutterwave.pay(attempt.reference, amount=20.0)  # less than was asked for
    later_on()
    assert (Payment.objects.get().amount_minor, outcome(attempt)[0]) == (2000, "successful")


def test_mpesa(acme: Organization, mpesa: FakeMpesa, settings: Any) -> None:
    settings.BASE_URL = "https://billing.acme.example"
    account = make_payer(acme, "mpesa")
    assert try_provider(account, **BY).message == "The consumer key and secret work."
    invoice = make_due(acme, 1500, currency="KES", phone="+254 712 345 678")
    attempt = open_link(invoice)
    [asked] = mpesa.payments.values()
    assert (asked["Amount"], asked["PhoneNumber"]) == (1500, "254712345678")
    assert asked["CallBackURL"].startswith(
        f"https://billing.acme.example/webhooks/mpesa/{account.public_id}/{attempt.pk.hex}"
    )
    assert (attempt.url, attempt.note) == ("", "+254712345678 is asked for the payment on the phone.")
    assert open_link(invoice, "again") == attempt, "the phone asks already"
    assert (later_on(), *outcome(attempt)) == (1, "pending", "")

    path, body = mpesa.finish(attempt.external_id)
    assert send(account, body, {}) == 400
    assert send(account, body, {}, path[:-1] + ("0" if path[-1] != "0" else "1")) == 400
    assert [send(account, body, {}, path), send(account, body, {}, path)] == [200, 200]
    assert (ProviderEvent.objects.count(), run(timezone.now())) == (1, 1)
    assert (Payment.objects.get().amount_minor, outcome(attempt)[0]) == (150000, "successful")


def test_a_customer_who_does_not_type_the_pin(acme: Organization, mpesa: FakeMpesa) -> None:
    make_payer(acme, "mpesa")
    attempt = open_link(make_due(acme, 10, currency="KES", phone="+254712345678"))
    mpesa.finish(attempt.external_id, "1032", "Request cancelled by user")
    assert (later_on(), *outcome(attempt)) == (1, "failed", "Request cancelled by user")
    assert open_link(attempt.invoice, "again").state == "pending"


def test_a_prompt_without_an_answer_asks_nobody_else(
    acme: Organization, mpesa: FakeMpesa, paystack: FakePaystack
) -> None:
    account = make_payer(acme, "mpesa")
    make_payer(acme, "paystack")
    invoice = make_due(acme, 10, currency="KES", phone="+254712345678")
    mpesa.next(None, "drop")
    attempt = open_link(invoice)
    assert (attempt.state, attempt.provider, paystack.log) == ("unknown", account, [])
    with pytest.raises(Conflict):
        open_link(invoice, "again")
    assert (later_on(), outcome(attempt)[0]) == (1, "unknown")
    path, body = mpesa.finish("ws_CO_1")  # the phone was asked, and M-Pesa tells of it
    assert send(account, body, {}, path) == 200
    assert (run(timezone.now()), outcome(attempt)[0], Payment.objects.count()) == (1, "successful", 1)


def test_preferred_first_disabled_never_and_the_next_one_when_one_is_down(
    acme: Organization, stripe: FakeStripe, paystack: FakePaystack, flutterwave: FakeFlutterwave
) -> None:
    make_payer(acme, "stripe")
    make_payer(acme, "flutterwave")
    make_payer(acme, "paystack")
    terms: dict[str, Any] = {"preferred_provider": "paystack", "disabled_providers": ["stripe"]}
    invoice = make_due(acme, 10, currency="NGN", **terms)
    assert open_link(invoice).provider.type == "paystack"
    paystack.next(503)
    assert open_link(make_due(acme, 10, currency="NGN", **terms)).provider.type == "flutterwave"
    assert open_link(make_due(acme, 10, currency="EUR", **terms)).provider.type == "flutterwave"
    paystack.next(400)
    with pytest.raises(Invalid, match=r"paystack 2: Injected 400\."):
        open_link(make_due(acme, 10, currency="NGN", **terms))
    assert stripe.log == []


@pytest.mark.parametrize(("kind", "why"), [("mpesa", "Kenyan mobile number"), ("paystack", "e-mail address")])
def test_what_a_customer_lacks_is_said(acme: Organization, kind: str, why: str) -> None:
    make_payer(acme, kind)
    with pytest.raises(Invalid, match=why):
        open_link(make_due(acme, 10, currency="KES", email="", phone="+256700000000"))


@pytest.mark.parametrize("kind", ["stripe", "paystack", "flutterwave", "mpesa"])
def test_wrong_credentials_do_not_work(
    acme: Organization,
    kind: str,
    stripe: FakeStripe,
    paystack: FakePaystack,
    flutterwave: FakeFlutterwave,
    mpesa: FakeMpesa,
) -> None:
    names = ("secret_key", "consumer_key", "consumer_secret")
    account = make_payer(acme, kind, credentials=dict.fromkeys(names, "wrong"))
    tested = try_provider(account, **BY)
    assert not tested.works
    assert "does not accept" in tested.message
