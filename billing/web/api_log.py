"""The log of calls that change something: written beside the call, also when it was refused.

Events are left out: they have a list of their own (Developers > Events), and a row for each would double what they
cost. So are previews, which change nothing, and calls over the limit, which would make a flood worse.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from billing.models import ApiCall
from billing.models.api_call import write_call
from billing.rules.masking import masked, masked_query, masked_text
from billing.rules.scopes import SAFE, WRITE
from billing.web.api import ApiRequest
from billing.web.idempotency import REPLAYED
from billing.web.scopes import needed_scope, route_of
from billing.web.throttle import address

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024  # of a body: longer ones are not kept
NAMELESS = "customers/<id>/erase"  # what is sent there names whom nothing is to be known of afterwards


def is_logged(request: HttpRequest, status: int) -> bool:
    """Whether this call belongs into the log."""
    if request.method in SAFE or request.path_info.startswith("/api/events") or status == 429:
        return False
    needed = needed_scope(request)
    return not needed or needed.endswith(f":{WRITE}")


def log_call(request: HttpRequest, response: HttpResponse, started: float) -> None:
    """Write the row, outside of whatever the call did. `started`: `time.monotonic()`. A log that cannot be written is
    no reason to fail.
    """
    if not is_logged(request, response.status_code):
        return
    caller = cast(ApiRequest, request)
    answer = read(response.content)
    error = answer.get("error") if isinstance(answer, dict) and response.status_code >= 400 else None
    route = route_of(request)[:200]
    call = ApiCall(
        organization_id=caller.organization.pk,
        method=request.method or "",
        path=masked_text(clean(request.path))[:500],
        route=route,
        query=masked_query(clean(request.META.get("QUERY_STRING", "")))[:1000],
        status=response.status_code,
        code=str(error.get("code", ""))[:60] if isinstance(error, dict) else "",
        request_id=caller.request_id,
        api_key_id=caller.api_key.pk,
        key_label=f"{caller.api_key.name} …{caller.api_key.last4}",
        address=address(request)[:45],
        replayed=REPLAYED in response,
        duration_ms=min(int((time.monotonic() - started) * 1000), 2**31 - 1),
        request_body="(not kept)" if route == NAMELESS else kept(sent_body(request)),
        response_body=kept(response.content),
    )
    try:
        write_call(call)
    except DatabaseError:
        logger.exception("The call %s could not be logged.", caller.request_id)


def sent_body(request: HttpRequest) -> bytes | None:
    """What was sent; None when it is too large to be read."""
    try:
        return request.body
    except RequestDataTooBig:
        return None


def read(body: bytes) -> Any:
    """The parsed body; None when there is none or it is no JSON."""
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def kept(body: bytes | None) -> str:
    """A body as text for the log."""
    if body is None or len(body) > MOST_BYTES:
        return "(too long to be kept)" if body is None else f"(not kept: {len(body):,} bytes)"
    if not body:
        return ""
    value = read(body)
    try:
        return json.dumps(masked(value), separators=(",", ":")) if value is not None else "(not JSON)"
    except RecursionError:
        return "(not kept: nested too deeply)"


def clean(text: str) -> str:
    """Text that PostgreSQL takes."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
