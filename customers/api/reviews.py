"""/api/customers/{id}/corrective-invoices: what a change of type put in question, and who has looked at it."""

from __future__ import annotations

from typing import ClassVar, cast

from django.db.models import F
from django.http import Http404, HttpRequest
from ninja import Field, Query

from billing.actions.clock import now
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.money import from_minor
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.api.lookup import present_customer
from customers.api.router import router
from customers.queries.classification import local_day
from customers.queries.shapes import CorrectiveInvoiceOut
from invoicing.actions.reviews import MAX_NOTE, mark_reviewed, undo_review
from invoicing.models import InvoiceReview


class ReviewIn(ApiSchema):
    """The invoices that were looked at; without them all that wait."""

    invoice_ids: list[str] | None = Field(None, max_length=1000)
    note: str = Field("", max_length=MAX_NOTE)


class Filters(ListQuery):
    """Waiting or reviewed; both without."""

    SORTS: ClassVar = {"issuingDate": "issuing_on"}
    USUAL: ClassVar = "asc"

    status: str | None = None


def review_payload(row: InvoiceReview) -> CorrectiveInvoiceOut:
    """A review as the API answers it."""
    invoice = row.invoice
    return {
        "invoiceId": invoice.public_id,
        "invoiceNumber": invoice.number,
        "issuingDate": invoice.issuing_on,
        "currency": invoice.currency,
        "total": from_minor(invoice.total_minor, invoice.currency),
        "taxAmount": from_minor(invoice.taxes_minor, invoice.currency),
        "status": "reviewed" if row.reviewed_at else "waiting",
        "askedOn": row.asked_on,
        "reviewedAt": row.reviewed_at,
        "reviewedBy": row.reviewer_label or None,
        "note": row.note,
    }


@router.get("/{id}/corrective-invoices")
def list_corrective_invoices(
    request: HttpRequest, id: str, filters: Query[Filters]
) -> Listing[CorrectiveInvoiceOut]:
    """Invoices with tax that were issued before the customer turned out to be a business, oldest first: for sixty
    days after the change, without those that have a credit note since. An unknown status finds nothing.
    """
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    today = local_day(customer, now(staff.organization))
    rows = InvoiceReview.objects.of(staff.organization).of_customer(customer).current(today)
    if filters.status:
        word = filters.status.strip().lower()
        rows = {"waiting": rows.waiting(), "reviewed": rows.exclude(reviewed_at=None)}.get(word, rows.none())
    return listed(request, rows.annotate(issuing_on=F("invoice__issuing_on")), review_payload, filters)


@router.post("/{id}/corrective-invoices/review")
def review_corrective_invoices(
    request: HttpRequest, id: str, body: ReviewIn | None = None
) -> Object[list[CorrectiveInvoiceOut]]:
    """Note that these invoices were looked at, with an optional note. What somebody has marked already stays as it
    is; the answer is what was marked now.
    """
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    wanted, at = body or ReviewIn(invoice_ids=None, note=""), now(staff.organization)
    keys = None
    if wanted.invoice_ids is not None:
        found = [decode("inv", text) for text in wanted.invoice_ids]
        if None in found:
            raise Invalid(
                "Name invoices by their id.",
                code="invoice_not_found",
                field=f"invoiceIds[{found.index(None)}]",
            )
        keys = [key for key in found if key]
    marked = mark_reviewed(
        customer,
        invoices=keys,
        note=wanted.note,
        today=local_day(customer, at),
        by=staff.actor,
        at=at,
    )
    return envelope([review_payload(row) for row in marked])


@router.delete("/{id}/corrective-invoices/{invoice_id}/review")
def undo_corrective_review(request: HttpRequest, id: str, invoice_id: str) -> Object[CorrectiveInvoiceOut]:
    """The invoice waits for its review again; twice is once."""
    staff, customer = cast(ApiRequest, request), present_customer(request, id)
    key, at = decode("inv", invoice_id), now(staff.organization)
    rows = InvoiceReview.objects.of(staff.organization).of_customer(customer).filter(invoice=key)
    if key is None or not rows.exists():
        raise Http404("This invoice is not in question.")
    undo_review(customer, invoices=[key], by=staff.actor, at=at)
    return envelope(review_payload(rows.get()))
