"""The client of an account, by the kind of its provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from invoicing.clients.providers.base import CustomerProvider, Refused
from invoicing.clients.providers.stripe import Stripe
from invoicing.rules.providers import secret_of


def client_for(kind: str, credentials: Mapping[str, Any], *, timeout: float) -> CustomerProvider:
    """Raises Refused when the kind keeps no customers that we can reach, or when the secret key is missing."""
    if kind == "stripe":
        key = secret_of(credentials, "secret_key")
        if not key:
            raise Refused("No secret key is stored.")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise Refused("The secret key holds characters that no key has.")
        return Stripe(key, base=settings.STRIPE_API_BASE, timeout=timeout)
    raise Refused("Customers cannot be synchronised with this provider.")
