"""`Idempotency-Key`: a POST that is repeated is answered as it was the first time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from billing.actions.idempotency import Answer, Call, first_answer, in_one_transaction, keep, one_at_a_time
from billing.clients.http import SpeaksOut
from billing.rules.errors import Invalid
from billing.web.api import ApiRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")
View = Callable[[HttpRequest], HttpResponse]


def answer_once(request: HttpRequest, view: View) -> HttpResponse:
    """The view's answer, or the one that was kept under the key. Raises BillingError when the key cannot be used."""
    call = call_of(request)
    try:
        with in_one_transaction(call):
            response = kept_or_first(call, request, view)
            if response.status_code >= 500:  # a failure leaves nothing half done
                transaction.set_rollback(True)
            return response
    except SpeaksOut:
        with one_at_a_time(call):
            return kept_or_first(call, request, view)


def kept_or_first(call: Call, request: HttpRequest, view: View) -> HttpResponse:
    """What was answered before, else what is answered now, kept when it was done."""
    known = first_answer(call)
    if known is not None:
        response = HttpResponse(known.body, status=known.status, content_type="application/json")
        response[REPLAYED] = "true"
        return response
    response = view(request)
    if 200 <= response.status_code < 300:
        keep(call, Answer(response.status_code, response.content.decode()))
    return response


def call_of(request: HttpRequest) -> Call:
    """What is called, and under which key. By whom counts as far as rights go: what a key with all rights was
    answered (the secret of a new key, of a webhook) is not for one with fewer.
    """
    key, caller = request.headers[HEADER], cast(ApiRequest, request)
    if not KEY.fullmatch(key):
        raise Invalid("Use a key of 1 to 200 visible ASCII characters.", field=HEADER)
    said = request.META.get("QUERY_STRING", "").encode() + b"\n" + request.body
    if scopes := caller.api_key.scopes:
        said = " ".join(sorted(scopes)).encode() + b"\n" + said
    return Call(
        caller.organization.pk,
        key,
        f"{request.method} {request.path}"[:2000],
        hashlib.sha256(said).hexdigest(),
    )
