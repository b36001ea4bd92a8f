"""Who is counted when sign-ins fail, and what a person sees who has failed too often.

Ten failures for one account, from whatever address, or from one address, for whatever account, refuse further
attempts for fifteen minutes (`LOGIN_FAILURE_LIMIT` changes the ten). The counters live in Redis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

MAILS_PER_HOUR = 5
PASSWORDS_PER_QUARTER = 10
TRIALS_PER_HOUR = 30


def account(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The account that is tried, in one spelling: sign-in ignores case, so the counter must too."""
    given = credentials or {}
    name = given.get("username") or given.get("email") or request.POST.get("username", "")
    return str(name).strip().lower()


def address(request: HttpRequest) -> str:
    """The client's address. Behind a proxy it is the entry that our own proxy has appended, the last one of
    X-Forwarded-For: everything before it is whatever the client claims.
    """
    if settings.BEHIND_PROXY:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= settings.PROXY_COUNT:
            return hops[-settings.PROXY_COUNT]
    return str(request.META.get("REMOTE_ADDR") or "unknown")


def locked_out(request: HttpRequest, original: HttpResponse | None, credentials: Any) -> HttpResponse:
    """429 with the page that says how long to wait. The same for accounts that do not exist."""
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    response = render(request, "billing/auth/locked.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = str(minutes * 60)
    return response


def allow_mail(request: HttpRequest, email: str) -> bool:
    """Whether one more mail may be asked for: five per hour for one account and for one address."""
    keys = [f"reset:account:{email.strip().lower()}", f"reset:address:{address(request)}"]
    counts = []
    for key, limit in zip(keys, (MAILS_PER_HOUR, MAILS_PER_HOUR * 4), strict=True):
        cache.add(key, 0, 3600)
        counts.append(cache.incr(key) <= limit)
    return all(counts)


def allow_password(request: HttpRequest) -> bool:
    """Whether a signed-in person may try their password once more: ten tries in a quarter of an hour."""
    key = f"password:{request.user.pk}"
    cache.add(key, 0, 900)
    return cache.incr(key) <= PASSWORDS_PER_QUARTER


def allow_trial(request: HttpRequest) -> bool:
    """Whether a signed-in person may have one more e-mail sent to themselves: thirty per hour."""
    key = f"trial-mail:{request.user.pk}"
    cache.add(key, 0, 3600)
    return cache.incr(key) <= TRIALS_PER_HOUR
