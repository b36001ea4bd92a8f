"""Paying by Flutterwave: a hosted link (v3 standard), verified by our reference; messages carry the secret hash.

Source: Flutterwave's v3 documentation (standard, transaction verification, webhooks). Amounts are in major units. A
message is not signed: it carries the hash that was agreed on, so nothing in it is believed.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from billing.rules.money import from_minor
from invoicing.clients.providers.answers import Keyed, body_of, minor, moment, needed, table, text_of
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

STATES = {"successful": "successful", "failed": "failed"}
MOST_PAGES = 5
# The country that a token is charged in, which v3 wants to know.
COUNTRIES = {
    **{"NGN": "NG", "GHS": "GH", "KES": "KE", "UGX": "UG", "TZS": "TZ", "RWF": "RW", "ZAR": "ZA"},
    **{"ZMW": "ZM", "MWK": "MW", "EGP": "EG", "MAD": "MA", "SLL": "SL"},
}


class Flutterwave(Keyed):
    """The payments of a Flutterwave account."""

    WHO = "Flutterwave"
    NOT_FOUND = "no transaction was found"
    REPEATS = False

    def __init__(self, secret_key: str, *, base: str, timeout: float, secret_hash: str = "") -> None:
        super().__init__(secret_key, base=base, timeout=timeout)
        self.secret_hash = secret_hash

    def check(self) -> str:
        """Reads the first page of transactions: a key that may not is refused."""
        self.call("GET", "/v3/transactions?page=1")
        return f"The key works, in {'test' if 'TEST' in self.secret_key else 'live'} mode."

    def start(self, checkout: Checkout) -> Started:
        """A link under our reference."""
        body = {
            "tx_ref": checkout.reference,
            "amount": f"{from_minor(checkout.amount_minor, checkout.currency):f}",
            "currency": checkout.currency,
            "redirect_url": checkout.return_url,
            "customer": {"email": checkout.email, "name": checkout.name, "phonenumber": checkout.phone},
            "customizations": {"title": checkout.description},
        }
        data = self.make("/v3/payments", body)
        return Started(checkout.reference, needed(self.WHO, data.get("link")))

    def fetch(self, reference: str, external_id: str, currency: str) -> Seen:
        """The transaction under our reference; there is none before the customer has tried to pay."""
        row = self.transaction(reference)
        return Seen("pending") if row is None else self.seen(row, reference)

    def transaction(self, reference: str) -> Mapping[str, Any] | None:
        """The transaction under our reference, verified."""
        return self.look_up(f"/v3/transactions/verify_by_reference?{urlencode({'tx_ref': reference})}")

    def seen(self, row: Mapping[str, Any], reference: str) -> Seen:
        """How a transaction stands."""
        word, id = text_of(row.get("status")), text_of(row.get("id"))
        if row.get("tx_ref") != reference or not word:
            raise self.unreadable()
        state = STATES.get(word, "processing")
        if state == "successful":
            code = needed(self.WHO, row.get("currency")).upper()
            amount = minor(self.WHO, row.get("amount"), code)
            saved = saved_of(table(row.get("card")), text_of(table(row.get("customer")).get("email")))
            return Seen(state, amount, code, id, paid_at=moment(row.get("created_at")), saved=saved)
        reason = text_of(row.get("processor_response")) if state == "failed" else ""
        return Seen(state, payment_id=id, reason=reason, declined=state == "failed")

    def charge(self, charge: Charge) -> Seen:
        """Charge a card's token. A reference that Flutterwave has is that charge: it is asked how it stands."""
        body = {
            "token": charge.method_id,
            "email": charge.holder,
            "currency": charge.currency,
            "country": COUNTRIES.get(charge.currency, "NG"),
            "amount": f"{from_minor(charge.amount_minor, charge.currency):f}",
            "tx_ref": charge.reference,
            "narration": charge.description,
        }
        try:
            self.call("POST", "/v3/tokenized-charges", body)
        except Refused:
            seen = self.charged(charge)
            if seen is None:
                raise
            return seen
        found = self.charged(charge)
        if found is None:
            raise self.unreadable()
        return found

    def forget(self, method_id: str) -> None:
        """Nothing of ours is charged any more; a token is of no use without our key."""

    def read_notice(
        self, headers: Mapping[str, str], body: bytes, *, at: datetime, token: str = ""
    ) -> Notice:
        """`verif-hash` is the hash agreed on. Messages have no id: name, transaction and state stand for it."""
        given = headers.get("verif-hash", "")
        if not self.secret_hash or not hmac.compare_digest(self.secret_hash.encode(), given.encode()):
            raise BadSignature("The hash is not right.")
        event = body_of(body)
        data = table(event.get("data")) or event
        name = text_of(event.get("event")) or text_of(event.get("event.type"))
        id = text_of(data.get("id"))
        if not name or not id:
            raise BadSignature("The message could not be read.")
        reference = text_of(data.get("tx_ref")) or text_of(data.get("txRef"))
        paid = text_of(data.get("tx_id")) or text_of(data.get("TransactionId"))
        return Notice(
            f"{name}-{id}-{text_of(data.get('status'))}",
            name,
            reference=reference,
            payment_id=paid,
            about_refund="refund" in name.lower(),
        )

    def give_back(self, giving: GivingBack) -> GivenBack:
        """A refund of a transaction; our reference is its comment, since v3 has no keys for repeats."""
        amount = f"{from_minor(giving.amount_minor, giving.currency):f}"
        body = {"amount": amount, "comments": giving.reference}
        data = self.make(f"/v3/transactions/{quote(giving.payment_id, safe='')}/refund", body)
        return self.refund_of(data, giving.currency, giving.reference)

    def given_back(self, payment_id: str, currency: str) -> list[GivenBack]:
        """The refunds of a transaction, found among the latest of the account."""
        found: list[GivenBack] = []
        for page in range(1, MOST_PAGES + 1):
            rows = self.rows(f"/v3/refunds?{urlencode({'id': payment_id, 'page': page})}")
            mine = [row for row in rows if text_of(row.get("tx_id")) == payment_id]
            found += [self.refund_of(row, currency, text_of(row.get("comments"))) for row in mine]
            if not rows:
                break
        return found

    def refund_of(self, row: Mapping[str, Any], currency: str, reference: str) -> GivenBack:
        """Flutterwave's refund. There are several words for done: completed, completed-mpgs, completed-momo."""
        word = text_of(row.get("status")).lower()
        state = "failed" if word == "failed" else "successful" if word.startswith("completed") else "pending"
        amount = minor(self.WHO, row.get("amount_refunded"), currency)
        return GivenBack(needed(self.WHO, row.get("id")), state, amount, currency, reference)


def saved_of(row: Mapping[str, Any], email: str) -> Saved | None:
    """The card of a transaction, when it can be charged again. It expires "09/32"."""
    token = text_of(row.get("token"))
    if not token or not email:
        return None
    month, _, year = text_of(row.get("expiry")).partition("/")
    digits = text_of(row.get("last_4digits"))[:4]
    return Saved(
        token,
        email,
        mark="-".join([text_of(row.get("first_6digits")), digits, month, year]) if digits else token,
        brand=text_of(row.get("type")).title() or "Card",
        last4=digits,
        expires=(2000 + int(year) % 100, int(month)) if year.isdigit() and month.isdigit() else None,
    )
