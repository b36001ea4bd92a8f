"""Paying by Stripe: Checkout Sessions, the PaymentIntents behind them, and signed events.

Source: Stripe's API reference (checkout sessions, payment intents, refunds, webhook signatures). Our reference is the
session's `client_reference_id` and stands in the metadata of session and payment.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from invoicing.clients.providers.base import (
    BadSignature,
    Checkout,
    GivenBack,
    GivingBack,
    Gone,
    KeySpent,
    Notice,
    Refused,
    Saved,
    Seen,
    Started,
    Unavailable,
)
from invoicing.clients.providers.stripe import Stripe, identity, table
from invoicing.rules.paying import LINK_HOURS, TIMELY, from_stripe, to_stripe

REFERENCE = "tarn_reference"
REFUND = "tarn_refund"
REFUND_STATES = {"succeeded": "successful", "failed": "failed", "canceled": "failed"}
MOST_REFUNDS = 100


class StripePayments(Stripe):
    """The payments of a Stripe account."""

    REPEATS = True

    def __init__(self, secret_key: str, *, base: str, timeout: float, webhook_secret: str = "") -> None:
        super().__init__(secret_key, base=base, timeout=timeout)
        self.webhook_secret = webhook_secret

    def start(self, checkout: Checkout) -> Started:
        """A session over one line, which can be paid for most of a day."""
        ends = datetime.now(UTC) + timedelta(hours=LINK_HOURS)
        line = "line_items[0][price_data]"
        data = {
            "mode": "payment",
            "client_reference_id": checkout.reference,
            "success_url": checkout.return_url,
            "cancel_url": checkout.return_url,
            "line_items[0][quantity]": "1",
            f"{line}[currency]": checkout.currency.lower(),
            f"{line}[unit_amount]": str(to_stripe(checkout.amount_minor, checkout.currency)),
            f"{line}[product_data][name]": checkout.description,
            f"metadata[{REFERENCE}]": checkout.reference,
            f"payment_intent_data[metadata][{REFERENCE}]": checkout.reference,
            "payment_intent_data[description]": checkout.description,
            "expires_at": str(int(ends.timestamp())),
        }
        if checkout.customer_id:
            data["customer"] = checkout.customer_id
        elif checkout.email:
            data["customer_email"] = checkout.email
        if checkout.save:
            data["payment_intent_data[setup_future_usage]"] = "off_session"
            data |= {} if checkout.customer_id else {"customer_creation": "always"}
        try:
            found = self.call("POST", "/v1/checkout/sessions", data, key=checkout.reference)
        except (KeySpent, Gone) as error:
            raise Refused(error.message) from error
        url = found.get("url")
        if not isinstance(url, str) or not url:
            raise Unavailable("Stripe's answer could not be read.")
        return Started(identity(found), url)

    def fetch(self, reference: str, external_id: str, currency: str) -> Seen:
        """The session with its payment. One whose id never reached us was not paid: nobody has its address."""
        if not external_id:
            return Seen("failed", reason="Stripe did not answer in time.")
        query = urlencode({"expand[]": "payment_intent.payment_method"})
        path = f"/v1/checkout/sessions/{quote(external_id, safe='')}?{query}"
        try:
            found = self.call("GET", path)
        except Gone:
            return Seen("failed", reason="Stripe does not know it any more.")
        payment = table(found.get("payment_intent"))
        reason = str(table(payment.get("last_payment_error")).get("message") or "")
        id = str(payment.get("id") or "")
        if found.get("payment_status") == "paid":
            code = str(found.get("currency") or "").upper()
            amount = found.get("amount_total")
            if not isinstance(amount, int) or not code:
                raise Unavailable("Stripe's answer could not be read.")
            kept = payment.get("setup_future_usage") == "off_session"
            saved = (
                saved_of(payment.get("payment_method"), str(found.get("customer") or "")) if kept else None
            )
            return Seen("successful", from_stripe(amount, code), code, id, saved=saved)
        if found.get("status") == "expired":
            words = reason or "The link has expired, nobody paid."
            return Seen("failed", payment_id=id, reason=words, declined=bool(reason))
        if found.get("status") == "complete":
            failed = payment.get("status") in {"requires_payment_method", "canceled"}
            state = "failed" if failed else "processing"
            return Seen(state, payment_id=id, reason=reason, declined=failed)
        return Seen("pending", payment_id=id, reason=reason, declined=bool(reason))

    def read_notice(
        self, headers: Mapping[str, str], body: bytes, *, at: datetime, token: str = ""
    ) -> Notice:
        """`t=…,v1=…`: HMAC-SHA256 over time, point and body; several v1 while the secret is being changed."""
        check_signature(self.webhook_secret, headers.get("stripe-signature", ""), body, at)
        try:
            event = json.loads(body)
        except ValueError as error:
            raise BadSignature("The body is no JSON.") from error
        name, id = str(table(event).get("type") or ""), str(table(event).get("id") or "")
        row = table(table(table(event).get("data")).get("object"))
        metadata = table(row.get("metadata"))
        if not id:
            raise BadSignature("The event has no id.")
        reference = row.get("client_reference_id") or metadata.get(REFERENCE) or ""
        session = str(row.get("id") or "") if row.get("object") == "checkout.session" else ""
        payment = row.get("payment_intent")
        return Notice(
            id,
            name,
            reference=str(reference),
            external_id=session,
            payment_id=payment if isinstance(payment, str) else "",
            about_refund="refund" in name,
        )

    def give_back(self, giving: GivingBack) -> GivenBack:
        """A refund of a PaymentIntent; our reference is its idempotency key and stands in its metadata."""
        data = {
            "payment_intent": giving.payment_id,
            "amount": str(to_stripe(giving.amount_minor, giving.currency)),
            f"metadata[{REFUND}]": giving.reference,
        }
        try:
            found = self.call("POST", "/v1/refunds", data, key=giving.reference)
        except Gone as error:
            raise Refused(error.message) from error
        return refund_of(found)

    def given_back(self, payment_id: str, currency: str) -> list[GivenBack]:
        """The refunds of a PaymentIntent, the latest hundred."""
        query = urlencode({"payment_intent": payment_id, "limit": MOST_REFUNDS})
        rows = self.call("GET", f"/v1/refunds?{query}").get("data")
        if not isinstance(rows, list):
            raise Unavailable("Stripe's answer could not be read.")
        return [refund_of(row) for row in rows if isinstance(row, dict)]


def saved_of(found: Any, holder: str) -> Saved | None:
    """Stripe's payment method."""
    row = table(found)
    id, kind = row.get("id"), str(row.get("type") or "")
    if not isinstance(id, str) or not holder:
        return None
    facts = table(row.get(kind))
    year, month = facts.get("exp_year"), facts.get("exp_month")
    return Saved(
        id,
        holder,
        mark=str(facts.get("fingerprint") or id),
        kind="card" if kind == "card" else "bank" if "debit" in kind or "bank" in kind else "other",
        brand=str(facts.get("brand") or kind).replace("_", " ").title(),
        last4=str(facts.get("last4") or "")[:4],
        expires=(year, month) if isinstance(year, int) and isinstance(month, int) else None,
    )


def refund_of(row: Mapping[str, Any]) -> GivenBack:
    """Stripe's refund."""
    amount, code = row.get("amount"), str(row.get("currency") or "").upper()
    if not isinstance(amount, int) or not code:
        raise Unavailable("Stripe's answer could not be read.")
    why = str(row.get("failure_reason") or "").replace("_", " ")
    return GivenBack(
        identity(row),
        REFUND_STATES.get(str(row.get("status")), "pending"),
        from_stripe(amount, code),
        code,
        str(table(row.get("metadata")).get(REFUND) or ""),
        why.capitalize(),
    )


def check_signature(secret: str, header: str, body: bytes, at: datetime) -> None:
    """Raises BadSignature unless Stripe has signed this body, a few minutes ago at most."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamp = next((value for name, _, value in pairs if name == "t"), "")
    signed = [value for name, _, value in pairs if name == "v1"]
    if not secret or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise BadSignature("The message is not signed.")
    if abs(at.timestamp() - int(stamp)) > TIMELY.total_seconds():
        raise BadSignature("The signature is too old.")
    expected = hmac.new(secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    if not any(hmac.compare_digest(expected.encode(), value.encode()) for value in signed):
        raise BadSignature("The signature is not right.")
