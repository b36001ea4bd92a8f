"""A sandbox that is driven over the API alone, from a moment on: what a company's own tests would do."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from tests.factories.api import Api
from tests.factories.invoicing import set_entity
from tests.factories.people import make_organization


class Lab:
    """`lab.move("2026-02-01T00:00Z")`, `lab.send("POST", "/plans", {...})`, `lab.bills()`."""

    def __init__(self, start: str, *, timezone: str = "UTC", currency: str = "EUR", tax: str = "") -> None:
        organization = make_organization("Lab", sandbox=True, at=datetime.fromisoformat(start))
        organization.clock_at = datetime.fromisoformat(start)
        organization.save()
        set_entity(organization, grace_period_days=0)
        self.api, self.numbers = Api(organization), count(1)
        if tax:
            terms = {"name": "VAT", "code": "vat", "rate": tax, "appliedByDefault": True}
            self.send("POST", "/taxes", terms)
        customer = {"name": "Acme", "email": "acme@example.com", "currency": currency, "timezone": timezone}
        self.customer: str = self.send("POST", "/customers", customer)["id"]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The data of an answer that has to be a good one."""
        call = getattr(self.api, method.lower())
        status, answer = call(path, **(body or {})) if method == "GET" else call(path, body or {})
        assert status in {200, 201}, (method, path, status, answer)
        return answer["data"]

    def metric(self, code: str = "units", kind: str = "sum", **terms: Any) -> str:
        """A metric of the property `value`."""
        body = {"name": code.title(), "code": code, "aggregationType": kind, "fieldName": "value"}
        self.send("POST", "/billable-metrics", body | terms)
        return code

    def plan(
        self, code: str, amount: str, *charges: dict[str, Any], currency: str = "EUR", **terms: Any
    ) -> str:
        """A plan by its code."""
        body = {"name": code.title(), "code": code, "amount": amount, "currency": currency}
        self.send("POST", "/plans", body | {"charges": list(charges)} | terms)
        return code

    def subscribe(self, plan: str, **terms: Any) -> str:
        """A subscription from now on."""
        body = {"customerId": self.customer, "planId": plan, "externalId": f"s{next(self.numbers)}"}
        found: str = self.send("POST", "/subscriptions", body | terms)["id"]
        return found

    def use(self, subscription: str, value: str, at: str | datetime, code: str = "units") -> None:
        """One event."""
        when = at if isinstance(at, str) else at.isoformat()
        body = {
            "transactionId": f"t{next(self.numbers)}",
            "subscriptionId": subscription,
            "code": code,
            "timestamp": when,
            "properties": {"value": value},
        }
        answer = self.send("POST", "/events", body)
        assert answer["status"] == "accepted", answer

    def move(self, to: str | datetime) -> None:
        """Let it be later, and everything happen on the way."""
        when = to if isinstance(to, str) else to.isoformat()
        assert self.send("POST", "/clock", {"now": when})["status"] == "arrived"

    def invoices(self, status: str = "finalized") -> list[dict[str, Any]]:
        """Whole invoices, in the order of their numbers."""
        rows = self.send("GET", "/invoices", {"limit": 100, "status": status})
        return sorted(rows, key=lambda row: row["number"])

    def bills(self) -> list[Decimal]:
        """What each invoice asks for."""
        return [row["total"] for row in self.invoices()]

    def lines(self) -> list[list[tuple[str, Decimal]]]:
        """(kind, amount) of the lines of each invoice."""
        return [[(line["type"], line["amount"]) for line in row["lines"]] for row in self.invoices()]


def price(code: str, amount: str, **terms: Any) -> dict[str, Any]:
    """A standard charge."""
    return {"metricCode": code, "chargeModel": "standard", "properties": {"amount": amount}} | terms


def before(moment: str) -> datetime:
    """The last second before a moment."""
    return datetime.fromisoformat(moment) - timedelta(seconds=1)
