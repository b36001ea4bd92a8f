"""The pages for what fails before a view is reached: an unexpected error, and a form that is out of date."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from billing.web.htmx import toast, wants_partial

OUT_OF_DATE = (
    "This page has been open since before you signed in. Load it again, then repeat: nothing was changed."
)


def server_error(request: HttpRequest) -> HttpResponse:
    """500 without context processors: the database may be what has failed."""
    return HttpResponse(render_to_string("500.html", {"request": request}), status=500)


def out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is not this session's: mostly a page from before the last sign-in."""
    if hasattr(request, "htmx") and wants_partial(request):
        return toast(HttpResponse(status=403), OUT_OF_DATE, kind="error")
    return render(request, "out_of_date.html", {"text": OUT_OF_DATE}, status=403)
