"""Signing in as seen from the web: which browser, from where, and when it was used last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from billing.actions import sign_ins
from billing.models import User
from billing.web.throttle import address

BACKEND = "django.contrib.auth.backends.ModelBackend"
SEEN = "seen"
SEEN_EVERY = 300  # seconds between two notes of a browser's use
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(agent: str) -> str:
    """`Firefox on Linux`; what is not known is called a browser."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "A browser")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def let_in(request: HttpRequest, user: User) -> None:
    """Sign the person in, in a session with a new key, and note the browser."""
    login(request, user, backend=BACKEND)
    request.session[SEEN] = int(time.time())
    sign_ins.note_sign_in(
        user,
        request.session,
        address=client if (client := address(request)) != "unknown" else None,
        browser=browser_name(request.headers.get("User-Agent", "")),
        at=timezone.now(),
    )


class SignInMiddleware:
    """Notes every five minutes that a browser is in use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session: Any = request.session
        stamp = session.get(SEEN) if session.session_key else None
        if stamp is not None and time.time() - stamp > SEEN_EVERY:
            session[SEEN] = int(time.time())
            sign_ins.seen(session.session_key, at=timezone.now())
        return self.get_response(request)
