"""ETags: what has not changed is not sent again, and what has changed since somebody read it is not overwritten.

The tag of an object is a digest of what a GET answers about it, so whatever can be seen counts. `If-Match` on a
PATCH, PUT, DELETE or act is checked with the object's row locked, in the transaction of the act: nobody comes
between. The tag is that of the closest object in the address: of `/invoices/{id}` for `/invoices/{id}/finalize`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, QueryDict
from django.urls import Resolver404, resolve
from django.utils.http import parse_etags

from billing.actions.locks import lock_object
from billing.clients.http import SpeaksOut, nothing_outside
from billing.rules.errors import BillingError, Invalid
from billing.web.api import ApiRequest, api, error_body

SINGLE = b'{"data":{'
NOW = re.compile(rb'"now":"[0-9T:.Z+-]+",?')
View = Callable[[HttpRequest], HttpResponse]


def tag_of(response: HttpResponse) -> str:
    """The tag of an answer about a single object; empty for any other. That time passes is no change."""
    if response.status_code != 200 or response.streaming or not response.content.startswith(SINGLE):
        return ""
    return f'"{hashlib.blake2b(NOW.sub(b"", response.content), digest_size=12).hexdigest()}"'


def strong(tags: list[str]) -> set[str]:
    """Tags without the mark that compression puts before them: ours stand for objects, not for bytes."""
    return {tag.removeprefix("W/") for tag in tags}


def with_tag(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer with its tag; 304 without a body when a GET names it in `If-None-Match`."""
    tag = tag_of(response) if request.method in {"GET", "PATCH", "PUT"} else ""
    if not tag:
        return response
    response["ETag"] = tag
    known = strong(parse_etags(request.headers.get("If-None-Match", "")))
    if request.method == "GET" and known & {tag, "*"}:
        return HttpResponseNotModified(headers={"ETag": tag})
    return response


def if_unchanged(request: HttpRequest, view: View) -> HttpResponse:
    """The view's answer if the object still has a tag of `If-Match`, else 412 with its present one."""
    wanted = strong(parse_etags(request.headers["If-Match"]))
    if not wanted:
        raise Invalid('Send a tag as an ETag header gave it, such as "0123abcd".', field="If-Match")
    try:
        with transaction.atomic(), nothing_outside():
            path, found = closest(request, view)
            lock_object(cast(ApiRequest, request).organization, id_of(request, path, found, view))
            tag = tag_of(look(request, path, view))
            if not wanted & {tag, "*"}:
                return changed(request, tag)
            response = view(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
            return response
    except SpeaksOut:
        raise BillingError(
            "This act asks another system and cannot be bound to an ETag: send it without If-Match.",
            code="if_match_not_possible",
            field="If-Match",
        ) from None


def changed(request: HttpRequest, tag: str) -> HttpResponse:
    """412 with the tag of the object as it is."""
    text = "This object has changed since it was read. Read it again, then send what still holds with its new ETag."
    response = api.create_response(request, error_body(request, "changed", text), status=412)
    response["ETag"] = tag
    return response


@lru_cache(maxsize=1)
def readable() -> frozenset[str]:
    """The routes that take a GET, in the spelling of Django."""
    routes = (
        f"api{prefix}/{path.lstrip('/')}".rstrip("/").replace("{", "<").replace("}", ">")
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        if any("GET" in operation.methods for operation in view.operations)
    )
    return frozenset(routes)


def above(path: str) -> Iterator[str]:
    """The address and those it stands under, from the inside out, as far as they can be read."""
    while path.count("/") >= 2:
        try:
            if resolve(path).route in readable():
                yield path
        except Resolver404:
            pass
        path = path.rpartition("/")[0]


def closest(request: HttpRequest, view: View) -> tuple[str, HttpResponse]:
    """The address of the closest single object and what a GET answers about it. Raises the 404 of an unknown one."""
    for path in above(request.path_info):
        found = look(request, path, view)
        if tag_of(found):
            return path, found
        if found.status_code != 200:
            error = json.loads(found.content)["error"]
            raise BillingError(error["message"], code=error["code"], status=found.status_code)
    raise Invalid("If-Match needs the address of a single object.", field="If-Match")


def id_of(request: HttpRequest, path: str, found: HttpResponse, view: View) -> str:
    """The id of the object, or of the one that it is a part of; empty for what is the organization's own."""
    for outer in above(path):
        data = json.loads(found.content if outer == path else look(request, outer, view).content).get("data")
        if isinstance(data, dict) and isinstance(data.get("id"), str):
            return str(data["id"])
    return ""


def look(request: HttpRequest, path: str, view: View) -> HttpResponse:
    """What a GET of this address answers to the same key."""
    asked: Any = copy.copy(request)
    asked.__dict__.pop("_api_route", None)
    asked.method, asked.path, asked.path_info, asked.GET = "GET", path, path, QueryDict()
    asked.META = request.META | {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": ""}
    return view(asked)
