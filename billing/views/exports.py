"""`/exports/<token>`: the file of an export, for whoever has its link, as long as it is kept."""

from __future__ import annotations

from typing import cast

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from billing.queries.payloads_exports import export_of_token


@require_safe
def export_file(request: HttpRequest, token: str) -> HttpResponse:
    """A CSV file in UTF-8."""
    row = export_of_token(token)
    try:
        content = row.file.open("rb")
    except FileNotFoundError:
        raise Http404("The file is missing in the storage.") from None
    name = f"{row.content.replace('_', '-')}-{row.created_at:%Y-%m-%d}.csv"
    response = FileResponse(
        content, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8"
    )
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_store=True)
    return cast(HttpResponse, response)
