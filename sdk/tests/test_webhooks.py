"""Signatures of webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from decimal import Decimal
from typing import Any, Dict

import pytest

from novabilling import WebhookVerificationError, verify_webhook

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"another-secret-another-secret-32").decode()
BODY = json.dumps(
    {
        "id": "evt_1",
        "event": "customer.created",
        "createdAt": "2026-11-27T10:00:00.000Z",
        "data": {"id": "cust_1", "externalId": "ü", "totalSpent": 0.1},
    }
).encode()


def headers(secret: str = SECRET, body: bytes = BODY, at: float = 0, kind: str = "both") -> Dict[str, Any]:
    """As they are sent."""
    stamp = str(int(at or time.time()))
    short = hmac.new(secret.encode(), (stamp + ".").encode() + body, hashlib.sha256).hexdigest()
    key = base64.b64decode(secret[6:])
    long = base64.b64encode(hmac.new(key, ("msg_1." + stamp + ".").encode() + body, hashlib.sha256).digest())
    own = {"Tarn-Timestamp": stamp, "Tarn-Signature": "v1=" + short}
    standard = {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": "v1,other= v1," + long.decode(),
    }
    return {"own": own, "standard": standard, "both": {**own, **standard}}[kind]


@pytest.mark.parametrize("kind", ["own", "standard", "both"])
def test_a_signed_webhook_is_read(kind: str) -> None:
    event = verify_webhook(BODY, headers(kind=kind), SECRET)
    assert (event.id, event.event, event.data.external_id) == ("evt_1", "customer.created", "ü")
    assert event.data.total_spent == Decimal("0.1")
    assert event.created_at is not None and event.created_at.tzinfo is not None
    assert event.raw["data"]["externalId"] == "ü"


def test_headers_as_frameworks_give_them() -> None:
    given = headers()
    assert verify_webhook(BODY.decode(), {name.upper(): value for name, value in given.items()}, SECRET)
    assert verify_webhook(BODY, {name: [value] for name, value in given.items()}, SECRET)
    assert verify_webhook(
        BODY, {name.encode().decode(): value.encode() for name, value in given.items()}, SECRET
    )


def test_secrets_that_overlap() -> None:
    given = headers(OTHER, kind="own")
    given["Tarn-Signature"] += ", " + headers(kind="own")["Tarn-Signature"]
    assert verify_webhook(BODY, given, SECRET) and verify_webhook(BODY, given, OTHER)
    assert verify_webhook(BODY, headers(), [OTHER, SECRET])


@pytest.mark.parametrize(
    "change",
    [
        {"Tarn-Signature": "", "webhook-signature": ""},
        {"Tarn-Signature": "v1=ü", "webhook-signature": "v1,x"},
        {"Tarn-Timestamp": "", "webhook-timestamp": ""},
        {"Tarn-Timestamp": "abc"},
        {"Tarn-Timestamp": "1" * 400},
        {"Tarn-Signature": "v1=\udcff", "webhook-id": "\udcff"},
    ],
)
def test_what_is_not_signed_is_refused(change: Dict[str, str]) -> None:
    with pytest.raises(WebhookVerificationError):
        verify_webhook(BODY, {**headers(), **change}, SECRET)


def test_another_moment_is_not_signed() -> None:
    later = str(int(time.time()) + 100)
    with pytest.raises(WebhookVerificationError, match="not signed"):
        verify_webhook(BODY, {**headers(), "Tarn-Timestamp": later}, SECRET)


def test_another_secret_or_another_body() -> None:
    with pytest.raises(WebhookVerificationError, match="not signed"):
        verify_webhook(BODY, headers(OTHER), SECRET)
    with pytest.raises(WebhookVerificationError, match="not signed"):
        verify_webhook(BODY + b" ", headers(), SECRET)
    with pytest.raises(ValueError, match="secret"):
        verify_webhook(BODY, headers(), "")


@pytest.mark.parametrize("off", [-400, 400])
def test_what_is_old_is_refused(off: int) -> None:
    old = headers(at=time.time() + off)
    with pytest.raises(WebhookVerificationError, match="too long ago"):
        verify_webhook(BODY, old, SECRET)
    assert verify_webhook(BODY, old, SECRET, tolerance=500).id == "evt_1"


@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b"\xff"])
def test_what_is_signed_and_no_event(body: bytes) -> None:
    with pytest.raises(WebhookVerificationError, match="not an event"):
        verify_webhook(body, headers(body=body), SECRET)
