"""The page for an unexpected error, with the reference that the log has too."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def server_error(request: HttpRequest) -> HttpResponse:
    """500 without context processors: the database may be what has failed."""
    return HttpResponse(render_to_string("500.html", {"request": request}), status=500)
