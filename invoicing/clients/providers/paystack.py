"""Paying by Paystack: a transaction under our reference, and messages signed with the secret key.

Source: Paystack's API reference (transactions: initialize, verify; refunds; webhooks). Amounts are in the subunit.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from invoicing.clients.providers.answers import body_of, call, moment, needed, table, text_of
from invoicing.clients.providers.base import (
    BadSignature,
    Checkout,
    Gone,
    Notice,
    Refused,
    Seen,
    Started,
    Unavailable,
)

WHO = "Paystack"
STATES = {"success": "successful", "failed": "failed", "reversed": "failed"}
WORKING = frozenset({"processing", "queued"})
NOT_FOUND = "reference not found"


class Paystack:
    """The payments of a Paystack account."""

    def __init__(self, secret_key: str, *, base: str, timeout: float) -> None:
        self.secret_key = secret_key
        self.base = base.rstrip("/")
        self.timeout = timeout

    def check(self) -> str:
        """Reads one transaction: a key that may not is refused."""
        self.call("GET", "/transaction?perPage=1")
        return f"The key works, in {'live' if self.secret_key.startswith('sk_live') else 'test'} mode."

    def start(self, checkout: Checkout) -> Started:
        """A transaction under our reference; a second one under it is refused."""
        body = {
            "email": checkout.email,
            "amount": str(checkout.amount_minor),
            "currency": checkout.currency,
            "reference": checkout.reference,
            "callback_url": checkout.return_url,
        }
        try:
            data = table(self.call("POST", "/transaction/initialize", body).get("data"))
        except Gone as error:
            raise Refused(error.message) from error
        return Started(checkout.reference, needed(WHO, data.get("authorization_url")))

    def fetch(self, reference: str, external_id: str, currency: str) -> Seen:
        """The transaction; one that Paystack does not know was never opened."""
        try:
            data = table(self.call("GET", f"/transaction/verify/{quote(reference, safe='')}").get("data"))
        except Gone:
            return Seen("failed", reason="Paystack does not know it.")
        except Refused as error:
            if NOT_FOUND in error.message.lower():
                return Seen("failed", reason="Paystack does not know it.")
            raise
        word, id = text_of(data.get("status")), text_of(data.get("id"))
        if data.get("reference") != reference or not word:
            raise Unavailable("Paystack's answer could not be read.")
        state = STATES.get(word, "processing" if word in WORKING else "pending")
        if state == "successful":
            amount = data.get("amount")
            if not isinstance(amount, int):
                raise Unavailable("Paystack's answer could not be read.")
            code = needed(WHO, data.get("currency")).upper()
            return Seen(state, amount, code, id, paid_at=moment(data.get("paid_at")))
        reason = text_of(data.get("gateway_response")) if state == "failed" else ""
        return Seen(state, payment_id=id, reason=reason)

    def read_notice(
        self, headers: Mapping[str, str], body: bytes, *, at: datetime, token: str = ""
    ) -> Notice:
        """HMAC-SHA512 of the body. Messages have no id: name, transaction and state stand for it."""
        given = headers.get("x-paystack-signature", "")
        expected = hmac.new(self.secret_key.encode(), body, "sha512").hexdigest()
        if not given or not hmac.compare_digest(expected.encode(), given.lower().encode()):
            raise BadSignature("The signature is not right.")
        event = body_of(body)
        data = table(event.get("data"))
        name, id = text_of(event.get("event")), text_of(data.get("id")) or text_of(data.get("reference"))
        if not name or not id:
            raise BadSignature("The message could not be read.")
        reference = text_of(data.get("reference")) or text_of(data.get("transaction_reference"))
        return Notice(f"{name}-{id}-{text_of(data.get('status'))}", name, reference=reference)

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer, also when Paystack says no with a 200."""
        headers = {"Authorization": f"Bearer {self.secret_key}"}
        found = call(WHO, method, self.base + path, timeout=self.timeout, headers=headers, json_body=body)
        if found.get("status") is not True:
            raise Refused(text_of(found.get("message")) or "Paystack says no.")
        return found
