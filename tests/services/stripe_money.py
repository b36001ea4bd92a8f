"""Checkout sessions, payments and refunds of the Stripe of the tests, and the events that it sends.

`pay`, `decline` and `expire` are what customers do; `refund` is what somebody does in the dashboard, `refunds_say`
what becomes of refunds that are asked for; `event` is a signed message, ready to be posted.
"""

from __future__ import annotations

import hmac
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

WEBHOOK_SECRET = "whsec_of_the_tests"
SESSION = re.compile(r"/v1/checkout/sessions/([^/]+)")


@dataclass
class Money:
    """What can be paid at the account."""

    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    number: int = 0
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds_say: str = "succeeded"
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def handle(
        self, method: str, path: str, query: dict[str, str], form: dict[str, str]
    ) -> tuple[int, Any] | None:
        """The answer; None for paths that are not about money."""
        if path == "/v1/checkout/sessions" and method == "POST":
            return self.start(form)
        if path == "/v1/refunds":
            return self.give_back(form) if method == "POST" else self.listed(query["payment_intent"])
        if path == "/v1/payment_intents":
            return self.charge(form) if method == "POST" else self.charges(query["customer"])
        if path.startswith("/v1/payment_methods/") and path.endswith("/detach"):
            id = path.split("/")[3]
            return (
                (200, {"id": id}) if self.methods.pop(id, None) else (404, {"error": {"message": "No such."}})
            )
        found = SESSION.fullmatch(path)
        if found:
            row = self.sessions.get(found[1])
            return (
                (200, row) if row else (404, {"error": {"code": "resource_missing", "message": "No such."}})
            )
        return None

    def start(self, form: dict[str, str]) -> tuple[int, Any]:
        """A session in which something is paid, or a card is left."""
        if form.get("mode") == "setup":
            return self.start_setup(form)
        wanted = ("mode", "success_url", "line_items[0][price_data][currency]", "line_items[0][quantity]")
        missing = [name for name in wanted if name not in form]
        if missing or ("customer" in form and "customer_email" in form):
            return 400, {"error": {"type": "invalid_request_error", "message": f"Missing: {missing}"}}
        if not 1800 <= int(form["expires_at"]) - time.time() <= 86400:
            return 400, {
                "error": {"type": "invalid_request_error", "message": "expires_at is not within a day."}
            }
        self.number += 1
        id = f"cs_test_{self.number:06d}"
        metadata = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        self.sessions[id] = {
            "id": id,
            "object": "checkout.session",
            "url": f"https://checkout.stripe.example/c/{id}",
            "client_reference_id": form["client_reference_id"],
            "amount_total": int(form["line_items[0][price_data][unit_amount]"]),
            "currency": form["line_items[0][price_data][currency]"],
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "metadata": metadata,
            "customer": form.get("customer")
            or (f"cus_of_{id}" if form.get("customer_creation") == "always" else None),
            "keeps": form.get("payment_intent_data[setup_future_usage]"),
        }
        return 200, self.sessions[id]

    def start_setup(self, form: dict[str, str]) -> tuple[int, Any]:
        """A session without money."""
        if "currency" not in form or not ({"customer", "customer_creation"} & set(form)):
            return 400, {
                "error": {"type": "invalid_request_error", "message": "Whose card, in what currency?"}
            }
        self.number += 1
        id = f"cs_test_{self.number:06d}"
        self.sessions[id] = {
            "id": id,
            "object": "checkout.session",
            "mode": "setup",
            "url": f"https://checkout.stripe.example/c/{id}",
            "client_reference_id": form["client_reference_id"],
            "status": "open",
            "setup_intent": None,
            "customer": form.get("customer") or f"cus_of_{id}",
            "metadata": {},
        }
        return 200, self.sessions[id]

    def leave(self, external_id: str = "", last4: str = "4242", **card: Any) -> dict[str, Any]:
        """A customer leaves a card in a session."""
        row = self.session(external_id)
        row |= {
            "status": "complete",
            "setup_intent": {"status": "succeeded", "payment_method": self.card(last4)},
        }
        row["setup_intent"]["payment_method"]["card"] |= card
        return row

    def card(self, last4: str) -> dict[str, Any]:
        """A payment method; each time it is left it has an id of its own."""
        id = f"pm_{len(self.methods) + 1}_{last4}"
        facts = {
            "brand": "visa",
            "last4": last4,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"fp{last4}",
        }
        self.methods[id] = {"id": id, "type": "card", "card": facts}
        return self.methods[id]

    def charge(self, form: dict[str, str]) -> tuple[int, Any]:
        """A card is charged without its holder. 0002 is declined, 3155 wants to be asked, 0077 takes days."""
        wanted = {"amount", "currency", "customer", "payment_method", "off_session", "confirm"}
        if missing := wanted - set(form):
            return 400, {"error": {"type": "invalid_request_error", "message": f"Missing: {missing}"}}
        method = self.methods.get(form["payment_method"])
        if method is None:
            return 404, {"error": {"code": "resource_missing", "message": "No such PaymentMethod."}}
        id, last4 = f"pi_auto_{len(self.intents) + 1}", method["card"]["last4"]
        row = {
            "id": id,
            "object": "payment_intent",
            "customer": form["customer"],
            "currency": form["currency"],
        }
        row |= {
            "metadata": {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        }
        row |= {"amount_received": 0, "last_payment_error": None, "status": "requires_payment_method"}
        self.intents[id] = row
        no = {
            "0002": ("card_declined", "Your card was declined."),
            "3155": ("authentication_required", "Ask."),
        }
        if last4 in no:
            code, words = no[last4]
            row["last_payment_error"] = {"message": words}
            return 402, {"error": {"type": "card_error", "code": code, "message": words}}
        row["status"] = "processing" if last4 == "0077" else "succeeded"
        row["amount_received"] = int(form["amount"]) if row["status"] == "succeeded" else 0
        return 200, row

    def charges(self, customer: str) -> tuple[int, Any]:
        """What a customer was charged, the latest first."""
        rows = [row for row in self.intents.values() if row["customer"] == customer]
        return 200, {"object": "list", "data": rows[::-1], "has_more": False}

    def give_back(self, form: dict[str, str]) -> tuple[int, Any]:
        """A refund, up to what is left of the payment."""
        intent, amount = form["payment_intent"], int(form["amount"])
        paid = [row for row in self.sessions.values() if (row["payment_intent"] or {}).get("id") == intent]
        if not paid or paid[0]["payment_status"] != "paid":
            return 404, {
                "error": {"code": "resource_missing", "message": f"No such payment_intent: {intent}"}
            }
        gone = sum(row["amount"] for row in self.of(intent) if row["status"] not in {"failed", "canceled"})
        if amount > paid[0]["amount_total"] - gone:
            words = "Refund amount is greater than unrefunded amount on charge."
            return 400, {"error": {"type": "invalid_request_error", "message": words}}
        metadata = {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        return 200, self.refund(intent, amount, status=self.refunds_say, metadata=metadata)

    def listed(self, intent: str) -> tuple[int, Any]:
        """Newest first."""
        return 200, {"object": "list", "data": self.of(intent)[::-1], "has_more": False}

    def of(self, intent: str) -> list[dict[str, Any]]:
        """The refunds of a payment."""
        return [row for row in self.refunds.values() if row["payment_intent"] == intent]

    def refund(self, intent: str, amount: int, *, status: str = "succeeded", **more: Any) -> dict[str, Any]:
        """Somebody gives money back, in the dashboard or by us."""
        id = f"re_{len(self.refunds) + 1:06d}"
        row = {"id": id, "object": "refund", "payment_intent": intent, "amount": amount, "status": status}
        row |= {"currency": self.sessions[f"cs_test_{intent[3:]}"]["currency"]}
        self.refunds[id] = row | {"metadata": {}, "failure_reason": None} | more
        return self.refunds[id]

    def session(self, external_id: str = "") -> dict[str, Any]:
        """The session with this id, or the only one."""
        if external_id:
            return self.sessions[external_id]
        [row] = self.sessions.values()
        return row

    def pay(self, external_id: str = "", *, amount: int | None = None) -> dict[str, Any]:
        """A customer pays."""
        row = self.session(external_id)
        row |= {"status": "complete", "payment_status": "paid"}
        row["payment_intent"] = {
            "id": f"pi_{row['id'][8:]}",
            "status": "succeeded",
            "last_payment_error": None,
        }
        if row.get("keeps"):
            row["payment_intent"] |= {"setup_future_usage": row["keeps"], "payment_method": self.card("4242")}
        if amount is not None:
            row["amount_total"] = amount
        return row

    def decline(self, external_id: str = "", message: str = "Your card was declined.") -> dict[str, Any]:
        """A card is declined; the session stays open."""
        row = self.session(external_id)
        failed = {"status": "requires_payment_method", "last_payment_error": {"message": message}}
        row["payment_intent"] = {"id": f"pi_{row['id'][8:]}", **failed}
        return row

    def expire(self, external_id: str = "") -> dict[str, Any]:
        """Nobody pays in time."""
        row = self.session(external_id)
        row["status"] = "expired"
        return row

    def event(
        self,
        row: dict[str, Any],
        name: str = "checkout.session.completed",
        *,
        id: str = "evt_1",
        at: float | None = None,
        secret: str = WEBHOOK_SECRET,
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a message about an object."""
        body = json.dumps({"id": id, "object": "event", "type": name, "data": {"object": row}}).encode()
        stamp = str(int(time.time() if at is None else at))
        signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
        return body, {"Stripe-Signature": f"t={stamp},v1={'0' * 64},v1={signature}"}
