"""Seed 002: payments and their providers by the SDK, against the real stack and a Stripe of the tests."""

from __future__ import annotations

import pytest
from novabilling import BadRequestError

from tests.seeds.rows import row
from tests.seeds.sdk_world import World
from tests.services.stripe import KEY, FakeStripe, StripeServer
from tests.services.stripe_money import WEBHOOK_SECRET
from tests.stack import Stack, wait_for

pytestmark = pytest.mark.stack


@row("P49", "P50", "P51")
def test_payments_are_read(world: World) -> None:
    customer = world.customer()
    for amount in (15000, 2500):
        world.client.invoices.mark_paid(world.issued(customer, amount).id)
    found = world.client.payments.list(customer_id=customer.id, status="successful", page=1, limit=20)
    total = 0
    for payment in found.data:
        total += payment.amount  # type: ignore[assignment]
    assert total == 17500 and isinstance(total, int) and len(found) == 2
    one = world.client.payments.get(found[0].id)
    assert (one.data.id, one.data.status, one.data.currency) == (found[0].id, "successful", "NGN")
    assert one.data.amount in {15000, 2500}
    assert world.client.payments.list(customer_id=customer.id, status="failed").total == 0
    assert not {"create", "update", "delete"} & set(dir(world.client.payments))


@row("P52", "P53")
def test_a_payment_is_refunded(world: World) -> None:
    payment = world.payment(world.customer())
    reason = "Customer requested plan downgrade"
    refund = world.client.payments.refund(payment.id, amount=15000, reason=reason)
    assert refund.data.id != payment.id and refund.data.id.startswith("ref_")
    assert (refund.data.status, refund.amount, refund.reason) == ("successful", 15000, reason)
    with pytest.raises(BadRequestError):
        world.client.payments.refund(payment.id, amount=2501)
    assert world.client.payments.get(payment.id).refunded_amount == 15000


@row("P54", "P55", "P56")
def test_providers_are_configured(sandbox: World) -> None:
    client = sandbox.client
    secret = {"secret_key": "sk_live_hush", "publishable_key": "pk_live_hush"}
    for kind in ("stripe", "flutterwave", "paystack", "mpesa"):
        made = client.payment_providers.create(type=kind, name=f"{kind} production", credentials=secret)
        assert made.data.id and made.type == kind
        assert "hush" not in str(made.model_dump())
    listed = client.payment_providers.list()
    assert {(account.name, account.type, account.active) for account in listed.data} == {
        (f"{kind} production", kind, True) for kind in ("stripe", "flutterwave", "paystack", "mpesa")
    }
    for account in listed:
        assert client.payment_providers.update(account.id, active=False).active is False


@row("P48", "P57")
def test_the_next_provider_takes_over_and_its_payment_appears(
    sandbox: World, live_stack: Stack, stripe_server: StripeServer
) -> None:
    stripe = stripe_server.stripe = FakeStripe()
    client = sandbox.client
    client.payment_providers.create(
        type="paystack",
        name="Down",
        priority=1,
        sync_customers=False,
        credentials={"secret_key": "sk_test_down"},
    )
    second = client.payment_providers.create(
        type="stripe",
        name="Up",
        priority=2,
        sync_customers=False,
        credentials={"secret_key": KEY, "webhook_secret": WEBHOOK_SECRET},
    )
    invoice = sandbox.issued(sandbox.customer())
    link = client.invoices.create_checkout(invoice.id)
    assert link.provider == "stripe" and link.checkout_url
    body, headers = stripe.money.event(stripe.money.pay())
    answer = client._transport.client.post(
        f"{live_stack.base_url}/webhooks/stripe/{second.id}", content=body, headers=headers
    )
    assert answer.status_code == 200, answer.text
    found = wait_for(lambda: client.payments.list(customer_id=invoice.customer_id), what="the payment")
    assert (found[0].invoice_id, found[0].provider, found[0].amount) == (invoice.id, "stripe", 17500)
    assert client.invoices.get(invoice.id).status == "paid"
