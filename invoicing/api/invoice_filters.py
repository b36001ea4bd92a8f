"""What the list of /api/invoices can be narrowed to, and its order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from billing.actions.clock import now
from billing.models import BillingEntity
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.periods import local_date
from billing.web.api import ApiRequest, ApiSchema
from invoicing.queries.lists import invoices_with_status
from invoicing.queries.narrow import invoices_narrowed, with_words

SORTS = {
    "issuing_date": "issuing_on",
    "due_date": "due_on",
    "created_at": "created_at",
    "finalized_at": "finalized_at",
    "number": "number",
    "total": "total_minor",
    "customer_name": "customer_name",
}
# Field of the query -> value of `invoices_narrowed`.
SAME = {
    "type": "type",
    "currency": "currency",
    "number": "number",
    "purchase_order": "po",
    "amount_min": "amount_min",
    "amount_max": "amount_max",
    "issuing_date_from": "issued_from",
    "issuing_date_to": "issued_to",
    "due_date_from": "due_from",
    "due_date_to": "due_to",
    "paid_from": "paid_from",
    "paid_to": "paid_to",
    "metadata": "metadata",
    "search": "q",
}


class Filters(ApiSchema):
    """`status` is any word for a state, also of payment; amounts are in major units; `metadata` is "key" or
    "key=value"; `sortBy` one of issuingDate, dueDate, createdAt, finalizedAt, number, total, customerName.
    """

    status: str | None = None
    payment_status: str | None = None
    customer_id: str | None = None
    billing_entity_id: str | None = None
    type: str | None = None
    currency: str | None = None
    number: str | None = None
    purchase_order: str | None = None
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    issuing_date_from: date | None = None
    issuing_date_to: date | None = None
    due_date_from: date | None = None
    due_date_to: date | None = None
    paid_from: date | None = None
    paid_to: date | None = None
    overdue: bool | None = None
    disputed: bool | None = None
    metadata: str | None = None
    search: str | None = None
    sort_by: str = "issuingDate"
    sort_order: str = "desc"
    page: int = 1
    limit: int = 20


def narrowed(request: ApiRequest, rows: Any, filters: Filters) -> Any:
    """The invoices that the query asks for, in its order. An unknown status or id finds nothing."""
    organization = request.organization
    today = local_date(now(organization), organization.timezone)
    if filters.customer_id:
        rows = rows.filter(customer_id=decode("cust", filters.customer_id))
    for word in (filters.status, filters.payment_status):
        if word:
            rows = invoices_with_status(rows, word, today)
    values = {theirs: given for ours, theirs in SAME.items() if (given := getattr(filters, ours)) is not None}
    if "type" in values:
        values["type"] = values["type"].strip().lower()
    if "currency" in values:
        values["currency"] = values["currency"].strip().upper()
    for name in ("overdue", "disputed"):
        if (wanted := getattr(filters, name)) is not None:
            values[name] = "yes" if wanted else "no"
    if filters.billing_entity_id:
        key = decode(BillingEntity.PREFIX, filters.billing_entity_id)
        values["entity"] = key
    rows = invoices_narrowed(rows, organization, values, today)
    rows = with_words(rows, organization, values, None, "number")
    return rows.order_by(*order(filters))


def order(filters: Filters) -> list[str]:
    """The order asked for; ties by the moment of creation."""
    name = "".join(f"_{char.lower()}" if char.isupper() else char for char in filters.sort_by.strip())
    way = filters.sort_order.strip().lower()
    if name not in SORTS:
        known = "issuingDate, dueDate, createdAt, finalizedAt, number, total or customerName"
        raise Invalid(f"Sort by {known}.", field="sort_by")
    if way not in ("asc", "desc"):
        raise Invalid("Use asc or desc.", field="sort_order")
    sign = "-" if way == "desc" else ""
    return [f"{sign}{SORTS[name]}", f"{sign}created_at", f"{sign}pk"]
