"""What every call of the API passes through, in this order: its key, then what is done once for all routes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from billing.rules.errors import BillingError
from billing.rules.scopes import SAFE
from billing.web.api import ApiRequest, admit, api, error_body
from billing.web.api_log import log_call
from billing.web.etags import if_unchanged, with_tag
from billing.web.idempotency import HEADER, answer_once
from billing.web.limits import add_room, charge_events, charge_request
from billing.web.scopes import missing_scope, refuse_scope

API_ERRORS = {
    404: ("not_found", "There is no such route."),
    405: ("method_not_allowed", "This route does not take this method."),
    500: ("server_error", "Something went wrong on our side. The request id tells us what."),
}


class ApiMiddleware:
    """The manners of the API that need no route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        started = time.monotonic()
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = admit(request, token.strip()) if scheme.lower() == "bearer" else None
        try:
            response = self.answered(request) if key else self.get_response(request)
        except (BillingError, RequestDataTooBig) as error:
            response = api.on_exception(request, error)
        response = in_api_shape(request, response)
        if key:
            log_call(request, response, started)
            response = with_tag(request, response)
            add_room(request, response)
        return response

    def answered(self, request: HttpRequest) -> HttpResponse:
        """The answer to a call with a key. Raises BillingError."""
        charge(request)
        if scope := missing_scope(cast(ApiRequest, request).api_key, request):
            raise refuse_scope(scope)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        view = self.get_response
        if "If-Match" in request.headers and request.method not in SAFE:
            view = partial(if_unchanged, view=view)
        if HEADER in request.headers and request.method == "POST":
            return answer_once(request, view)
        return view(request)


def charge(request: HttpRequest) -> None:
    """Count the call against its key's limit. Events have a limit of their own, in events."""
    if request.method == "POST" and request.path_info.startswith("/api/events"):
        charge_events(request)
    else:
        charge_request(request)


def in_api_shape(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """What Django itself has answered under /api (an unknown route, a wrong method, a failure) as JSON."""
    if response.status_code < 400 or response.get("Content-Type", "").startswith("application/json"):
        return response
    code, text = API_ERRORS.get(response.status_code, ("invalid", "This request cannot be read."))
    answer = JsonResponse(error_body(request, code, text), status=response.status_code)
    for name in ("Allow", "Retry-After"):
        if name in response:
            answer[name] = response[name]
    return answer
