"""The client of an account, by the kind of its provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from invoicing.clients.providers.base import (
    ChargingProvider,
    CustomerProvider,
    PaymentsProvider,
    RefundsProvider,
    Refused,
)
from invoicing.clients.providers.flutterwave import Flutterwave
from invoicing.clients.providers.mpesa import Mpesa
from invoicing.clients.providers.paystack import Paystack
from invoicing.clients.providers.stripe import Stripe
from invoicing.clients.providers.stripe_saved import StripeSaved
from invoicing.rules.providers import secret_of


def client_for(kind: str, credentials: Mapping[str, Any], *, timeout: float) -> CustomerProvider:
    """Raises Refused when the kind keeps no customers that we can reach, or when the secret key is missing."""
    if kind == "stripe":
        return Stripe(key_of(credentials, "secret_key"), base=settings.STRIPE_API_BASE, timeout=timeout)
    raise Refused("Customers cannot be synchronised with this provider.")


def payments_for(kind: str, credentials: Mapping[str, Any], *, timeout: float) -> PaymentsProvider:
    """Raises Refused when nothing can be paid by this kind, or when what it needs is missing."""
    if kind == "stripe":
        return StripeSaved(
            key_of(credentials, "secret_key"),
            base=settings.STRIPE_API_BASE,
            timeout=timeout,
            webhook_secret=secret_of(credentials, "webhook_secret"),
        )
    if kind == "flutterwave":
        return Flutterwave(
            key_of(credentials, "secret_key"),
            base=settings.FLUTTERWAVE_API_BASE,
            timeout=timeout,
            secret_hash=secret_of(credentials, "secret_hash"),
        )
    if kind == "paystack":
        return Paystack(key_of(credentials, "secret_key"), base=settings.PAYSTACK_API_BASE, timeout=timeout)
    if kind == "mpesa":
        return Mpesa(
            key_of(credentials, "consumer_key"),
            key_of(credentials, "consumer_secret"),
            shortcode=secret_of(credentials, "shortcode"),
            passkey=secret_of(credentials, "passkey"),
            base=settings.MPESA_API_BASE,
            timeout=timeout,
        )
    raise Refused("Nothing can be paid online by this provider.")


def refunds_for(kind: str, credentials: Mapping[str, Any], *, timeout: float) -> RefundsProvider:
    """Raises Refused when the kind cannot be asked to send money back."""
    client = payments_for(kind, credentials, timeout=timeout)
    if isinstance(client, StripeSaved | Flutterwave | Paystack):
        return client
    raise Refused("This provider cannot be asked to send money back.")


def charging_for(kind: str, credentials: Mapping[str, Any], *, timeout: float) -> ChargingProvider:
    """Raises Refused when the kind keeps nothing that could be charged."""
    client = payments_for(kind, credentials, timeout=timeout)
    if isinstance(client, StripeSaved | Flutterwave | Paystack):
        return client
    raise Refused("Nothing can be charged at this provider without the customer.")


def setups_for(kind: str, credentials: Mapping[str, Any], *, timeout: float) -> StripeSaved:
    """Where a card can be left without paying. Raises Refused for the other kinds."""
    client = payments_for(kind, credentials, timeout=timeout)
    if isinstance(client, StripeSaved):
        return client
    raise Refused("A card is saved there with the first payment.")


def key_of(credentials: Mapping[str, Any], name: str) -> str:
    """A credential that can stand in a header, or Refused."""
    key, label = secret_of(credentials, name), name.replace("_", " ")
    if not key:
        raise Refused(f"No {label} is stored.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise Refused(f"The {label} holds characters that no key has.")
    return key
