"""From given fields to the columns of a customer: one spelling, amounts in minor units, tags as ids.

Metadata is replaced whole. Custom fields and tax identifiers change by key: what is not given stays, None takes a key
away. A new currency keeps the amounts of the defaults in major units (100 EUR becomes 100 JPY).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.models import Organization
from billing.orm.actor import Actor
from billing.rules.amounts import exact_minor
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.money import from_minor, to_minor
from customers.actions.tag_list import ensure_tags
from customers.models import Customer
from customers.queries.custom_fields import definitions
from customers.rules.custom_fields import missing, values_of
from customers.rules.fields import AMOUNTS, NAMES, clean_fields

FIELDS = NAMES | {"billing_entity", "taxes", "custom_fields"}


def columns(
    organization: Organization,
    fields: Mapping[str, Any],
    customer: Customer | None = None,
    *,
    by: Actor,
    at: datetime,
) -> dict[str, Any]:
    """The values by column, for a new customer or a change of `customer`; `taxes` stays a list of Tax. Unknown
    fields, rows of another organization and values that mean nothing are refused, all of them by field.
    """
    unknown = sorted(set(fields) - FIELDS)
    if unknown:
        raise FieldErrors([(name, "Unknown field.") for name in unknown])
    values = clean_fields(fields, country=customer.country if customer else "")
    refuse_strangers(organization, values)
    if "billing_entity" in values and values["billing_entity"] is None:
        del values["billing_entity"]
    currency = values.get("currency") or (customer.currency if customer else organization.default_currency)
    values |= amounts(values, currency, customer)
    if "tax_identifiers" in values:
        values["tax_identifiers"] = merged(customer, "tax_identifiers", values["tax_identifiers"])
    if "custom_fields" in values or customer is None:
        values["custom_fields"] = own_fields(organization, values.get("custom_fields") or {}, customer)
    if values.get("vat_validation_disabled") is False:
        values.setdefault("vat_validation_disabled_reason", "")
    if "tags" in values:
        values["tag_ids"] = ensure_tags(organization, values.pop("tags"), by=by, at=at)
        if customer and set(values["tag_ids"]) == set(customer.tag_ids):
            del values["tag_ids"]
    return values


def refuse_strangers(organization: Organization, values: Mapping[str, Any]) -> None:
    """Billing entity and taxes are the organization's own and kept."""
    owned = [("billing_entity", values.get("billing_entity"))]
    owned += [("taxes", tax) for tax in values.get("taxes") or []]
    for name, row in owned:
        if row is not None and (row.organization_id != organization.pk or row.deleted_at):
            raise Invalid("This does not exist.", code="unknown", field=name)


def amounts(values: dict[str, Any], currency: str, customer: Customer | None) -> dict[str, int | None]:
    """The defaults for wallets in minor units, taken out of `values`; those not given follow a new currency."""
    found: dict[str, int | None] = {}
    errors = []
    for name, column in AMOUNTS.items():
        if name in values:
            given: Decimal | None = values.pop(name)
            try:
                found[column] = None if given is None else exact_minor(given, currency, field=name)
            except Invalid as error:
                errors.append((name, str(error)))
        elif customer and customer.currency != currency:
            old: int | None = getattr(customer, column)
            kept = None if old is None else from_minor(old, customer.currency)
            found[column] = None if kept is None else to_minor(kept, currency)
    if errors:
        raise FieldErrors(errors)
    return found


def merged(customer: Customer | None, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the customer has, changed by what is given; None takes a key away."""
    whole = {**(getattr(customer, name) if customer else {}), **given}
    return {key: value for key, value in whole.items() if value is not None}


def own_fields(
    organization: Organization, given: Mapping[str, Any], customer: Customer | None
) -> dict[str, Any]:
    """The values of the organization's own fields; a new customer needs the required ones."""
    if not isinstance(given, Mapping):
        raise FieldErrors([("custom_fields", "Send an object of codes and values.")])
    known = definitions(organization)
    found, errors = values_of(known, given)
    whole = merged(customer, "custom_fields", found)
    bad = {code for code, _ in errors}
    absent = [
        code for code in missing(known, whole) if code not in bad and (customer is None or code in given)
    ]
    errors += [(code, "This field is required.") for code in absent]
    if errors:
        raise FieldErrors([("custom_fields", f"{code}: {message}") for code, message in errors])
    return whole
