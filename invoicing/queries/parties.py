"""Seller and buyer as they stand on a document: plain dicts that a finalised invoice keeps for ever."""

from __future__ import annotations

from typing import Any

ADDRESS = ("address_line1", "address_line2", "postal_code", "city", "state", "country")
IDENTITY = ("name", "legal_name", "legal_number", "tax_id", "email", "phone")


def seller(entity: Any) -> dict[str, str]:
    """The billing entity: identity, address, logo (storage name), colour, footer and payment details."""
    names = (*IDENTITY, *ADDRESS, "brand_color", "invoice_footer", "payment_details")
    return {name: getattr(entity, name) for name in names} | {"logo": entity.logo.name or ""}


def buyer(customer: Any) -> dict[str, str]:
    """The customer: identity, billing address, shipping address, external ID."""
    names = (
        *IDENTITY,
        *ADDRESS,
        "first_name",
        "last_name",
        "customer_type",
        "external_id",
        "shipping_line1",
        "shipping_line2",
        "shipping_postal_code",
        "shipping_city",
        "shipping_state",
        "shipping_country",
    )
    return {name: getattr(customer, name) for name in names} | {"display_name": customer.display_name}
