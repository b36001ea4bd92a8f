"""Seller and buyer as they stand on a document: plain dicts that a finalised invoice keeps for ever."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal
from django.apps import apps

ADDRESS = ("address_line1", "address_line2", "postal_code", "city", "state", "country")
IDENTITY = ("name", "legal_name", "legal_number", "tax_id", "email", "phone")


def seller(entity: Any) -> dict[str, str]:
    """The billing entity: identity, address, logo (storage name), colour, footer, payment details, and what else its
    documents have.
    """
    words = ("brand_color", "invoice_footer", "payment_details", "consumer_notice", "e_invoices")
    names = (*IDENTITY, *ADDRESS, *words)
    more = {"logo": entity.logo.name or "", "usage_annex": "yes" if entity.usage_annex else ""}
    return {name: getattr(entity, name) for name in names} | more


def buyer(customer: Any) -> dict[str, str]:
    """The customer: identity, billing address, shipping address, external ID, and whether usage by day is printed
    (yes, no, or empty: as the seller has it).
    """
    names = (
        *IDENTITY,
        *ADDRESS,
        "first_name",
        "last_name",
        "customer_type",
        "external_id",
        "peppol_id",
        "shipping_line1",
        "shipping_line2",
        "shipping_postal_code",
        "shipping_city",
        "shipping_state",
        "shipping_country",
    )
    own = {None: "", True: "yes", False: "no"}[customer.usage_annex]
    more = {"display_name": customer.display_name, "usage_annex": own}
    return {name: getattr(customer, name) for name in names} | more


def prints_usage(seller: dict[str, Any], buyer: dict[str, Any]) -> bool:
    """Whether usage by day ends a document: as the customer, else the billing entity, has it."""
    return (buyer.get("usage_annex") or seller.get("usage_annex")) == "yes"


def own_fields(customer: Any, locale: str) -> list[dict[str, str]]:
    """The customer's values of the organization's fields that are meant for invoices, in their order and in the
    document's language: [{"name", "value"}].
    """
    values = customer.custom_fields
    if not values:
        return []
    model = apps.get_model("customers", "CustomField")
    rows = model.objects.filter(organization=customer.organization_id, on_invoice=True)
    return [
        {"name": row.name, "value": printed(row.kind, values[row.code], locale)}
        for row in rows
        if values.get(row.code) is not None
    ]


def printed(kind: str, value: Any, locale: str) -> str:
    """A value as it is printed: dates and numbers as the language writes them, yes and no as a mark."""
    try:
        language = Locale.parse(locale or "en", sep="-")
    except (UnknownLocaleError, ValueError):
        language = Locale("en")
    if kind == "date":
        return str(format_date(date.fromisoformat(value), "long", locale=language))
    if kind == "number":
        return str(format_decimal(Decimal(str(value)), locale=language, decimal_quantization=False))
    if kind == "boolean":
        return "✓" if value else "–"
    return str(value)
