"""A document's PDF as an answer: for staff, and for the customer that it is addressed to."""

from __future__ import annotations

from typing import Any, cast

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_cache_control

# The browser's own PDF reader is a plug-in to the policy, and paints with styles of its own.
READER = {"object-src": ["'self'"], "style-src": ["'unsafe-inline'"]}


def pdf_answer(request: HttpRequest, row: Any, *, as_issued: bool = False) -> HttpResponse:
    """The stored file, or 304 when the browser has it; 404 while there is none.

    Of a voided document it is the one with the stamp; `as_issued` is for staff: the one from before.
    """
    copy = row.issued_copy if as_issued else row.current_copy
    if not copy.ready:
        raise Http404("This document has no PDF yet.")
    # Which file it is stands in the tag: the stamped one has to replace what a browser kept of the first.
    made_at = int(copy.made_at.timestamp()) if copy.made_at else 0
    etag = f'"{row.pk.hex}-{"void-" if copy.stamped else ""}{made_at}"'
    if request.headers.get("If-None-Match") == etag:
        unchanged = HttpResponseNotModified(headers={"ETag": etag})
        patch_cache_control(unchanged, private=True, no_cache=True)
        return unchanged
    try:
        file = copy.file.open("rb")
    except FileNotFoundError as error:
        raise Http404("The file of this document is missing in the storage.") from error
    response = FileResponse(
        file,
        as_attachment=request.GET.get("download") in {"1", "true"},
        filename=file_name(row, "-as-issued" if copy != row.current_copy else ""),
        content_type="application/pdf",
    )
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    # no_cache: the browser asks each time whether it still may see it, and gets a 304
    patch_cache_control(response, private=True, no_cache=True)
    return cast(HttpResponse, response)


def file_name(row: Any, more: str = "") -> str:
    """`ACM-001-001.pdf`; characters that a path could be made of are replaced."""
    kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in row.number)
    return f"{kept.strip('.') or row.public_id}{more}.pdf"
