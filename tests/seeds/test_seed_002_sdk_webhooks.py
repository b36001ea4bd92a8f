"""Seed 002: webhooks by the SDK, against the real stack and a receiver on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from novabilling import WebhookEvent, WebhookVerificationError, verify_webhook

from tests.seeds.rows import row
from tests.seeds.sdk_world import World
from tests.services.receiver import Receiver
from tests.stack import wait_for

pytestmark = pytest.mark.stack
EVENTS = ["invoice.finalized", "payment.successful", "subscription.canceled"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes webhooks."""
    found = Receiver().start()
    yield found
    found.stop()


def events(receiver: Receiver, secret: str) -> list[WebhookEvent]:
    """What came, each verified."""
    return [verify_webhook(one.body, one.headers, secret) for one in list(receiver.log)]


@row("P58", "P59")
def test_webhooks_are_registered(world: World) -> None:
    made = world.client.webhooks.create(url="https://yourapp.com/webhooks/novabilling", events=EVENTS)
    assert made.data.id and made.data.secret and made.data.secret.startswith("whsec_")
    listed = {webhook.id: webhook for webhook in world.client.webhooks.list().data}
    assert (listed[made.id].url, listed[made.id].status) == (
        "https://yourapp.com/webhooks/novabilling",
        "active",
    )
    assert listed[made.id].secret is None and set(listed[made.id].events) == set(EVENTS)
    world.client.webhooks.delete(made.id)
    assert made.id not in {webhook.id for webhook in world.client.webhooks.list()}


@row("P60", "P61", "P62")
def test_what_was_asked_for_is_delivered_and_signed(world: World, receiver: Receiver) -> None:
    made = world.client.webhooks.create(url=receiver.url, events=EVENTS)
    secret = str(made.secret)
    customer = world.customer()
    subscription = world.subscription(customer, world.plan())
    invoice = world.issued(customer)
    world.client.invoices.mark_paid(invoice.id)
    world.client.subscriptions.cancel(subscription.id)

    def names() -> set[str]:
        return {event.event for event in events(receiver, secret)}

    wait_for(lambda: names() >= set(EVENTS), what="the deliveries", seconds=60)
    found = events(receiver, secret)
    assert names() == set(EVENTS)
    assert {event.data.id for event in found if event.event == "subscription.canceled"} == {subscription.id}
    assert invoice.id in {event.data.id for event in found if event.event == "invoice.finalized"}
    body, headers = receiver.log[0].body, receiver.log[0].headers
    with pytest.raises(WebhookVerificationError):
        verify_webhook(body + b" ", headers, secret)
    with pytest.raises(WebhookVerificationError):
        verify_webhook(body, headers, "whsec_b3RoZXI=")
    world.client.webhooks.delete(made.id)
