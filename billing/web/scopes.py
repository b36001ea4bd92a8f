"""Which scope a call of the API needs, and which there are."""

from __future__ import annotations

from functools import lru_cache

from django.http import HttpRequest
from django.urls import Resolver404, get_resolver, resolve

from billing.models import ApiKey
from billing.rules.errors import FieldErrors, Forbidden
from billing.rules.scopes import ALL, PART_OF, READ, WRITE, grants, nouns, scope_of
from billing.web.api import api

PREFIX = "api/"


@lru_cache(maxsize=1)
def first_words() -> frozenset[str]:
    """The first words of all addresses of the API."""
    get_resolver().url_patterns  # noqa: B018 - importing the URLconf registers the routers
    routes = [f"{prefix}/{path}" for prefix, router in api._routers for path in router.path_operations]
    return frozenset(words[0] for route in routes if (words := nouns(route)))


def resources() -> list[str]:
    """What a key's scopes can name, by the alphabet."""
    return sorted(first_words() - PART_OF.keys())


def route_of(request: HttpRequest) -> str:
    """The address without its ids (`customers/<str:id>/mode`); empty for one that there is no route of."""
    if not hasattr(request, "_api_route"):
        try:
            route = resolve(request.path_info).route.removeprefix(PREFIX)
        except Resolver404:
            route = ""
        request._api_route = route  # type: ignore[attr-defined]
    return str(request._api_route)  # type: ignore[attr-defined]


def needed_scope(request: HttpRequest) -> str:
    """The scope that the request needs; empty for an address that needs none."""
    route = route_of(request)
    words = nouns(route)
    known = bool(words) and words[0] in first_words()
    return scope_of(request.method or "", route, first_words()) if known else ""


def missing_scope(key: ApiKey, request: HttpRequest) -> str:
    """The scope that the key lacks for the request, else nothing."""
    if not key.scopes:
        return ""
    needed = needed_scope(request)
    return "" if not needed or grants(key.scopes, needed) else needed


def refuse_scope(scope: str) -> Forbidden:
    """The error that names what is missing."""
    return Forbidden(f"This key lacks the scope {scope}.", code="scope_missing", details={"scope": scope})


def checked_scopes(scopes: list[str]) -> list[str]:
    """Scopes as they were sent, in order and once each. Raises FieldErrors for those that do not exist."""
    known = {f"{name}:{right}" for name in [*resources(), ALL] for right in (READ, WRITE)}
    wrong = [
        (
            f"scopes[{index}]",
            "There is no such scope. Use a resource and read or write, such as customers:read.",
        )
        for index, scope in enumerate(scopes)
        if scope not in known
    ]
    if wrong:
        raise FieldErrors(wrong)
    return list(dict.fromkeys(scopes))
