"""/api/payment-receipts, and the receipt of a payment at /api/payments/{id}/receipt."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from billing.actions.clock import now
from billing.rules.errors import NotFound
from billing.rules.words import id_of
from billing.web.api import ApiRequest, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.publish import ask_for_pdf
from invoicing.actions.receipts import ensure_receipt
from invoicing.api.documents import document, wants_bytes
from invoicing.api.mails import MailIn, mail_terms
from invoicing.models import RECEIVED, Payment, Receipt
from invoicing.queries.mail_facts import mail_payload
from invoicing.queries.receipts import money_behind, receipt_payload
from invoicing.queries.shapes import DocumentOut
from invoicing.queries.shapes_collecting import MailOut, PaymentReceiptOut

router = Router(tags=["Payments"])
of_payment = Router(tags=["Payments"])


class Filters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = {"issuedAt": "issued_at", "createdAt": "created_at", "number": "number"}

    customer_id: str | None = None
    invoice_number: str | None = None


def rows_of(request: HttpRequest) -> Any:
    """The organization's receipts."""
    return Receipt.objects.of(cast(ApiRequest, request).organization)


@router.get("")
def list_receipts(request: HttpRequest, filters: Query[Filters]) -> Listing[PaymentReceiptOut]:
    """Newest first."""
    rows = rows_of(request)
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    if filters.invoice_number:
        rows = rows.filter(items__contains=[{"number": filters.invoice_number.strip()}])
    return listed(request, rows, receipt_payload, filters)


@router.get("/{id}")
def get_receipt(request: HttpRequest, id: str) -> Object[PaymentReceiptOut]:
    """One receipt."""
    return envelope(receipt_payload(rows_of(request).by_public_id(id)))


@router.get("/{id}/pdf")
def pdf(request: HttpRequest, id: str, download: bool = False) -> Object[DocumentOut] | HttpResponse:
    """The receipt's bytes when `Accept: application/pdf` or `download=true` asks for them, else `{url, status}`."""
    return document(request, rows_of(request).by_public_id(id), download=download)


@router.post("/{id}/send", response={202: dict[str, Any]})
def send(request: HttpRequest, id: str, body: MailIn | None = None) -> tuple[int, Object[MailOut]]:
    """Have a receipt sent by e-mail, to its customer's address when `to` is left out. The same Idempotency-Key sends
    it once.
    """
    staff = cast(ApiRequest, request)
    receipt = rows_of(request).select_related("billing_entity", "customer", "payment", "remittance")
    row: Receipt = receipt.by_public_id(id)
    ask_for_pdf(row)
    mail = send_document_mail(row, **mail_terms(staff, row, body))
    return 202, envelope(mail_payload(mail))


@of_payment.get("/{id}/receipt")
def receipt_of_payment(
    request: HttpRequest, id: str
) -> Object[PaymentReceiptOut] | Object[DocumentOut] | HttpResponse:
    """The receipt of a payment, that of the whole transfer for a part of one; its bytes when
    `Accept: application/pdf` asks for them.
    """
    staff = cast(ApiRequest, request)
    rows = Payment.objects.of(staff.organization).select_related("remittance")
    payment: Payment = rows.by_public_id(id)
    if payment.status not in RECEIVED:
        raise NotFound("No money came with this payment: there is no receipt.", code="no_receipt")
    row = ensure_receipt(money_behind(payment), at=now(staff.organization))
    return document(request, row, download=True) if wants_bytes(request) else envelope(receipt_payload(row))
