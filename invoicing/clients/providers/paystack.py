"""Paying by Paystack: a transaction under our reference, and messages signed with the secret key.

Source: Paystack's API reference (transactions: initialize, verify; refunds; webhooks). Amounts are in the subunit.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from invoicing.clients.providers.answers import Keyed, body_of, moment, needed, table, text_of
from invoicing.clients.providers.base import (
    BadSignature,
    Charge,
    Checkout,
    GivenBack,
    GivingBack,
    Notice,
    Refused,
    Saved,
    Seen,
    Started,
)

STATES = {"success": "successful", "failed": "failed", "reversed": "failed"}
WORKING = frozenset({"processing", "queued"})
REFUND_STATES = {"processed": "successful", "failed": "failed"}
MOST_REFUNDS = 100


class Paystack(Keyed):
    """The payments of a Paystack account."""

    WHO = "Paystack"
    YES = True
    REPEATS = False
    NOT_FOUND = "reference not found"

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
        data = self.make("/transaction/initialize", body)
        return Started(checkout.reference, needed(self.WHO, data.get("authorization_url")))

    def fetch(self, reference: str, external_id: str, currency: str) -> Seen:
        """The transaction; one that Paystack does not know was never opened."""
        row = self.transaction(reference)
        return (
            Seen("failed", reason="Paystack does not know it.") if row is None else self.seen(row, reference)
        )

    def transaction(self, reference: str) -> Mapping[str, Any] | None:
        """The transaction under our reference, verified."""
        return self.look_up(f"/transaction/verify/{quote(reference, safe='')}")

    def seen(self, row: Mapping[str, Any], reference: str) -> Seen:
        """How a transaction stands."""
        word, id = text_of(row.get("status")), text_of(row.get("id"))
        if row.get("reference") != reference or not word:
            raise self.unreadable()
        state = STATES.get(word, "processing" if word in WORKING else "pending")
        if state == "successful":
            amount = row.get("amount")
            if not isinstance(amount, int):
                raise self.unreadable()
            code = needed(self.WHO, row.get("currency")).upper()
            saved = saved_of(
                table(row.get("authorization")), text_of(table(row.get("customer")).get("email"))
            )
            return Seen(state, amount, code, id, paid_at=moment(row.get("paid_at")), saved=saved)
        reason = text_of(row.get("gateway_response")) if state == "failed" else ""
        return Seen(state, payment_id=id, reason=reason, declined=state == "failed")

    def charge(self, charge: Charge) -> Seen:
        """Charge a saved authorization. A reference that Paystack has is that charge: it is asked how it stands."""
        body = {
            "email": charge.holder,
            "amount": str(charge.amount_minor),
            "currency": charge.currency,
            "authorization_code": charge.method_id,
            "reference": charge.reference,
        }
        try:
            self.call("POST", "/transaction/charge_authorization", body)
        except Refused as error:
            if "duplicate" not in error.message.lower():
                raise
        seen = self.charged(charge)
        if seen is None:
            raise self.unreadable()
        return seen

    def forget(self, method_id: str) -> None:
        """Nothing of ours is charged any more; Paystack keeps the authorization for its customer."""

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
        refund = name.startswith("refund.")
        if refund and not id:  # not each of them has an id
            id = hashlib.sha256(body).hexdigest()[:32]
        if not name or not id:
            raise BadSignature("The message could not be read.")
        reference = text_of(data.get("reference")) or text_of(data.get("transaction_reference"))
        if refund:
            reference = text_of(data.get("transaction_reference")) or reference
        return Notice(
            f"{name}-{id}-{text_of(data.get('status'))}", name, reference=reference, about_refund=refund
        )

    def give_back(self, giving: GivingBack) -> GivenBack:
        """A refund of a transaction; our reference stands in the note, since Paystack has no keys for repeats."""
        body = {
            "transaction": giving.payment_id,
            "amount": giving.amount_minor,
            "currency": giving.currency,
            "merchant_note": giving.reference,
        }
        return self.refund_of(self.make("/refund", body), giving.currency)

    def given_back(self, payment_id: str, currency: str) -> list[GivenBack]:
        """The refunds of a transaction, the latest hundred."""
        query = urlencode({"transaction": payment_id, "perPage": MOST_REFUNDS})
        return [self.refund_of(row, currency) for row in self.rows(f"/refund?{query}")]

    def refund_of(self, row: Mapping[str, Any], currency: str) -> GivenBack:
        """Paystack's refund."""
        amount, id = row.get("amount"), text_of(row.get("id"))
        if not isinstance(amount, int) or not id:
            raise self.unreadable()
        return GivenBack(
            id,
            REFUND_STATES.get(text_of(row.get("status")), "pending"),
            amount,
            text_of(row.get("currency")).upper() or currency,
            text_of(row.get("merchant_note")),
            text_of(row.get("reason")),
        )


def saved_of(row: Mapping[str, Any], email: str) -> Saved | None:
    """Paystack's authorization, when it can be charged again."""
    code = text_of(row.get("authorization_code"))
    if row.get("reusable") is not True or not code or not email:
        return None
    year, month = text_of(row.get("exp_year")), text_of(row.get("exp_month"))
    channel = text_of(row.get("channel"))
    return Saved(
        code,
        email,
        mark=text_of(row.get("signature")) or code,
        kind=channel if channel in {"card", "bank"} else "other",
        brand=(text_of(row.get("brand")) or text_of(row.get("bank"))).strip().title(),
        last4=text_of(row.get("last4"))[:4],
        expires=(int(year), int(month)) if year.isdigit() and month.isdigit() else None,
    )
