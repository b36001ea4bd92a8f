"""Messages of Stripe over HTTP: signed, in time, kept once, in any order; and the page after paying."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.actions import later
from billing.models import Organization
from invoicing.actions.attempts import run
from invoicing.models import Payment, PaymentAttempt, PaymentProvider, ProviderEvent
from tests.factories.paying import make_due, make_payer, open_link
from tests.factories.people import make_organization
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def account(acme: Organization) -> PaymentProvider:
    return make_payer(acme)


@pytest.fixture
def client() -> Iterator[Client]:
    """As a provider comes: no session, no token of ours."""
    yield Client(enforce_csrf_checks=True)


def post(client: Client, account: PaymentProvider, message: tuple[bytes, dict[str, str]], **more: Any) -> Any:
    body, headers = message
    path = f"/webhooks/{account.type}/{account.public_id}"
    return client.post(path, body, content_type="application/json", headers=headers, **more)


def test_a_message_has_the_payment_asked_for_and_recorded(
    client: Client, account: PaymentProvider, acme: Organization, stripe: FakeStripe
) -> None:
    attempt = open_link(make_due(acme))
    message = stripe.money.event(stripe.money.pay())
    assert post(client, account, message).status_code == 200
    assert post(client, account, message).json() == {"received": True}
    event = ProviderEvent.objects.get()
    assert (event.event_id, event.outcome, event.attempt) == ("evt_1", "payment", attempt)
    assert (run(timezone.now()), run(timezone.now())) == (1, 0)
    assert Payment.objects.get().amount_minor == 10000


def test_messages_out_of_order_and_untrue_ones_change_nothing(
    client: Client, account: PaymentProvider, acme: Organization, stripe: FakeStripe
) -> None:
    attempt = open_link(make_due(acme))
    told = stripe.money.session() | {"payment_status": "paid", "status": "complete"}
    assert post(client, account, stripe.money.event(dict(told))).status_code == 200
    run(timezone.now())
    assert (PaymentAttempt.objects.get().state, Payment.objects.count()) == ("pending", 0)

    stripe.money.pay()
    post(client, account, stripe.money.event(stripe.money.session(), id="evt_2"))
    run(timezone.now())
    late = stripe.money.event(stripe.money.session(), "checkout.session.expired", id="evt_0")
    assert post(client, account, late).status_code == 200
    run(timezone.now())
    attempt.refresh_from_db()
    assert (attempt.state, Payment.objects.count()) == ("successful", 1)


def test_what_is_not_signed_in_time_is_refused_and_counted(
    client: Client, account: PaymentProvider, acme: Organization, stripe: FakeStripe
) -> None:
    open_link(make_due(acme))
    row = stripe.money.pay()
    body, headers = stripe.money.event(row)
    old, forged = stripe.money.event(row, at=time.time() - 600), stripe.money.event(row, secret="whsec_other")
    stamp = int(time.time())
    for message in (
        (body, {}),
        (body + b" ", headers),
        old,
        forged,
        (body, {"Stripe-Signature": f"t={stamp}"}),
        (body, {"Stripe-Signature": "t=²,v1=ü"}),
        (body, {"Stripe-Signature": "v1=,t=,,=="}),
    ):
        assert post(client, account, message).status_code == 400
    account.refresh_from_db()
    assert account.bad_signatures == 7
    assert account.bad_signature_at is not None
    assert (ProviderEvent.objects.count(), run(timezone.now())) == (0, 0)

    silent = make_payer(acme, name="No secret", credentials={"secret_key": "sk_test_x"})
    assert post(client, silent, stripe.money.event(row, secret="")).status_code == 400


def test_accounts_do_not_hear_each_other(
    client: Client, account: PaymentProvider, acme: Organization, stripe: FakeStripe
) -> None:
    attempt = open_link(make_due(acme))
    other = make_payer(make_organization("Beta"))
    message = stripe.money.event(stripe.money.pay())
    assert post(client, other, message).status_code == 200
    event = ProviderEvent.objects.get()
    assert (event.outcome, event.attempt, event.reference) == ("unknown", None, attempt.reference)
    assert run(timezone.now()) == 0


def test_addresses_that_are_none(client: Client, account: PaymentProvider, stripe: FakeStripe) -> None:
    message = stripe.money.event({"object": "checkout.session"})
    path = f"/webhooks/stripe/{account.public_id}"
    assert client.get(path).status_code == 405
    assert client.post(path.replace("stripe", "paystack"), message[0], "application/json").status_code == 404
    assert client.post(f"/webhooks/stripe/pprv_{'0' * 32}", b"{}", "application/json").status_code == 404
    assert client.post(path, b"x" * 300_000, "application/json").status_code == 413
    PaymentProvider.objects.filter(pk=account.pk).update(deleted_at=timezone.now())
    assert post(client, account, message).status_code == 404


def test_coming_back_has_the_payment_asked_for_also_after_a_failure(
    client: Client, acme: Organization, account: PaymentProvider, stripe: FakeStripe, monkeypatch: Any
) -> None:
    attempt = open_link(make_due(acme))
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(later, "send", lambda *told: sent.append(told))
    for state, asked in (("pending", 1), ("failed", 2), ("successful", 2)):
        PaymentAttempt.objects.update(state=state, created_at=timezone.now() - timedelta(minutes=1))
        assert client.get(f"/paid/{attempt.public_id}").status_code == 200
        assert sent == [("invoicing.ask_attempt", str(attempt.pk))] * asked


def test_the_page_after_paying_says_nothing_of_the_invoice(
    client: Client, acme: Organization, account: PaymentProvider, stripe: FakeStripe
) -> None:
    attempt = open_link(make_due(acme))
    PaymentAttempt.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    page = client.get(f"/paid/{attempt.public_id}")
    assert page.status_code == 200
    assert "Thank you" in page.content.decode()
    assert attempt.invoice.number not in page.content.decode()
    assert page["Cache-Control"] == "private, no-store"
    assert client.get(f"/paid/patt_{'0' * 32}").status_code == 404
