"""Tax rates. A change counts for drafts and later invoices; finalised ones carry frozen copies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.actions import audit, catalog
from billing.models import Organization, Tax
from billing.orm.actor import Actor
from billing.queries.catalog_use import tax_use
from billing.rules.errors import Conflict
from billing.rules.tax_category import check_category

WHY = ("category", "exemption_code", "exemption_reason")
FIELDS = ("name", "code", "rate", "description", "applied_by_default", *WHY)


@transaction.atomic
def create_tax(
    organization: Organization,
    *,
    name: str,
    code: str,
    rate: Decimal,
    description: str = "",
    applied_by_default: bool = False,
    category: str = "",
    exemption_code: str = "",
    exemption_reason: str = "",
    by: Actor,
    at: datetime,
) -> Tax:
    """A rate in percent (20 is 20 %). Those applied by default are added up where nothing nearer is set. `category`
    and why nothing is charged: `rules/tax_category.py`.

    Raises FieldErrors for columns, Conflict (code_taken).
    """
    values: dict[str, Any] = {"name": name, "code": code, "rate": rate, "description": description}
    values |= {"exemption_code": exemption_code, "exemption_reason": exemption_reason, "category": category}
    tax = Tax(organization=organization)
    catalog.assign(tax, values | {"applied_by_default": applied_by_default}, FIELDS)
    check_why(tax)
    catalog.save(tax)
    changes = {field: (None, value) for field, value in audit.snapshot(tax, FIELDS).items() if value != ""}
    audit.record(organization, "tax.created", tax, by=by, at=at, changes=changes)
    return tax


def check_why(tax: Tax) -> None:
    """Raise FieldErrors for columns, and when rate, category and reason contradict each other."""
    catalog.check_fields(tax)
    check_category(tax.category, tax.rate, tax.exemption_code, tax.exemption_reason)


@transaction.atomic
def update_tax(tax: Tax, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Tax:
    """Change some of FIELDS. No difference writes nothing."""
    tax = catalog.lock(tax)
    before = audit.snapshot(tax, FIELDS)
    catalog.assign(tax, changes, FIELDS)
    changed = audit.differences(before, tax)
    if changed:
        check_why(tax)
        catalog.save(tax)
        audit.record(tax.organization, "tax.updated", tax, by=by, at=at, changes=changed)
    return tax


@transaction.atomic
def delete_tax(tax: Tax, *, by: Actor, at: datetime) -> Tax:
    """Delete a tax that no plan, charge or customer names (else Conflict tax_in_use)."""
    tax = catalog.lock(tax)
    use = tax_use(tax)
    if use.total:
        named = (("plan", use.plans), ("charge", use.charges), ("customer", use.customers))
        text = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in named if count)
        raise Conflict(f"The tax is used by {text}. Take it off there first.", code="tax_in_use")
    tax.deleted_at = at
    tax.save(update_fields=["deleted_at", "updated_at"])
    audit.record(tax.organization, "tax.deleted", tax, by=by, at=at)
    return tax
