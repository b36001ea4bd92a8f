"""Seed 002: subscriptions by the SDK, against the real stack; time passes by a sandbox's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from novabilling import BadRequestError, ConflictError

from tests.seeds.rows import row
from tests.seeds.sdk_world import World

pytestmark = pytest.mark.stack


@row("P25", "P26")
def test_a_subscription_has_a_running_period(world: World) -> None:
    made = world.client.subscriptions.create(
        customer_id=world.customer().id,
        plan_id=world.plan().id,
        currency="NGN",
        billing_time="anniversary",
        metadata={"source": "website", "campaign": "launch_promo"},
    )
    assert (made.data.status, made.currency) == ("active", "NGN")
    assert made.metadata == {"source": "website", "campaign": "launch_promo"}
    start, end = made.data.current_period_start, made.data.current_period_end
    assert start is not None and end is not None and start <= datetime.now(UTC) < end
    assert timedelta(days=27) < end - start <= timedelta(days=31)


@row("P27", "P39")
def test_it_renews_and_bills_by_itself(sandbox: World) -> None:
    customer = sandbox.customer()
    before = sandbox.subscription(customer, sandbox.plan(15000))
    sandbox.client.clock.move(months=1)
    after = sandbox.client.subscriptions.get(before.id)
    assert after.status == "active" and after.current_period_start == before.current_period_end
    invoices = sandbox.client.invoices.list(customer_id=customer.id)
    assert invoices.total == 1 and invoices[0].subscription_ids == [before.id] and invoices[0].total > 0


@row("P28")
def test_cancelling_at_the_end_of_the_period(sandbox: World) -> None:
    running = sandbox.subscription(sandbox.customer(), sandbox.plan())
    canceled = sandbox.client.subscriptions.cancel(running.id, cancel_at_period_end=True)
    assert (canceled.data.status, canceled.cancel_at_period_end) == ("active", True)
    assert canceled.data.current_period_end == running.current_period_end
    sandbox.client.clock.move(months=1)
    assert sandbox.client.subscriptions.get(running.id).status == "canceled"


@row("P29", "P30", "P31", "P33")
def test_pausing_resuming_cancelling(world: World) -> None:
    running = world.subscription(world.customer(), world.plan())
    assert world.client.subscriptions.pause(running.id).data.status == "paused"
    assert world.client.subscriptions.resume(running.id).data.status == "active"
    assert world.client.subscriptions.cancel(running.id).data.status == "canceled"
    with pytest.raises(ConflictError):
        world.client.subscriptions.pause(running.id)


@row("P32", "P33")
def test_changing_the_plan(world: World) -> None:
    running, dearer = world.subscription(world.customer(), world.plan()), world.plan(25000)
    changed = world.client.subscriptions.change_plan(running.id, plan_id=dearer.id)
    assert (changed.data.plan_id, changed.data.status) == (dearer.id, "active")
    assert changed.data.current_period_end is not None


@row("P34")
def test_the_list_is_narrowed(world: World) -> None:
    customer, plan = world.customer(), world.plan()
    first, second = world.subscription(customer, plan), world.subscription(customer, plan)
    world.subscription(world.customer(), plan)
    world.client.subscriptions.cancel(second.id)
    found = world.client.subscriptions.list(customer_id=customer.id, status="active", page=1, limit=20)
    assert [row.id for row in found.data] == [first.id] and found.data[0].plan_id == plan.id
    assert world.client.subscriptions.list(customer_id=customer.id, limit=1).meta.total == 2


@row("P35")
def test_a_plan_that_is_not_sold_in_a_currency(world: World) -> None:
    customer = world.client.customers.create(email="dollars@example.com", currency="USD")
    with pytest.raises(BadRequestError) as refused:
        world.client.subscriptions.create(customer_id=customer.id, plan_id=world.plan().id, currency="USD")
    assert refused.value.errors
