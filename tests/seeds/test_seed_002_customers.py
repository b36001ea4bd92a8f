"""Seed 002: customers and plans by the SDK, against the real stack."""

from __future__ import annotations

from uuid import uuid4

import pytest
from novabilling import BadRequestError, ConflictError, NotFoundError

from tests.seeds.rows import row
from tests.seeds.sdk_world import World
from tests.stack import wait_for

pytestmark = pytest.mark.stack


@row("P06", "P07", "P08", "P09", "N19")
def test_a_customer_is_created_read_and_updated(world: World) -> None:
    mark = uuid4().hex
    made = world.client.customers.create(
        external_id=f"usr_{mark}",
        email=f"{mark}@example.com",
        currency="NGN",
        name="John Doe",
        metadata={"plan": "enterprise", "source": "website"},
    )
    assert made.id == made.data.id and made.id.startswith("cust_")
    found = world.client.customers.get(made.id)
    assert (found.data.name, found.data.email, found.external_id) == (
        "John Doe",
        f"{mark}@example.com",
        f"usr_{mark}",
    )
    assert (found.currency, found.metadata) == ("NGN", {"plan": "enterprise", "source": "website"})
    changed = world.client.customers.update(made.id, name="John A. Doe", metadata={"notes": "VIP customer"})
    assert (changed.name, changed.metadata, changed.email) == (
        "John A. Doe",
        {"notes": "VIP customer"},
        found.email,
    )


@row("P10", "P11")
def test_customers_are_searched_and_sorted(world: World) -> None:
    mark = uuid4().hex[:10]
    made = [world.client.customers.create(email=f"{n}{mark}@example.com", name=f"N {mark}") for n in range(3)]
    found = world.client.customers.list(page=1, limit=2, search=mark, sort_by="created_at", sort_order="desc")
    assert [customer.id for customer in found.data] == [made[2].id, made[1].id]
    assert found.meta.total == found.total == 3
    oldest = world.client.customers.list(search=mark, sort_by="created_at", sort_order="asc")
    assert [customer.id for customer in oldest] == [customer.id for customer in made]


@row("P12", "P13")
def test_a_customer_is_deleted_under_the_short_prefix(world: World) -> None:
    made = world.customer()
    short = made.id.replace("cust_", "cus_")
    assert world.client.customers.get(short).id == made.id
    assert world.client.customers.delete(short).deleted

    def gone() -> bool:
        try:
            world.client.customers.get(short)
        except NotFoundError:
            return True
        return False

    wait_for(gone, what="the deletion")


@row("P14", "P15")
def test_what_a_customer_has(world: World) -> None:
    customer, plan = world.customer(), world.plan()
    subscription = world.subscription(customer, plan)
    [listed] = world.client.customers.get_subscriptions(customer.id).data
    assert (listed.id, listed.status, listed.plan_id) == (subscription.id, "active", plan.id)
    draft = world.draft(customer, 500)
    [invoice] = world.client.customers.get_invoices(customer.id).data
    assert (invoice.id, invoice.status, invoice.currency, invoice.amount) == (draft.id, "draft", "NGN", 500)


@row("P16", "P17", "P18", "P21")
def test_a_plan_has_a_code_features_and_prices(world: World) -> None:
    code = uuid4().hex
    features = ["Unlimited projects", "API access"]
    made = world.client.plans.create(
        name="Pro Plan",
        code=code,
        billing_interval="monthly",
        description="Professional plan",
        features=features,
        amount=15000,
        currency="NGN",
    )
    assert (made.data.billing_interval, made.features, made.description) == (
        "monthly",
        features,
        "Professional plan",
    )
    with pytest.raises(ConflictError):
        world.client.plans.create(name="Another", code=code)
    world.client.plans.create_price(made.id, currency="USD", amount="29.99")
    assert {price.currency: str(price.amount) for price in world.client.plans.get(code).prices} == {
        "NGN": "15000",
        "USD": "29.99",
    }
    changed = world.client.plans.update(
        made.id, name="Pro Plan v2", features=[*features, "Dedicated account manager"]
    )
    assert (changed.name, changed.features[-1]) == ("Pro Plan v2", "Dedicated account manager")


@row("P19", "P22", "P23", "P24")
def test_a_plan_that_is_not_sold_any_more(sandbox: World) -> None:
    client = sandbox.client
    plan = sandbox.plan(700, pay_in_advance=True)
    running = sandbox.subscription(sandbox.customer(), plan)
    assert plan.id in {row.id for row in client.plans.iterate(active=True)}
    assert client.plans.update(plan.id, active=False).active is False
    listed = list(client.plans.iterate(active=True))
    assert plan.id not in {row.id for row in listed}
    assert all(row.name and row.code and row.billing_interval for row in listed)
    with pytest.raises(BadRequestError):
        sandbox.subscription(sandbox.customer(), plan)
    before = client.subscriptions.get(running.id)
    assert before.status == "active" and before.current_period_end is not None
    client.clock.move(months=1)
    after = client.subscriptions.get(running.id)
    assert after.status == "active" and after.current_period_start == before.current_period_end
