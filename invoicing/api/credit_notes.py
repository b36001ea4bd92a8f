"""/api/credit-notes."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from ninja import Query, Router

from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope, page_envelope
from invoicing.models import CreditNote
from invoicing.queries.payloads import credit_note_payload

router = Router(tags=["Credit notes"])


class Filters(ApiSchema):
    """What the list can be narrowed to."""

    status: str | None = None
    customer_id: str | None = None
    invoice_id: str | None = None
    page: int = 1
    limit: int = 20


@router.get("")
def list_credit_notes(request: HttpRequest, filters: Query[Filters]) -> dict[str, Any]:
    """Newest first. An unknown status or id finds nothing."""
    rows: Any = CreditNote.objects.of(cast(ApiRequest, request).organization)
    if filters.customer_id:
        rows = rows.filter(customer_id=decode("cust", filters.customer_id))
    if filters.invoice_id:
        rows = rows.filter(invoice_id=decode("inv", filters.invoice_id))
    if filters.status:
        word = filters.status.strip().lower()
        rows = rows.filter(status="voided" if word == "void" else word)
    return page_envelope(rows, credit_note_payload, page=filters.page, limit=filters.limit)


@router.get("/{id}")
def get_credit_note(request: HttpRequest, id: str) -> dict[str, Any]:
    """One credit note with its items."""
    rows = CreditNote.objects.of(cast(ApiRequest, request).organization)
    return envelope(credit_note_payload(rows.by_public_id(id)))
