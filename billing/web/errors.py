"""The one place where an error becomes a toast, a form error, a page or JSON."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from billing.rules.errors import BillingError, FieldErrors
from billing.web.htmx import back_url, toast, wants_partial


def add_error(form: BaseForm, error: BillingError, fields: dict[str, str] | None = None) -> None:
    """Show a domain error at the form field that it names, else above the form.

    `fields` translates the error's field names where the form calls them otherwise.
    """
    pairs = error.errors if isinstance(error, FieldErrors) else [(error.field, str(error))]
    for name, text in pairs:
        field = (fields or {}).get(name or "", name)
        form.add_error(field if field in form.fields else None, text)


class ErrorMiddleware:
    """Answers a domain error that no form has caught: a toast for htmx, a message on the page before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Only our own errors; everything else is a 500 with its request id."""
        if not isinstance(error, BillingError):
            return None
        if wants_partial(request):
            response = HttpResponse(status=error.status)
            response["HX-Reswap"] = "none"
            return toast(response, str(error), kind="error")
        if request.method == "POST":
            messages.error(request, str(error))
            return redirect(back_url(request, "/"))
        return render(request, "error.html", {"error": error}, status=error.status)
