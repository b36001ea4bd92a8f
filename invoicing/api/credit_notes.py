"""/api/credit-notes."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router
from pydantic import AliasChoices

from billing.actions.clock import now
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.money import from_minor
from billing.rules.words import Words, id_of, word_of
from billing.web.api import ApiRequest, ApiSchema, action_key, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.exporting import exportable
from billing.web.shapes import Listing, Object
from invoicing.actions.crediting import (
    CreditRequest,
    estimate,
    issue_credit_note,
    void_credit_note,
    withdraw_rest,
)
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.publish import ask_for_pdf
from invoicing.api.documents import document
from invoicing.api.mails import MailIn, mail_terms
from invoicing.models import CreditNote, Invoice
from invoicing.queries.crediting import creditable
from invoicing.queries.e_invoice_xml import e_invoice_xml
from invoicing.queries.mail_facts import mail_payload
from invoicing.queries.narrow import refund_stands
from invoicing.queries.payloads import credit_note_payload, plain
from invoicing.queries.shapes import CreditEstimateOut, CreditNoteOut, DocumentOut
from invoicing.queries.shapes_collecting import MailOut
from invoicing.rules.amounts import minor_of
from invoicing.rules.crediting import CreditReason
from invoicing.rules.states import RefundStatus

router = Router(tags=["Credit notes"])


class CreditItemIn(ApiSchema):
    """An amount of a line of the invoice, before tax."""

    line_id: str = Field(
        validation_alias=AliasChoices("lineId", "invoiceLineId", "line_id"), serialization_alias="lineId"
    )
    amount: Decimal


class CreditTaxIn(ApiSchema):
    """An amount of a tax of the invoice, by its code; `rate` where the invoice has the code at two rates."""

    code: str
    rate: Decimal | None = None
    amount: Decimal


class CreditNoteIn(ApiSchema):
    """`items` by line, or `amount` with tax, or `taxes` or `taxOnly` for the tax alone (`taxOnly`: all that is
    left of it), or none of them for all that is left. `refundAmount` of it goes back as money, `offsetAmount` of it
    lowers what is due of the invoice, the rest is credit for the next invoices. Of an invoice that sold prepaid
    credits everything goes one way: it is offset while nothing was paid, else given back, and the credits leave their
    wallet.
    """

    invoice_id: str
    customer_id: str | None = None
    currency: str | None = None
    items: list[CreditItemIn] | None = Field(None, max_length=2000)
    amount: Decimal | None = None
    taxes: list[CreditTaxIn] | None = Field(None, max_length=100)
    tax_only: bool = False
    refund_amount: Decimal = Decimal(0)
    offset_amount: Decimal = Decimal(0)
    reason: str = CreditReason.OTHER.value
    description: str = Field("", max_length=500)


class NoteVoidIn(ApiSchema):
    """Why; it is printed on the stamped PDF."""

    reason: str = ""


class Filters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = {
        "issuingDate": "issuing_on,created_at",
        "createdAt": "created_at",
        "number": "number",
        "total": "total_minor",
    }

    status: Annotated[str | None, Words("finalized", "voided")] = None
    customer_id: str | None = None
    invoice_id: str | None = None
    refund_status: Annotated[str | None, Words(*RefundStatus)] = None


@router.get("")
def list_credit_notes(request: HttpRequest, filters: Query[Filters]) -> Listing[CreditNoteOut]:
    """Newest first."""
    return listed(request, narrowed(cast(ApiRequest, request), filters), credit_note_payload, filters)


def narrowed(request: ApiRequest, filters: Filters) -> Any:
    """The credit notes that the query asks for, without order."""
    rows: Any = CreditNote.objects.of(request.organization)
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    if filters.invoice_id:
        rows = rows.filter(invoice_id=id_of("inv", filters.invoice_id, "invoice_id"))
    if filters.status:
        rows = rows.filter(
            status=word_of(filters.status, ("finalized", "voided"), "status", {"void": "voided"})
        )
    if filters.refund_status:
        rows = rows.filter(
            refund_stands(word_of(filters.refund_status, tuple(RefundStatus), "refund_status"))
        )
    rows = rows.prefetch_related("refunds")
    return rows


exportable("credit-notes", Filters, narrowed, "credit_notes", "credit_note_items")


@router.post("", response={201: dict[str, Any]})
def create_credit_note(request: HttpRequest, body: CreditNoteIn) -> tuple[int, Object[CreditNoteOut]]:
    """Credit an issued invoice, also of a deleted customer. `Idempotency-Key` makes a repeat harmless."""
    staff = cast(ApiRequest, request)
    invoice = invoice_of(staff, body)
    note = issue_credit_note(
        invoice,
        request_of(invoice, body),
        reason=reason_of(body.reason),
        description=body.description,
        key=f"api:{action_key(request)}",
        by=staff.actor,
        at=now(staff.organization),
    )
    return 201, envelope(credit_note_payload(note))


@router.post("/estimate")
def estimate_credit_note(request: HttpRequest, body: CreditNoteIn) -> Object[CreditEstimateOut]:
    """The note that POST would make; nothing is written."""
    invoice = invoice_of(cast(ApiRequest, request), body)
    wanted = request_of(invoice, body)
    found = estimate(invoice, wanted)
    credit, rest = found.credit, found.rest
    currency = invoice.currency
    return envelope(
        {
            "invoiceId": invoice.public_id,
            "currency": currency,
            "items": [
                {
                    "lineId": row.public_id,
                    "amount": from_minor(credit.items[str(row.pk)], currency),
                    "taxAmount": from_minor(credit.item_taxes[str(row.pk)], currency)
                    if str(row.pk) in credit.item_taxes
                    else None,
                }
                for row in rest.rows
                if str(row.pk) in credit.items
            ],
            "taxes": [
                {
                    "code": tax.row.code,
                    "name": tax.row.name,
                    "rate": plain(tax.row.rate),
                    "amount": from_minor(credit.taxes.get(tax.key, 0), currency),
                    "maxAmount": from_minor(tax.left_minor, currency),
                }
                for tax in rest.taxes
            ],
            "amount": from_minor(credit.net_minor, currency),
            "taxAmount": from_minor(credit.tax_minor, currency),
            "total": from_minor(credit.total_minor, currency),
            "refundAmount": from_minor(found.refund_minor, currency),
            "offsetAmount": from_minor(found.offset_minor, currency),
            "creditAmount": from_minor(found.credit_minor, currency),
            "maxTotal": from_minor(rest.total_minor, currency),
            "maxTaxAmount": from_minor(rest.tax_left_minor, currency),
            "maxRefundAmount": from_minor(found.most_refund_minor, currency),
            "maxOffsetAmount": from_minor(found.most_offset_minor, currency),
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
    given = [body.items is not None, body.amount is not None, body.taxes is not None or body.tax_only]
    if sum(given) > 1:
        raise Invalid(
            "Send items, an amount, or taxes: one of them.", field="taxes" if given[2] else "amount"
        )
    items: dict[str, int] = {}
    for place, item in enumerate(body.items or []):
        key = decode("line", item.line_id)
        if key is None or str(key) in items:
            raise Invalid("Each line of the invoice at most once.", field=f"items[{place}].lineId")
        items[str(key)] = minor_of(item.amount, currency, f"items[{place}].amount")
    return CreditRequest(
        items=items,
        total_minor=None if body.amount is None else minor_of(body.amount, currency, "amount"),
        everything=not any(given),
        only_tax=given[2],
        taxes=None if body.taxes is None else taxes_of(invoice, body.taxes),
        refund_minor=minor_of(body.refund_amount, currency, "refund_amount"),
        offset_minor=minor_of(body.offset_amount, currency, "offset_amount"),
    )


def taxes_of(invoice: Invoice, wanted: list[CreditTaxIn]) -> dict[str, int]:
    """What is asked for of each tax of the invoice, in minor units, within what is left of it."""
    found: dict[str, int] = {}
    rows = creditable(invoice).taxes
    for place, tax in enumerate(wanted):
        field = f"taxes[{place}]"
        named = [row for row in rows if row.row.code == tax.code and tax.rate in (None, row.row.rate)]
        if len(named) > 1:
            raise Invalid("The invoice has this tax at several rates: send the rate.", field=f"{field}.rate")
        if not named:
            raise Invalid("The invoice has no such tax.", code="tax_not_found", field=f"{field}.code")
        if named[0].key in found:
            raise Invalid("Each tax of the invoice at most once.", field=f"{field}.code")
        minor = minor_of(tax.amount, invoice.currency, f"{field}.amount")
        if not 0 < minor <= named[0].left_minor:
            most = from_minor(named[0].left_minor, invoice.currency)
            raise Invalid(
                f"Send more than 0 and at most {most:f}: so much is left of this tax.",
                code="more_than_creditable",
                field=f"{field}.amount",
            )
        found[named[0].key] = minor
    return found


def reason_of(text: str) -> CreditReason:
    """One of the reasons, in any case."""
    try:
        return CreditReason(text.strip().lower())
    except ValueError:
        raise Invalid(f"Use one of {', '.join(CreditReason)}.", field="reason") from None


@router.get("/{id}")
def get_credit_note(request: HttpRequest, id: str) -> Object[CreditNoteOut]:
    """One credit note with its items."""
    rows = CreditNote.objects.of(cast(ApiRequest, request).organization)
    return envelope(credit_note_payload(rows.by_public_id(id)))


@router.post("/{id}/void")
def void(request: HttpRequest, id: str, body: NoteVoidIn | None = None) -> Object[CreditNoteOut]:
    """Withdraw a note of which nothing was used and nothing was given back; of another one what is left of its
    credit (`withdrawnAmount`).
    """
    staff = cast(ApiRequest, request)
    note = CreditNote.objects.of(staff.organization).by_public_id(id)
    reason = body.reason if body else ""
    act = withdraw_rest if note.balance_minor and not note.untouched else void_credit_note
    note = act(note, reason=reason, by=staff.actor, at=now(staff.organization))
    return envelope(credit_note_payload(note))


@router.post("/{id}/send", response={202: dict[str, Any]})
def send(request: HttpRequest, id: str, body: MailIn | None = None) -> tuple[int, Object[MailOut]]:
    """Have a credit note sent by e-mail, as an invoice is."""
    staff = cast(ApiRequest, request)
    note = CreditNote.objects.of(staff.organization).by_public_id(id)
    ask_for_pdf(note)
    return 202, envelope(mail_payload(send_document_mail(note, **mail_terms(staff, note, body))))


@router.get("/{id}/xml")
def xml(request: HttpRequest, id: str, format: str = "ubl") -> HttpResponse:
    """The credit note as an e-invoice, UBL or CII (`format=cii`); 409 e_invoice_incomplete says what is missing."""
    note = CreditNote.objects.of(cast(ApiRequest, request).organization).by_public_id(id)
    return HttpResponse(e_invoice_xml(note, format), content_type="application/xml")


@router.get("/{id}/pdf")
def pdf(request: HttpRequest, id: str, download: bool = False) -> Object[DocumentOut] | HttpResponse:
    """The document's bytes when `Accept: application/pdf` or `download=true` asks for them, else `{url, status}`.

    A voided note answers with its stamped PDF, never with the one from before.
    """
    note = CreditNote.objects.of(cast(ApiRequest, request).organization).by_public_id(id)
    return document(request, note, download=download)
