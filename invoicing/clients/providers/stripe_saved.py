"""Saved cards at Stripe: leaving one by a Checkout Session, and charging it without the customer.

Source: Stripe's API reference (checkout sessions in mode setup, setup intents, payment intents off session, payment
methods). A charge carries our reference as its idempotency key and in its metadata; one whose answer was lost is
found in the list of the customer's payments.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from invoicing.clients.providers.base import (
    Charge,
    Declined,
    Gone,
    KeySpent,
    Refused,
    Seen,
    SeenSetup,
    Setup,
    Started,
    Unavailable,
)
from invoicing.clients.providers.stripe import identity, table
from invoicing.clients.providers.stripe_payments import REFERENCE, StripePayments, saved_of
from invoicing.rules.paying import LINK_HOURS, from_stripe, to_stripe

MOST_LISTED = 100
ASKS_FOR_CUSTOMER = "The bank asks the customer to confirm this payment."
STATES = {
    "succeeded": "successful",
    "processing": "processing",
    "requires_action": "failed",
    "requires_payment_method": "failed",
    "canceled": "failed",
}


class StripeSaved(StripePayments):
    """The saved payment methods of a Stripe account."""

    def start_setup(self, setup: Setup) -> Started:
        """A session in which a card is left; nothing is charged."""
        ends = setup.begun_at + timedelta(hours=LINK_HOURS)
        data = {
            "mode": "setup",
            "currency": setup.currency.lower(),
            "client_reference_id": setup.reference,
            "success_url": setup.return_url,
            "cancel_url": setup.return_url,
            f"metadata[{REFERENCE}]": setup.reference,
            "expires_at": str(int(ends.timestamp())),
        }
        data |= holder_of(setup.customer_id, setup.email)
        try:
            found = self.call("POST", "/v1/checkout/sessions", data, key=setup.reference)
        except (KeySpent, Gone) as error:
            raise Refused(error.message) from error
        url = found.get("url")
        if not isinstance(url, str) or not url:
            raise Unavailable("Stripe's answer could not be read.")
        return Started(identity(found), url)

    def fetch_setup(self, external_id: str) -> SeenSetup:
        """What was left."""
        query = urlencode({"expand[]": "setup_intent.payment_method"})
        try:
            found = self.call("GET", f"/v1/checkout/sessions/{quote(external_id, safe='')}?{query}")
        except Gone:
            return SeenSetup("failed", reason="Stripe does not know it any more.")
        if found.get("status") == "expired":
            return SeenSetup("failed", reason="The link has expired, nobody left a card.")
        intent = table(found.get("setup_intent"))
        if found.get("status") == "complete" and intent.get("status") == "succeeded":
            method = saved_of(intent.get("payment_method"), str(found.get("customer") or ""))
            if method is None:
                raise Unavailable("Stripe's answer could not be read.")
            return SeenSetup("successful", method)
        return SeenSetup("pending")

    def charge(self, charge: Charge) -> Seen:
        """Charge a saved method now. Declined when the bank says no, or wants to see the customer."""
        data = {
            "amount": str(to_stripe(charge.amount_minor, charge.currency)),
            "currency": charge.currency.lower(),
            "customer": charge.holder,
            "payment_method": charge.method_id,
            "off_session": "true",
            "confirm": "true",
            "description": charge.description,
            f"metadata[{REFERENCE}]": charge.reference,
        }
        try:
            return seen_of(self.call("POST", "/v1/payment_intents", data, key=charge.reference))
        except Declined as error:
            if error.code == "authentication_required":
                raise Declined(ASKS_FOR_CUSTOMER, code=error.code) from error
            raise
        except Gone as error:
            raise Refused(error.message) from error
        except KeySpent as error:  # its outcome is not to be had by the key any more: the list has it
            raise Unavailable(error.message) from error

    def fetch_charge(self, charge: Charge) -> Seen | None:
        """How a charge stands, found by our reference; None when Stripe has none."""
        query = urlencode({"customer": charge.holder, "limit": MOST_LISTED})
        rows = self.call("GET", f"/v1/payment_intents?{query}").get("data")
        if not isinstance(rows, list):
            raise Unavailable("Stripe's answer could not be read.")
        for row in rows:
            if table(table(row).get("metadata")).get(REFERENCE) == charge.reference:
                return seen_of(row)
        return None

    def forget(self, method_id: str) -> None:
        """Stripe keeps it no longer for this customer."""
        try:
            self.call("POST", f"/v1/payment_methods/{quote(method_id, safe='')}/detach", {})
        except (Gone, Refused):  # it is gone already
            return


def holder_of(customer_id: str, email: str) -> dict[str, str]:
    """Whose card it becomes: a customer that Stripe has, or a new one."""
    if customer_id:
        return {"customer": customer_id}
    return {"customer_creation": "always"} | ({"customer_email": email} if email else {})


def seen_of(row: Mapping[str, Any]) -> Seen:
    """How a PaymentIntent stands."""
    state = STATES.get(str(row.get("status")), "processing")
    id, code = identity(row), str(row.get("currency") or "").upper()
    if state == "successful":
        amount = row.get("amount_received")
        if not isinstance(amount, int) or not code:
            raise Unavailable("Stripe's answer could not be read.")
        return Seen(state, from_stripe(amount, code), code, id)
    reason = str(table(row.get("last_payment_error")).get("message") or "")
    if row.get("status") == "requires_action":
        reason = ASKS_FOR_CUSTOMER
    return Seen(state, payment_id=id, reason=reason, declined=state == "failed")
