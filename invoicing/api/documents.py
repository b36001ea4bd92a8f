"""The PDF of a document: where it is, or its bytes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from billing.rules.errors import Conflict
from billing.web.api import envelope
from billing.web.documents import pdf_answer
from billing.web.shapes import Object
from invoicing.actions.publish import ask_for_pdf
from invoicing.queries.shapes import DocumentOut

PDF = "application/pdf"


def wants_bytes(request: HttpRequest) -> bool:
    """Whether a PDF is accepted."""
    return PDF in request.headers.get("Accept", "")


def document(request: HttpRequest, row: Any, *, download: bool) -> Object[DocumentOut] | HttpResponse:
    """The file of an issued invoice, credit note or receipt, or where and how far it is. Raises Conflict
    (pdf_not_ready) when the file is asked for before it is made.
    """
    ask_for_pdf(row)
    if not download and not wants_bytes(request):
        url = request.build_absolute_uri(f"{request.path}?download=true")
        return envelope({"url": url, "status": row.current_copy.state})
    if not row.current_copy.ready:
        raise Conflict("The PDF is being made. Ask again in a moment.", code="pdf_not_ready")
    return pdf_answer(request, row)
