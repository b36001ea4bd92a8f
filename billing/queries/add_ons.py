"""Add-ons: who uses them, what they cost in a currency, and how the API answers them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Q, QuerySet

from billing.models import AddOn, FixedCharge, Organization, Plan
from billing.queries.payloads_catalog import stamps
from billing.queries.shapes_catalog import AddOnOut, AddOnPriceOut
from billing.rules.ids import decode
from billing.rules.money import from_minor


@dataclass(frozen=True)
class AddOnUse:
    """`plans`: kept plans that include it; `customers` and `invoices`: to whom it was billed, drafts included."""

    plans: list[Plan]
    customers: int
    invoices: int


def add_on_use(add_on: AddOn) -> AddOnUse:
    """Everything that hangs on an add-on."""
    lines = lines_of(add_on)
    including = FixedCharge.objects.kept().filter(add_on=add_on)
    return AddOnUse(
        plans=list(Plan.objects.kept().filter(pk__in=including.values("plan_id")).order_by("name")),
        customers=lines.values("invoice__customer_id").distinct().count(),
        invoices=lines.values("invoice_id").distinct().count(),
    )


def found(term: str) -> Q:
    """Add-ons whose name or code has these words."""
    return Q(name__icontains=term.strip()) | Q(code__icontains=term.strip())


def lines_of(add_on: AddOn) -> QuerySet[Any]:
    """The invoice lines that bill it; those of voided invoices do not."""
    lines: QuerySet[Any] = apps.get_model("invoicing", "InvoiceLine").objects.filter(add_on=add_on)
    return lines.exclude(invoice__status="voided")


def add_ons_by_reference(organization: Organization, references: Iterable[str]) -> dict[str, AddOn]:
    """{reference: add-on} for ids in any spelling and codes; unknown ones are left out."""
    asked = set(references)
    if not asked:
        return {}
    keys = {key: text for text in asked if (key := decode(AddOn.PREFIX, text))}
    rows = AddOn.objects.of(organization).kept().filter(Q(pk__in=keys) | Q(code__in=asked))
    found: dict[str, AddOn] = {}
    for row in rows.prefetch_related("prices"):
        found |= {text: row for text in (keys.get(row.pk), row.code) if text in asked}
    return found


def price_in(add_on: AddOn, currency: str) -> int | None:
    """What it costs in a currency, in minor units; None without a price there. Reads `prices`: fetch them with it."""
    if currency == add_on.currency:
        return add_on.amount_minor
    return next((row.amount_minor for row in add_on.prices.all() if row.currency == currency), None)


def add_on_payload(add_on: AddOn) -> AddOnOut:
    """An add-on with its prices; `amount` is the one in its own currency."""
    own: AddOnPriceOut = {
        "currency": add_on.currency,
        "amount": from_minor(add_on.amount_minor, add_on.currency),
    }
    others: list[AddOnPriceOut] = [
        {"currency": row.currency, "amount": from_minor(row.amount_minor, row.currency)}
        for row in add_on.prices.all()
    ]
    return {
        "id": add_on.public_id,
        "name": add_on.name,
        "code": add_on.code,
        "description": add_on.description,
        "invoiceDisplayName": add_on.invoice_display_name,
        "currency": own["currency"],
        "amount": own["amount"],
        "prices": [own, *others],
        "taxCodes": sorted(tax.code for tax in add_on.taxes.all()),
        **stamps(add_on),
    }
