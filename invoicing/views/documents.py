"""The PDFs of invoices and credit notes: shown inline, downloaded, and waited for.

They can be read after the customer is deleted; another organization's are a 404.
"""

from __future__ import annotations

from typing import cast
from uuid import UUID

from csp.decorators import csp_replace
from django.http import FileResponse, Http404, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from invoicing.models import PdfState
from invoicing.views.frame import Document, document_context, find_credit_note, find_invoice

# The browser's own PDF reader is a plug-in to the policy, and paints with styles of its own.
READER = {"object-src": ["'self'"], "style-src": ["'unsafe-inline'"]}


@require_safe
@access("invoices.view")  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def invoice_pdf(request: StaffRequest, id: UUID) -> HttpResponse:
    """The PDF of an issued invoice, inline; `?download=1` as an attachment."""
    return pdf_answer(request, find_invoice(request, id))


@require_safe
@access("credit_notes.view")  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def credit_note_pdf(request: StaffRequest, id: UUID) -> HttpResponse:
    """The PDF of a credit note, inline; `?download=1` as an attachment."""
    return pdf_answer(request, find_credit_note(request, id))


def pdf_answer(request: StaffRequest, row: Document) -> HttpResponse:
    """The stored file, or 304 when the browser has it; 404 while there is none."""
    if row.pdf_state != PdfState.READY or not row.pdf:
        raise Http404("This document has no PDF yet.")
    etag = f'"{row.pk.hex}-{int(row.pdf_made_at.timestamp()) if row.pdf_made_at else 0}"'
    if request.headers.get("If-None-Match") == etag:
        unchanged = HttpResponseNotModified(headers={"ETag": etag})
        patch_cache_control(unchanged, private=True, no_cache=True)
        return unchanged
    try:
        file = row.pdf.open("rb")
    except FileNotFoundError as error:
        raise Http404("The file of this document is missing in the storage.") from error
    response = FileResponse(
        file,
        as_attachment=request.GET.get("download") == "1",
        filename=file_name(row),
        content_type="application/pdf",
    )
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    # no_cache: the browser asks each time whether it still may see it, and gets a 304
    patch_cache_control(response, private=True, no_cache=True)
    return cast(HttpResponse, response)


def file_name(row: Document) -> str:
    """`ACM-001-001.pdf`; characters that a path could be made of are replaced."""
    kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in row.number)
    return f"{kept.strip('.') or row.public_id}.pdf"


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
