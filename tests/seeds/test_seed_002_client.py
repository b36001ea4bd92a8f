"""Seed 002: the clients themselves, their errors, types and pages, against the real stack."""

from __future__ import annotations

import ast
import asyncio
import inspect
import socket
from pathlib import Path
from typing import Any

import httpx
import novabilling
import pytest
from novabilling import (
    AsyncNovaBilling,
    BadRequestError,
    ConflictError,
    NotFoundError,
    NovaBilling,
    UnauthorizedError,
    types,
)

from tests.seeds.rows import row
from tests.seeds.sdk_world import World, token_of
from tests.stack import Stack

pytestmark = pytest.mark.stack
SDK = Path(__file__).resolve().parents[2] / "sdk"
NAMES = (
    "Customer Plan Subscription Invoice InvoiceItemDto Payment PaginatedResponse Currency BillingInterval "
    "SubscriptionStatus InvoiceStatus PaymentStatus"
)


@row("P01", "P36", "P70")
def test_names_can_be_imported() -> None:
    assert {"NovaBilling", "AsyncNovaBilling"} <= set(novabilling.__all__)
    assert set(NAMES.split()) <= set(types.__all__)
    item = types.InvoiceItemDto(description="Pro Plan - Monthly", amount=15000, quantity=1)
    assert (item.description, item.amount, item.quantity) == ("Pro Plan - Monthly", 15000, 1)


@row("P02", "P04", "P72")
def test_every_request_goes_to_the_base_url_with_the_token(
    world: World, live_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[httpx.Request] = []
    reached: set[tuple[str, int]] = set()
    connect = socket.create_connection

    def spy(address: tuple[str, int], *args: Any, **named: Any) -> socket.socket:
        reached.add(address)
        return connect(address, *args, **named)

    monkeypatch.setattr(socket, "create_connection", spy)
    token = token_of(world)
    with (
        httpx.Client(event_hooks={"request": [seen.append]}, trust_env=False) as http,
        NovaBilling(token=token, base_url=live_stack.base_url, http_client=http) as client,
    ):
        customer = client.customers.create(email="wire@example.com", name="Wire")
        client.customers.update(customer.id, name="Wired")
        client.plans.list()
        client.customers.delete(customer.id)
    assert [request.method for request in seen] == ["POST", "PATCH", "GET", "DELETE"]
    assert {request.headers["Authorization"] for request in seen} == {f"Bearer {token}"}
    assert {str(request.url).startswith(live_stack.base_url + "/api/") for request in seen} == {True}
    assert reached == {("localhost", live_stack.port)}


@row("P03")
def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOVABILLING_TOKEN", "sk_live_of_the_environment")
    for client in (NovaBilling, AsyncNovaBilling):
        with pytest.raises(TypeError):
            client()  # type: ignore[call-arg]


@row("P05")
def test_defaults_and_redirects(world: World, live_stack: Stack) -> None:
    for client in (NovaBilling, AsyncNovaBilling):
        known = inspect.signature(client).parameters
        assert (known["timeout"].default, known["follow_redirects"].default) == (60.0, True)

    class MovedOnce(httpx.HTTPTransport):
        moved = False

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if not self.moved:
                self.moved = True
                return httpx.Response(307, headers={"Location": str(request.url)}, request=request)
            return super().handle_request(request)

    with httpx.Client(transport=MovedOnce()) as http:
        client = NovaBilling(token=token_of(world), base_url=live_stack.base_url, http_client=http)
        assert client.customers.create(email="moved@example.com").id.startswith("cust_")


@row("P63", "P64", "P65", "P66")
def test_each_refusal_is_an_exception_of_its_own(world: World, live_stack: Stack) -> None:
    with pytest.raises(NotFoundError) as missing:
        world.client.customers.get("cus_nonexistent")
    assert missing.value.status_code == 404 and missing.value.message and missing.value.request_id
    with pytest.raises(BadRequestError) as invalid:
        world.client.customers.create(email="no-address")
    assert [error.field for error in invalid.value.errors] == ["email"]
    with pytest.raises(UnauthorizedError) as stranger:
        NovaBilling(token="sk_live_nobody", base_url=live_stack.base_url).customers.list()
    assert stranger.value.status_code == 401 and "sk_live_nobody" not in str(stranger.value)
    taken = world.customer()
    with pytest.raises(ConflictError) as duplicate:
        world.client.customers.create(email=str(taken.email).upper())
    assert duplicate.value.status_code == 409


@row("P67", "P20")
def test_the_asynchronous_client(world: World, live_stack: Stack) -> None:
    made = world.customer()
    world.plan()

    async def main() -> tuple[Any, Any]:
        async with AsyncNovaBilling(token=token_of(world), base_url=live_stack.base_url) as client:
            return await asyncio.gather(client.customers.get(made.id), client.plans.list(active=True))

    customer, plans = asyncio.run(main())
    assert customer.data.name == made.name
    assert plans.meta.total >= 1


@row("P68", "P69", "N29")
def test_pages_end(sandbox: World, live_stack: Stack) -> None:
    first = sandbox.customer()
    already = sandbox.client.customers.list().total
    live_stack.sql(
        """
        INSERT INTO customers_customer
        SELECT (jsonb_populate_record(old, jsonb_build_object(
            'id', gen_random_uuid(), 'sequence', 100000 + n,
            'external_id', 'page-' || n, 'email', 'page-' || n || '@example.com'
        ))).*
        FROM customers_customer old, generate_series(1, %s) n WHERE old.email = %s
        """,
        250 - already,
        first.email,
    )
    page, has_more, ids = 1, True, set()
    while has_more:
        response = sandbox.client.customers.list(page=page, limit=100)
        ids |= {customer.id for customer in response.data}
        has_more = page * 100 < response.meta.total
        page += 1
    assert page == 4 and len(ids) == 250
    assert response.total == response.meta.total == 250 and len(response.data) == 50
    assert {customer.id for customer in sandbox.client.customers.iterate(limit=100)} == ids


@row("P71")
def test_python_3_8() -> None:
    assert 'requires-python = ">=3.8"' in (SDK / "pyproject.toml").read_text()
    for path in (SDK / "src").rglob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 8))


@row("X04")
def test_what_another_organization_has_is_not_there(world: World, sandbox: World) -> None:
    customer, plan = sandbox.customer(), sandbox.plan()
    subscription = sandbox.subscription(customer, plan)
    invoice = sandbox.issued(customer)
    payment = sandbox.payment(customer)
    other = world.client
    for call in (
        lambda: other.customers.get(customer.id),
        lambda: other.customers.update(customer.id, name="Mine"),
        lambda: other.customers.delete(customer.id),
        lambda: other.customers.get_invoices(customer.id),
        lambda: other.plans.get(plan.id),
        lambda: other.subscriptions.get(subscription.id),
        lambda: other.subscriptions.cancel(subscription.id),
        lambda: other.invoices.get(invoice.id),
        lambda: other.invoices.void(invoice.id),
        lambda: other.payments.get(payment.id),
        lambda: other.payments.refund(payment.id),
    ):
        with pytest.raises(NotFoundError):
            call()
    with pytest.raises(BadRequestError):
        other.subscriptions.create(customer_id=customer.id, plan_id=world.plan().id)
    assert customer.id not in {row.id for row in other.customers.iterate()}
    assert sandbox.client.invoices.get(invoice.id).status == "finalized"
