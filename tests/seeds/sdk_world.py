"""What the examples of the guides speak of, really there: customers, plans, subscriptions, invoices and payments."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from novabilling import NovaBilling
from novabilling.types import Customer, Invoice, Plan, Subscription

BLOCK = re.compile(r"^## ([^\n]*)\n\n```python\n(.*?)^```", re.M | re.S)
DATA = Path(__file__).resolve().parents[1] / "data"
PASSWORD = "a-long-password-of-the-guides"
TOKEN = re.compile(r'token=(?:"[^"]*"|os\.environ\["NOVABILLING_TOKEN"\])')


def blocks(seed: str) -> list[tuple[str, str]]:
    """The Python blocks of a guide with their headings, in order."""
    return BLOCK.findall((DATA / f"seed_{seed}_python.md").read_text())


class World:
    """Makes what an example needs, through the API."""

    def __init__(self, client: NovaBilling, currency: str = "NGN") -> None:
        self.client = client
        self.currency = currency
        self.ready: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """The same object for all examples that speak of it."""
        if name not in self.ready:
            self.ready[name] = make()
        return self.ready[name]

    def customer(self) -> Customer:
        """Somebody new."""
        mark = uuid4().hex[:12]
        return self.client.customers.create(
            email=f"{mark}@example.com", name=f"John {mark}", currency=self.currency, grace_period_days=0
        )

    def plan(self, amount: int = 15000, **fields: Any) -> Plan:
        """A plan with a price in the world's currency."""
        mark = uuid4().hex[:12]
        given = {"name": f"Plan {mark}", "code": mark, "amount": amount, "currency": self.currency}
        return self.client.plans.create(**(given | fields))  # type: ignore[typeddict-item]

    def subscription(self, customer: Customer, plan: Plan) -> Subscription:
        """It runs from now on."""
        return self.client.subscriptions.create(customer_id=customer.id, plan_id=plan.id)

    def draft(self, customer: Customer, amount: int = 17500) -> Invoice:
        """A one-off invoice that can still be changed."""
        items = [{"description": "Work", "unit_amount": amount}]
        return self.client.invoices.create(customer_id=customer.id, items=items)  # type: ignore[list-item]

    def issued(self, customer: Customer, amount: int = 17500) -> Invoice:
        """One that is to be paid."""
        return self.client.invoices.finalize(self.draft(customer, amount).id)

    def example(self, id: str, text: str) -> str:
        """The id to put instead of an example's."""
        payer: Customer = self.once("customer", self.customer)
        if id.startswith("cus"):
            return (self.once("leaving", self.customer) if ".delete(" in text else payer).id
        if id == "pln_newplan123":
            return self.once("dearer plan", lambda: self.plan(25000)).id
        if id.startswith("pln_"):
            name = "plan" if "subscriptions.create" in text else "plan to change"
            return self.once(name, self.plan).id
        if id.startswith("sub_"):
            plan = self.once("plan", self.plan)
            name = "ending subscription" if ".cancel(" in text else "subscription"
            return self.once(name, lambda: self.subscription(payer, plan)).id
        if id.startswith("inv_"):
            return (self.draft(payer) if "finalize" in text else self.issued(payer)).id
        if id.startswith("pay_"):
            return self.once("payment", lambda: self.payment(payer)).id
        raise LookupError(id)

    def payment(self, customer: Customer) -> Any:
        """Money that came for an invoice."""
        self.client.invoices.mark_paid(self.issued(customer).id)
        return self.client.payments.list(customer_id=customer.id)[0]


def token_of(world: World) -> str:
    """The token that the world's client sends."""
    request = httpx.Request("GET", "http://localhost")
    next(world.client._transport.settings.auth.auth_flow(request))
    return request.headers["Authorization"].removeprefix("Bearer ")


EXAMPLE_ID = re.compile(r'"((?:cust?|pln|sub|inv|pay)_[a-z0-9]+)"')


def runnable(text: str, world: World, *, token: str, base_url: str) -> str:
    """A block with our token, our address, and the ids of things that are there; nothing else is changed."""
    text = text.replace('"https://api.novabilling.com"', f'"{base_url}"')
    address = "" if "base_url" in text else f', base_url="{base_url}"'
    text = TOKEN.sub(lambda found: f"{said(found[0], token)}{address}", text)
    return EXAMPLE_ID.sub(
        lambda found: found[0] if found[1] == "cus_nonexistent" else f'"{world.example(found[1], text)}"',
        text,
    )


def said(argument: str, token: str) -> str:
    """The argument with our token; one that is read from the environment stays."""
    return argument if "environ" in argument else f'token="{token}"'
