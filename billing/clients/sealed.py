"""Secrets at rest: a JSON object or any bytes, encrypted and signed (Fernet).

The key is CREDENTIALS_KEY, or derived from SECRET_KEY when that is empty. What was sealed before CREDENTIALS_KEY was
set, or with a key of SECRET_KEY_FALLBACKS, can still be opened.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

UNREADABLE = "What is stored cannot be read with the present key."


class Unsealable(Exception):
    """Sealed with a key that is no longer known, or damaged."""


def seal(values: Mapping[str, Any]) -> bytes:
    """The object as it can be stored."""
    return seal_bytes(json.dumps(dict(values)).encode())


def unseal(sealed: bytes | memoryview) -> dict[str, Any]:
    """The object again. Raises Unsealable."""
    try:
        return dict(json.loads(unseal_bytes(sealed)))
    except (ValueError, TypeError) as error:
        raise Unsealable(UNREADABLE) from error


def seal_bytes(content: bytes) -> bytes:
    """Any content as it can be stored."""
    return box().encrypt(content)


def unseal_bytes(sealed: bytes | memoryview) -> bytes:
    """The content again. Raises Unsealable."""
    try:
        return box().decrypt(bytes(sealed))
    except (InvalidToken, TypeError) as error:
        raise Unsealable(UNREADABLE) from error


def box() -> MultiFernet:
    """The present key first, which seals; then those of before, which only open."""
    words: list[str] = [
        settings.CREDENTIALS_KEY,
        settings.SECRET_KEY,
        *map(str, settings.SECRET_KEY_FALLBACKS),
    ]
    return MultiFernet([Fernet(derived(word)) for word in words if word])


def derived(word: str) -> bytes:
    """A Fernet key from a word of any length."""
    bits = HKDF(hashes.SHA256(), length=32, salt=None, info=b"tarn credentials").derive(word.encode())
    return base64.urlsafe_b64encode(bits)
