"""One view answers page and partial, and neighbours hear of changes by events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

Answer = TypeVar("Answer", bound=HttpResponse)

OVERLAYS = ("drawer", "dialog")


def wants_partial(request: HttpRequest) -> bool:
    """An htmx request for a piece, not a boosted or restored page."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    partials: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """The whole page, or the partial that `HX-Target` names when it is one of `partials`.

    A partial's name is its DOM id. `drawer` and `dialog` are the two overlays of the shell.
    """
    values = dict(context or {})
    target = request.htmx.target if wants_partial(request) else None  # type: ignore[attr-defined]
    if target in partials:
        values["partial"] = target
        response = render(request, f"{template}#{target}", values, status=status)
    else:
        response = render(request, template, values, status=status)
    response["Vary"] = "HX-Request, HX-Target, Cookie"
    if wants_partial(request):
        response["Cache-Control"] = "no-store"
    return response


def toast(response: Answer, text: str, *, kind: str = "success", undo_url: str = "") -> Answer:
    """Show a message in the corner after an htmx answer. Kinds: success, info, warning, error."""
    return trigger_client_event(response, "toast", {"text": text, "kind": kind, "undo_url": undo_url})


def changed(response: Answer, *events: str) -> Answer:
    """Tell the page what happened (`customer-updated`), so that neighbours refresh."""
    for event in events:
        trigger_client_event(response, event)
    return response


def done(
    request: HttpRequest,
    url: str,
    text: str = "",
    *,
    events: Sequence[str] = (),
    kind: str = "success",
    undo_url: str = "",
) -> HttpResponse:
    """The end of a successful POST.

    From an overlay with `events`: the overlay closes, a toast shows, neighbours refresh. Otherwise the
    browser goes to `url` and shows the text there. A POST to `undo_url` takes back what was done; the toast has a
    button for it, also without JavaScript.
    """
    if wants_partial(request) and events:
        response = HttpResponse(status=204)
        trigger_client_event(response, "close-overlay")
        changed(response, *events)
        return toast(response, text, kind=kind, undo_url=undo_url) if text else response
    if text:
        level = {"warning": messages.WARNING, "error": messages.ERROR, "info": messages.INFO}
        messages.add_message(request, level.get(kind, messages.SUCCESS), text, extra_tags=undo_url)
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(url)
    return redirect(url)


def back_url(request: HttpRequest, fallback: str) -> str:
    """Where the person came from, when that is a page of ours."""
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        return referer
    return fallback


def own_path(url: str, fallback: str = "") -> str:
    """An address that was handed over, when it is a path of ours; else the fallback."""
    return url if url.startswith("/") and url_has_allowed_host_and_scheme(url, None) else fallback


def event_names(response: HttpResponse) -> dict[str, Any]:
    """The events that an answer carries, for tests."""
    raw = response.headers.get("HX-Trigger", "{}")
    return json.loads(raw)
