"""JSON answers of providers: what each status means, and values that must be there."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.clients.http import Unreachable, fetch
from billing.rules.errors import BillingError
from billing.rules.money import to_minor
from invoicing.clients.providers.base import Charge, Gone, Refused, Seen, Unavailable


def call(
    who: str,
    method: str,
    url: str,
    *,
    timeout: float,
    headers: Mapping[str, str],
    json_body: Any = None,
    words: tuple[str, ...] = ("message",),
) -> dict[str, Any]:
    """The answer's object. Raises Unavailable, Refused, or Gone for 404; `words` are where the reason may stand."""
    try:
        answer = fetch(method, url, json=json_body, headers=headers, timeout=timeout)
    except Unreachable as error:
        if error.forbidden:
            raise Refused(error.reason) from error
        raise Unavailable(error.reason, undone=error.unsent) from error
    try:
        found = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        found = None
    reasons = [found.get(word) for word in words] if isinstance(found, dict) else []
    text = next((reason for reason in reasons if isinstance(reason, str) and reason), "")[:400]
    if answer.status == 429 or answer.status >= 500:
        wait = answer.headers.get("retry-after", "")
        seconds = float(wait) if wait.isdigit() else 0.0
        told = text or f"{who} answered {answer.status}."
        raise Unavailable(told, wait=seconds, undone=answer.status == 429)
    if answer.status == 404:
        raise Gone(text or f"{who} does not know it.")
    if answer.status == 401:
        raise Refused(f"{who} does not accept the credentials. {text}".strip())
    if answer.status >= 300:
        raise Refused(text or f"{who} answered {answer.status}.")
    if not isinstance(found, dict):
        raise Unavailable(f"{who}'s answer could not be read.")
    return found


class Keyed(ABC):
    """An account behind one secret key that answers {"status", "message", "data"}, also a no with a 200. What is paid
    there is a transaction under our reference.
    """

    WHO = ""
    YES: Any = "success"
    NOT_FOUND = ""

    def __init__(self, secret_key: str, *, base: str, timeout: float) -> None:
        self.secret_key = secret_key
        self.base = base.rstrip("/")
        self.timeout = timeout

    def call(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        """The answer's `data`, whatever the status of a no."""
        return table(self.ask(method, path, body))

    def rows(self, path: str) -> list[Mapping[str, Any]]:
        """The answer's `data` where it is a list."""
        found = self.ask("GET", path)
        if not isinstance(found, list):
            raise self.unreadable()
        return [row for row in found if isinstance(row, dict)]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's `data`, whatever it is."""
        headers = {"Authorization": f"Bearer {self.secret_key}"}
        url = self.base + path
        found = call(self.WHO, method, url, timeout=self.timeout, headers=headers, json_body=body)
        said = found.get("status")
        if not isinstance(said, type(self.YES)) or said != self.YES:
            raise Refused(text_of(found.get("message")) or f"{self.WHO} says no.")
        return found.get("data")

    def make(self, path: str, body: Any) -> Mapping[str, Any]:
        """What was made; nothing there to make it with is a final no."""
        try:
            return self.call("POST", path, body)
        except Gone as error:
            raise Refused(error.message) from error

    def look_up(self, path: str) -> Mapping[str, Any] | None:
        """What is there; None where there is nothing, which not every status says."""
        try:
            return self.call("GET", path)
        except Gone:
            return None
        except Refused as error:
            if self.NOT_FOUND in error.message.lower():
                return None
            raise

    @abstractmethod
    def transaction(self, reference: str) -> Mapping[str, Any] | None:
        """The provider's transaction under our reference; None where it has none."""

    @abstractmethod
    def seen(self, row: Mapping[str, Any], reference: str) -> Seen:
        """How a transaction stands."""

    def fetch_charge(self, charge: Charge) -> Seen | None:
        """By our reference."""
        row = self.transaction(charge.reference)
        return None if row is None else self.seen(row, charge.reference)

    def charged(self, charge: Charge) -> Seen | None:
        """How a charge stands that was asked for just now: no answer to this question leaves it open, also where the
        question never arrived.
        """
        try:
            return self.fetch_charge(charge)
        except Unavailable as error:
            raise Unavailable(error.message, wait=error.wait) from error

    def unreadable(self) -> Unavailable:
        """The error for an answer that lacks what it must have."""
        return Unavailable(f"{self.WHO}'s answer could not be read.")


def table(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    """A word or number as text; nothing for all else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def needed(who: str, value: Any) -> str:
    """A text without which the answer is of no use."""
    found = text_of(value)
    if not found:
        raise Unavailable(f"{who}'s answer could not be read.")
    return found


def minor(who: str, value: Any, currency: str) -> int:
    """An amount in major units as minor ones."""
    try:
        return to_minor(Decimal(str(value)), currency)
    except (InvalidOperation, BillingError, ValueError) as error:
        raise Unavailable(f"{who}'s answer could not be read.") from error


def moment(value: Any) -> datetime | None:
    """An ISO moment with a zone, or nothing."""
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None


def body_of(body: bytes) -> Mapping[str, Any]:
    """A message's JSON object, empty when it is none."""
    try:
        return table(json.loads(body))
    except (ValueError, RecursionError):
        return {}
