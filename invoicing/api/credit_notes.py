"""/api/credit-notes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import AliasChoices

from billing.actions.clock import now
from billing.rules.errors import Conflict, Invalid
from billing.rules.ids import decode
from billing.rules.money import from_minor
from billing.web.api import ApiRequest, ApiSchema, envelope, page_envelope
from billing.web.documents import pdf_answer
from invoicing.actions.crediting import CreditRequest, estimate, issue_credit_note, void_credit_note
from invoicing.actions.publish import ask_for_pdf
from invoicing.models import CreditNote, Invoice
from invoicing.queries.payloads import credit_note_payload
from invoicing.rules.amounts import minor_of
from invoicing.rules.crediting import CreditReason

router = Router(tags=["Credit notes"])


class CreditItemIn(ApiSchema):
    """An amount of a line of the invoice, before tax."""

    line_id: str = Field(
        validation_alias=AliasChoices("lineId", "invoiceLineId", "line_id"), serialization_alias="lineId"
    )
    amount: Decimal


class CreditNoteIn(ApiSchema):
    """`items` by line, or `amount` with tax, or neither for all that is left. `refundAmount` of it goes back as
    money, the rest is credit for the next invoices.
    """

    invoice_id: str
    customer_id: str | None = None
    currency: str | None = None
    items: list[CreditItemIn] | None = Field(None, max_length=2000)
    amount: Decimal | None = None
    refund_amount: Decimal = Decimal(0)
    reason: str = CreditReason.OTHER.value
    description: str = Field("", max_length=500)


class NoteVoidIn(ApiSchema):
    """Why; it is printed on the stamped PDF."""

    reason: str = ""


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


@router.post("", response={201: dict[str, Any]})
def create_credit_note(request: HttpRequest, body: CreditNoteIn) -> tuple[int, dict[str, Any]]:
    """Credit an issued invoice, also of a deleted customer. `Idempotency-Key` makes a repeat harmless."""
    staff = cast(ApiRequest, request)
    invoice = invoice_of(staff, body)
    note = issue_credit_note(
        invoice,
        request_of(invoice, body),
        reason=reason_of(body.reason),
        description=body.description,
        key=f"api:{request.headers.get('Idempotency-Key') or uuid4().hex}"[:200],
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope(credit_note_payload(note))


@router.post("/estimate")
def estimate_credit_note(request: HttpRequest, body: CreditNoteIn) -> dict[str, Any]:
    """The note that POST would make; nothing is written."""
    invoice = invoice_of(cast(ApiRequest, request), body)
    wanted = request_of(invoice, body)
    credit, rest = estimate(invoice, wanted)
    currency = invoice.currency
    return envelope(
        {
            "invoiceId": invoice.public_id,
            "currency": currency,
            "items": [
                {"lineId": row.public_id, "amount": from_minor(credit.items[str(row.pk)], currency)}
                for row in rest.rows
                if str(row.pk) in credit.items
            ],
            "amount": from_minor(credit.net_minor, currency),
            "taxAmount": from_minor(credit.tax_minor, currency),
            "total": from_minor(credit.total_minor, currency),
            "refundAmount": from_minor(wanted.refund_minor, currency),
            "creditAmount": from_minor(credit.total_minor - wanted.refund_minor, currency),
            "maxTotal": from_minor(rest.total_minor, currency),
            "maxRefundAmount": from_minor(min(rest.refundable_minor, credit.total_minor), currency),
        }
    )


def invoice_of(staff: ApiRequest, body: CreditNoteIn) -> Invoice:
    """The invoice to credit; customer and currency, when given, must be its own."""
    key = decode("inv", body.invoice_id)
    invoice = Invoice.objects.of(staff.organization).filter(pk=key).first() if key else None
    if invoice is None:
        raise Invalid("There is no such invoice.", code="invoice_not_found", field="invoice_id")
    if body.customer_id and decode("cust", body.customer_id) != invoice.customer_id:
        raise Invalid("This is not the invoice's customer.", field="customer_id")
    if body.currency and body.currency.strip().upper() != invoice.currency:
        raise Invalid(
            f"The invoice is in {invoice.currency}.", code="currencies_do_not_match", field="currency"
        )
    return cast(Invoice, invoice)


def request_of(invoice: Invoice, body: CreditNoteIn) -> CreditRequest:
    """What the body asks for, in minor units."""
    currency = invoice.currency
    if body.items is not None and body.amount is not None:
        raise Invalid("Send items or an amount, not both.", field="amount")
    items: dict[str, int] = {}
    for place, item in enumerate(body.items or []):
        key = decode("line", item.line_id)
        if key is None or str(key) in items:
            raise Invalid("Each line of the invoice at most once.", field=f"items[{place}].lineId")
        items[str(key)] = minor_of(item.amount, currency, f"items[{place}].amount")
    return CreditRequest(
        items=items,
        total_minor=None if body.amount is None else minor_of(body.amount, currency, "amount"),
        everything=body.items is None and body.amount is None,
        refund_minor=minor_of(body.refund_amount, currency, "refund_amount"),
    )


def reason_of(text: str) -> CreditReason:
    """One of the reasons, in any case."""
    try:
        return CreditReason(text.strip().lower())
    except ValueError:
        raise Invalid(f"Use one of {', '.join(CreditReason)}.", field="reason") from None


@router.get("/{id}")
def get_credit_note(request: HttpRequest, id: str) -> dict[str, Any]:
    """One credit note with its items."""
    rows = CreditNote.objects.of(cast(ApiRequest, request).organization)
    return envelope(credit_note_payload(rows.by_public_id(id)))


@router.post("/{id}/void")
def void(request: HttpRequest, id: str, body: NoteVoidIn | None = None) -> dict[str, Any]:
    """Withdraw a note of which nothing was used and nothing was given back."""
    staff = cast(ApiRequest, request)
    note = CreditNote.objects.of(staff.organization).by_public_id(id)
    reason = body.reason if body else ""
    note = void_credit_note(note, reason=reason, by=staff.actor, at=now(staff.organization))
    return envelope(credit_note_payload(note))


@router.get("/{id}/pdf")
def pdf(request: HttpRequest, id: str) -> Any:
    """The document's bytes when `Accept: application/pdf` asks for them, else `{url, status}`.

    A voided note answers with its stamped PDF, never with the one from before.
    """
    note = CreditNote.objects.of(cast(ApiRequest, request).organization).by_public_id(id)
    ask_for_pdf(note)
    if "application/pdf" not in request.headers.get("Accept", ""):
        copy = note.current_copy
        url = f"{settings.BASE_URL}/api/credit-notes/{note.public_id}/pdf" if copy.ready else None
        return envelope({"url": url, "status": copy.state})
    if not note.current_copy.ready:
        raise Conflict("The PDF is being made. Ask again in a moment.", code="pdf_not_ready")
    return pdf_answer(request, note)
