"""What the search of customers looks in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from billing.orm.search import search_columns
from customers.models import Customer

SEARCHED = ("name", "email", "external_id", "legal_name", "first_name", "last_name", "tax_id", "phone")


def search_values(customer: Customer, tags: Iterable[str]) -> dict[str, Any]:
    """The two search columns: names, e-mail, IDs, tax numbers, phone (E.164, so its digits), names of tags."""
    own = (getattr(customer, name) for name in SEARCHED)
    return search_columns(*own, *customer.tax_identifiers.values(), *tags)
