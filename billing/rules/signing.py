"""How a delivery is signed, so that its receiver can tell that it comes from us and when.

Laws. The standard signature (headers `webhook-id`, `webhook-timestamp`, `webhook-signature`; standardwebhooks.com) is
HMAC-SHA256 over `id.timestamp.body` with the bytes behind `whsec_`, in base64, as `v1,<base64>`; several stand beside
each other with a blank between. The short one (`Tarn-Signature`) is HMAC-SHA256 over `timestamp.body` with the secret
just as it is shown, `whsec_` included, in hex, as `v1=<hex>`, with commas between. While a secret is being replaced
both secrets sign, the new one first.

Example: with the secret `whsec_` + base64 of 32 bytes, a receiver checks
`hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), "sha256").hexdigest()` against the part after `v1=`.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"


def secret_of(bits: bytes) -> str:
    """Random bytes as a secret is shown."""
    return PREFIX + base64.b64encode(bits).decode()


def standard_signature(id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """The header `webhook-signature`."""
    signed = f"{id}.{timestamp}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix(PREFIX)) for secret in secrets]
    return " ".join(
        "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys
    )


def short_signature(timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """The header `Tarn-Signature`."""
    signed = f"{timestamp}.".encode() + body
    return ",".join(
        "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets
    )
