"""The rows of the customers export, a few at a time however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from billing.models import Organization
from billing.rules.list_columns import Column
from billing.rules.money import from_minor
from customers.models import Customer, CustomField
from customers.queries.custom_fields import shown
from customers.queries.list_rows import listed

BATCH = 500
MONEY = {
    "mrr": "mrr_minor",
    "outstanding": "outstanding_minor",
    "overdue": "overdue_minor",
    "wallet": "wallet_minor",
}
TEXTS = {
    "email": "email",
    "type": "customer_type",
    "status": "status",
    "country": "country",
    "mode": "mode",
    "subscriptions": "active_subscriptions",
    "created": "created_at",
}
FIXED = ("customer_id", "external_id", "name", "currency")  # of every file


def header(columns: Sequence[Column]) -> list[str]:
    """The names of the cells: amounts stand in the currency of the row."""
    names = list(FIXED)
    for column in columns:
        if column.key == "vat":
            names += ["vat_number", "vat_status"]
        elif column.key not in FIXED:
            names.append(column.code or column.key)
    return names


def export_rows(
    organization: Organization,
    rows: QuerySet[Any],
    columns: Sequence[Column],
    fields: Sequence[CustomField],
    today: date,
) -> Iterator[list[Any]]:
    """The cells of each customer in the order of `rows`. The keys come from a cursor of the database, the figures for
    500 customers at a time.
    """
    keys = {column.key for column in columns}
    found = iter(rows.values_list("pk", flat=True).iterator(BATCH))
    while part := list(islice(found, BATCH)):
        for customer in listed(organization, part, keys, today):
            yield cells(customer, columns, list(fields))


def cells(customer: Customer, columns: Sequence[Column], fields: list[CustomField]) -> list[Any]:
    """One line."""
    own = {item.field.code: item for item in shown(customer, fields)}
    line: list[Any] = [customer.public_id, customer.external_id, customer.display_name, customer.currency]
    for column in columns:
        key = column.key
        if key == "vat":
            line += [customer.tax_id, customer.vat_status]
        elif key == "tags":
            line.append(", ".join(tag.name for tag in customer.tags))  # type: ignore[attr-defined]
        elif key in MONEY:
            line.append(from_minor(getattr(customer, MONEY[key]), customer.currency))
        elif key in TEXTS:
            line.append(getattr(customer, TEXTS[key]))
        elif column.code:
            item = own[column.code]
            line.append(item.value if item.field.kind == "number" else item.text)
    return line
