"""What every request of ours carries."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django_htmx.middleware import HtmxDetails

from billing.models import Member, Organization
from billing.orm.actor import Actor
from billing.web.api import error_body

ACCEPTED_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")


class StaffRequest(HttpRequest):
    """A request of a signed-in member; `access` guarantees these attributes."""

    if TYPE_CHECKING:
        htmx: HtmxDetails
        member: Member
        organization: Organization
        actor: Actor
        request_id: str


class RequestIdMiddleware:
    """Gives each request an id, taken over from the proxy when it sends a sane one, and answers it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request.request_id = given if ACCEPTED_ID.match(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        # PostgreSQL knows no NUL in text. Forms and bodies refuse it by themselves; paths, filters and searches
        # are free text.
        nul = "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path_info
        response = refuse_nul(request) if nul else self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


def refuse_nul(request: HttpRequest) -> HttpResponse:
    """400, in the API's shape where the API was asked."""
    text = "NUL characters are not allowed."
    if request.path_info.startswith("/api/"):
        return JsonResponse(error_body(request, "invalid", text), status=400)
    return HttpResponseBadRequest(text)
