"""What every request of ours carries."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django_htmx.middleware import HtmxDetails

from billing.models import Member, Organization
from billing.orm.actor import Actor
from billing.web.api_middleware import in_api_shape

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
        response = HttpResponseBadRequest("NUL is not allowed.") if nul else self.get_response(request)
        if response.status_code >= 400 and request.path_info.startswith("/api/"):
            response = in_api_shape(request, response)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response
