"""What the list of /api/invoices can be narrowed to, and its order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from billing.actions.clock import now
from billing.models import BillingEntity
from billing.rules.periods import local_date
from billing.rules.words import Words, id_of, word_of
from billing.web.api import ApiRequest
from billing.web.api_lists import ListQuery
from invoicing.queries.lists import INVOICE_WORDS, invoices_with_status
from invoicing.queries.narrow import invoices_narrowed, with_words
from invoicing.rules.states import InvoiceStatus, PaymentStatus

SORTS = {
    "issuingDate": "issuing_on,created_at",
    "dueDate": "due_on,created_at",
    "createdAt": "created_at",
    "finalizedAt": "finalized_at,created_at",
    "number": "number,created_at",
    "total": "total_minor,created_at",
    "customerName": "customer_name,created_at",
}
STATES = (
    *(status.value for status in InvoiceStatus),
    *("unpaid", "overdue", "disputed", "written_off"),
    *(PaymentStatus.PAID.value, PaymentStatus.PARTIALLY_PAID.value, "payment_failed"),
)
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


class Filters(ListQuery):
    """`status` is any word for a state, also of payment; amounts are in major units; `metadata` is "key" or
    "key=value".
    """

    SORTS: ClassVar = SORTS

    status: Annotated[str | None, Words(*STATES)] = None
    payment_status: Annotated[str | None, Words(*STATES)] = None
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


def narrowed(request: ApiRequest, rows: Any, filters: Filters) -> Any:
    """The invoices that the query asks for, without order."""
    organization = request.organization
    today = local_date(now(organization), organization.timezone)
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    for field in ("status", "payment_status"):
        if word := getattr(filters, field):
            rows = invoices_with_status(rows, word_of(word, STATES, field, INVOICE_WORDS), today)
    values = {theirs: given for ours, theirs in SAME.items() if (given := getattr(filters, ours)) is not None}
    if "type" in values:
        values["type"] = values["type"].strip().lower()
    if "currency" in values:
        values["currency"] = values["currency"].strip().upper()
    for name in ("overdue", "disputed"):
        if (wanted := getattr(filters, name)) is not None:
            values[name] = "yes" if wanted else "no"
    if filters.billing_entity_id:
        values["entity"] = id_of(BillingEntity.PREFIX, filters.billing_entity_id, "billing_entity_id")
    rows = invoices_narrowed(rows, organization, values, today)
    return with_words(rows, organization, values, None, "number")
