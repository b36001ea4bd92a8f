"""The colour theme without JavaScript: a link sets the cookie that base.html reads."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

THEMES = frozenset({"light", "dark", "system"})
YEAR = 365 * 24 * 3600


@require_safe
def theme(request: HttpRequest) -> HttpResponse:
    """`/theme?theme=dark&next=/customers`: keep the choice for a year and go back."""
    target = request.GET.get("next", "/")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    if not safe or not target.startswith(("/", "http://", "https://")):  # a word would be the name of a view
        target = "/"
    response = redirect(target)
    choice = request.GET.get("theme", "")
    if choice in THEMES:
        response.set_cookie("theme", choice, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return response
