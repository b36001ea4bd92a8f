"""Whether a webhook is what it says: signed with the endpoint's secret, and not long ago."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from ._wire import read_json, snake
from .errors import WebhookVerificationError
from .types import Record

PREFIX = "whsec_"
DEFAULT_TOLERANCE = 300.0  # seconds


@dataclass(frozen=True)
class WebhookEvent:
    """What a webhook tells: `event` happened to the object in `data`. `raw` is the body as it was sent."""

    id: str
    event: str
    created_at: Optional[datetime]
    data: Record
    raw: Mapping[str, Any]


def verify_webhook(
    body: Union[bytes, str],
    headers: Mapping[str, Any],
    secret: Union[str, Sequence[str]],
    tolerance: float = DEFAULT_TOLERANCE,
) -> WebhookEvent:
    """The event of a webhook that is signed with `secret` (or one of several), by `Tarn-Signature` or as Standard
    Webhooks.

    `body` is what was received, byte by byte; `headers` is any mapping, its case does not matter. Raises
    WebhookVerificationError when no signature fits, or the time is more than `tolerance` seconds off, so that what
    was recorded cannot be sent again later.
    """
    content = body.encode("utf-8") if isinstance(body, str) else bytes(body)
    found = {str(name).lower(): text_of(value) for name, value in headers.items()}
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not secrets or not all(secrets):
        raise ValueError("The secret of the webhook is needed.")
    stamp = found.get("tarn-timestamp") or found.get("webhook-timestamp") or ""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise WebhookVerificationError("The webhook says no time.")
    if abs(time.time() - int(stamp)) > tolerance:
        raise WebhookVerificationError("The webhook was signed too long ago, or a clock is wrong.")
    if not signed(content, found, stamp, secrets):
        raise WebhookVerificationError("The webhook is not signed with this secret.")
    return read(content)


def signed(content: bytes, headers: Mapping[str, str], stamp: str, secrets: Sequence[str]) -> bool:
    """Whether one of the signatures is one of the secrets'. All are compared, in constant time each."""
    short = [part.strip() for part in headers.get("tarn-signature", "").split(",")]
    long = headers.get("webhook-signature", "").split()
    id = headers.get("webhook-id", "")
    fits = False
    for secret in secrets:
        own = hmac.new(secret.encode(), stamp.encode() + b"." + content, hashlib.sha256).hexdigest()
        fits |= any_equal(short, "v1=" + own)
        key = key_of(secret)
        if key is not None and id:
            message = as_bytes("{}.{}.".format(id, stamp)) + content
            digest = hmac.new(key, message, hashlib.sha256).digest()
            fits |= any_equal(long, "v1," + base64.b64encode(digest).decode())
    return fits


def any_equal(texts: List[str], wanted: str) -> bool:
    """Whether one of the texts is the wanted one."""
    fits = False
    for text in texts:
        fits |= hmac.compare_digest(as_bytes(text), as_bytes(wanted))
    return fits


def as_bytes(text: str) -> bytes:
    """A header's text. Frameworks keep bytes that are no UTF-8 as half characters."""
    return text.encode("utf-8", "surrogatepass")


def key_of(secret: str) -> Optional[bytes]:
    """The bytes behind a secret of Standard Webhooks; None when it is none."""
    text = secret[len(PREFIX) :] if secret.startswith(PREFIX) else secret
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def read(content: bytes) -> WebhookEvent:
    """The event of a body."""
    try:
        raw: Dict[str, Any] = read_json(content)
        told = {snake(name): value for name, value in raw.items()}
        created = told.get("created_at")
        at = datetime.fromisoformat(created.replace("Z", "+00:00")) if isinstance(created, str) else None
        return WebhookEvent(str(told["id"]), str(told["event"]), at, Record.read(told.get("data") or {}), raw)
    except (ValueError, KeyError, AttributeError, TypeError):
        raise WebhookVerificationError("The webhook's body is not an event.") from None


def text_of(value: Any) -> str:
    """A header's value: frameworks give text, bytes or a list."""
    if isinstance(value, (list, tuple)):
        value = value[0] if value else ""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
