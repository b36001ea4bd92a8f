"""A document's PDF as an answer: for staff, and for the customer that it is addressed to."""

from __future__ import annotations

from typing import Any, cast

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_cache_control

READY = "ready"

# The browser's own PDF reader is a plug-in to the policy, and paints with styles of its own.
READER = {"object-src": ["'self'"], "style-src": ["'unsafe-inline'"]}


def pdf_answer(request: HttpRequest, row: Any) -> HttpResponse:
    """The stored file, or 304 when the browser has it; 404 while there is none."""
    if row.pdf_state != READY or not row.pdf:
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


def file_name(row: Any) -> str:
    """`ACM-001-001.pdf`; characters that a path could be made of are replaced."""
    kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in row.number)
    return f"{kept.strip('.') or row.public_id}.pdf"
