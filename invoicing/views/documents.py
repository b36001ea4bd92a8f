"""The PDFs of invoices and credit notes: shown inline, downloaded, and waited for.

A voided document has two: the stamped one, and the one as it was issued. They can be read after the customer is
deleted; another organization's are a 404.
"""

from __future__ import annotations

from uuid import UUID

from csp.decorators import csp_replace
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.web.access import access
from billing.web.documents import READER, pdf_answer
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from invoicing.views.frame import document_context, find_credit_note, find_invoice


@require_safe
@access("invoices.view")  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def invoice_pdf(request: StaffRequest, id: UUID) -> HttpResponse:
    """The PDF of an issued invoice, inline; `?download=1` as an attachment."""
    return pdf_answer(request, find_invoice(request, id))


@require_safe
@access("invoices.view")  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def invoice_pdf_issued(request: StaffRequest, id: UUID) -> HttpResponse:
    """The PDF as it was issued, also after the invoice was voided: for staff alone."""
    return pdf_answer(request, find_invoice(request, id), as_issued=True)


@require_safe
@access("credit_notes.view")  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def credit_note_pdf(request: StaffRequest, id: UUID) -> HttpResponse:
    """The PDF of a credit note, inline; `?download=1` as an attachment."""
    return pdf_answer(request, find_credit_note(request, id))


@require_safe
@access("credit_notes.view")  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def credit_note_pdf_issued(request: StaffRequest, id: UUID) -> HttpResponse:
    """The PDF as it was issued, also after the credit note was voided: for staff alone."""
    return pdf_answer(request, find_credit_note(request, id), as_issued=True)


@require_safe
@access("invoices.view")
def invoice_document(request: StaffRequest, id: UUID) -> HttpResponse:
    """The panel with the invoice's PDF; while it is being made it asks for itself each second."""
    return render_page(
        request, "invoicing/document.html", document_context(request, find_invoice(request, id))
    )


@require_safe
@access("credit_notes.view")
def credit_note_document(request: StaffRequest, id: UUID) -> HttpResponse:
    """The panel with the credit note's PDF."""
    note = find_credit_note(request, id)
    return render_page(request, "invoicing/document.html", document_context(request, note))
