"""JSON answers of providers: what each status means, and values that must be there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.clients.http import Unreachable, fetch
from billing.rules.errors import BillingError
from billing.rules.money import to_minor
from invoicing.clients.providers.base import Gone, Refused, Unavailable


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
        raise (Refused if error.forbidden else Unavailable)(error.reason) from error
    try:
        found = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        found = None
    reasons = [found.get(word) for word in words] if isinstance(found, dict) else []
    text = next((reason for reason in reasons if isinstance(reason, str) and reason), "")[:400]
    if answer.status == 429 or answer.status >= 500:
        wait = answer.headers.get("retry-after", "")
        seconds = float(wait) if wait.isdigit() else 0.0
        raise Unavailable(text or f"{who} answered {answer.status}.", wait=seconds)
    if answer.status == 404:
        raise Gone(text or f"{who} does not know it.")
    if answer.status == 401:
        raise Refused(f"{who} does not accept the credentials. {text}".strip())
    if answer.status >= 300:
        raise Refused(text or f"{who} answered {answer.status}.")
    if not isinstance(found, dict):
        raise Unavailable(f"{who}'s answer could not be read.")
    return found


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
