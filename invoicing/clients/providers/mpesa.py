"""Paying by M-Pesa: Daraja's prompt on the customer's phone (STK push), and the question what became of it.

Source: Safaricom's Daraja documentation (authorization, M-Pesa Express simulate and query). Whole shillings only. The
callback is not signed: its address, made for each payment, holds a secret, and nothing in it is believed.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from invoicing.clients.providers.answers import body_of, call, needed, table, text_of
from invoicing.clients.providers.base import (
    BadSignature,
    Checkout,
    Gone,
    Notice,
    ProviderError,
    Refused,
    Seen,
    Started,
    Unavailable,
    Unknown,
)
from invoicing.rules.paying import kenyan_number

WHO = "M-Pesa"
NAIROBI = timezone(timedelta(hours=3))
MINUTES = 3  # a phone asks for about one
DIGITS = 32
# Daraja's answers to a question while the phone still asks.
STILL_ASKING = ("being processed", "still under processing")


class Mpesa:
    """The payments of a till or pay-bill number."""

    def __init__(
        self,
        consumer_key: str,
        consumer_secret: str,
        *,
        shortcode: str,
        passkey: str,
        base: str,
        timeout: float,
    ) -> None:
        self.consumer_key = consumer_key
        self.consumer_secret = consumer_secret
        self.shortcode = shortcode
        self.passkey = passkey
        self.base = base.rstrip("/")
        self.timeout = timeout

    def check(self) -> str:
        """Gets a token, which is all that can be tried without asking a phone."""
        self.token()
        missing = "" if self.passkey and self.shortcode else " Short code and passkey are still missing."
        return f"The consumer key and secret work.{missing}"

    def start(self, checkout: Checkout) -> Started:
        """A prompt on the phone. Once it may have been sent, no answer is Unknown: nobody else may be asked."""
        if not self.passkey or not self.shortcode:
            raise Refused("Short code and passkey are missing.")
        token, phone = self.token(), kenyan_number(checkout.phone)
        body = self.signed() | {
            "TransactionType": "CustomerPayBillOnline",
            "Amount": checkout.amount_minor // 100,
            "PartyA": phone,
            "PartyB": self.shortcode,
            "PhoneNumber": phone,
            "CallBackURL": f"{checkout.callback_url}/{self.secret_of(checkout.reference)}",
            "AccountReference": checkout.reference[-12:],
            "TransactionDesc": checkout.description[:13],
        }
        try:
            found = self.call("POST", "/mpesa/stkpush/v1/processrequest", token, body)
        except Unavailable as error:
            raise Unknown(error.message) from error
        except Gone as error:
            raise Refused(error.message) from error
        if text_of(found.get("ResponseCode")) != "0":
            raise Refused(text_of(found.get("ResponseDescription")) or "M-Pesa says no.")
        id = text_of(found.get("CheckoutRequestID"))
        if not id:
            raise Unknown("M-Pesa's answer could not be read.")
        return Started(id, note=f"+{phone} is asked for the payment on the phone.", minutes=MINUTES)

    def fetch(self, reference: str, external_id: str, currency: str) -> Seen:
        """What the customer did. Daraja says neither amount nor receipt here: it is what was asked for."""
        if not external_id:
            raise Unavailable("M-Pesa never answered; its message about the payment is waited for.")
        body = self.signed() | {"CheckoutRequestID": external_id}
        try:
            found = self.call("POST", "/mpesa/stkpushquery/v1/query", self.token(), body)
        except ProviderError as error:
            if any(words in error.message.lower() for words in STILL_ASKING):
                return Seen("pending")
            if isinstance(error, Gone):
                raise Unavailable(error.message) from error
            raise
        code = text_of(found.get("ResultCode"))
        if code == "0":
            return Seen("successful", None, "KES", external_id)
        if not code:
            raise Unavailable("M-Pesa's answer could not be read.")
        words = text_of(found.get("ResultDesc"))
        if any(part in words.lower() for part in STILL_ASKING):
            return Seen("pending")
        return Seen("failed", reason=words or f"M-Pesa answered {code}.", declined=True)

    def read_notice(
        self, headers: Mapping[str, str], body: bytes, *, at: datetime, token: str = ""
    ) -> Notice:
        """The address's secret says for which payment it was made."""
        reference = f"tarn-{token[:DIGITS]}"
        if not token.isascii() or not hmac.compare_digest(self.secret_of(reference), token):
            raise BadSignature("The address is not right.")
        told = table(table(body_of(body).get("Body")).get("stkCallback"))
        id = text_of(told.get("CheckoutRequestID"))
        if not id:
            raise BadSignature("The message could not be read.")
        return Notice(f"stk-{id}", "stkCallback", reference=reference, external_id=id)

    def secret_of(self, reference: str) -> str:
        """The end of the callback's address for a payment: its id, and a mark that only we can make."""
        digits = reference.removeprefix("tarn-")
        mark = hmac.new(self.consumer_secret.encode(), f"callback {digits}".encode(), "sha256").hexdigest()
        return digits + mark[:DIGITS]

    def signed(self) -> dict[str, Any]:
        """Short code, time in Nairobi, and the password made of both."""
        stamp = datetime.now(UTC).astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
        password = base64.b64encode(f"{self.shortcode}{self.passkey}{stamp}".encode()).decode()
        return {"BusinessShortCode": self.shortcode, "Password": password, "Timestamp": stamp}

    def token(self) -> str:
        """An access token; each call gets its own, which is valid for an hour."""
        basic = base64.b64encode(f"{self.consumer_key}:{self.consumer_secret}".encode()).decode()
        path = "/oauth/v1/generate?grant_type=client_credentials"
        try:
            found = self.ask("GET", path, {"Authorization": f"Basic {basic}"})
        except Refused as error:  # Daraja answers 400 without a word
            raise Refused("M-Pesa does not accept consumer key and secret.") from error
        except Gone as error:
            raise Refused(error.message) from error
        return needed(WHO, found.get("access_token"))

    def call(self, method: str, path: str, token: str, body: Any) -> dict[str, Any]:
        """A call with a token."""
        return self.ask(method, path, {"Authorization": f"Bearer {token}"}, body)

    def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> dict[str, Any]:
        """The answer. Daraja says its reasons in `errorMessage`."""
        words = ("errorMessage", "ResponseDescription")
        return call(
            WHO,
            method,
            self.base + path,
            timeout=self.timeout,
            headers=headers,
            json_body=body,
            words=words,
        )
