"""`/developers/mailbox`: what would have been sent, on a machine without a mail server. Admins only."""

from __future__ import annotations

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.letters import LETTER, letter_answer
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs
from invoicing.queries.mailbox import mailbox_of
from invoicing.views.mails import page_of_mail


@require_safe
@access("api_keys.view")
def mailbox(request: StaffRequest) -> HttpResponse:
    """The e-mails, and with `?of=` one of them."""
    rows = mailbox_of(request.organization, request.member.user)
    wanted = request.GET.get("of", "")
    chosen = next((pair for pair in rows if pair[0].reference == wanted), None)
    if wanted and chosen is None:
        raise Http404("There is no such e-mail.")
    context = {
        "page": page_of(request, rows),  # type: ignore[arg-type]
        "chosen": chosen[0] if chosen else None,
        "about_url": page_of_mail(chosen[1]) if chosen and chosen[1] else "",
        "local": settings.LOCAL_MAILBOX,
        "tab_items": developer_tabs(request, "mailbox"),
    }
    return render_page(request, "invoicing/mails/mailbox.html", context, partials=("drawer",))


@require_safe
@access("api_keys.view")  # type: ignore[arg-type]
@csp_replace(LETTER)  # type: ignore[arg-type]
def mailbox_letter(request: StaffRequest) -> HttpResponse:
    """The HTML of one, for the frame; an empty page when it is not there any more."""
    rows = mailbox_of(request.organization, request.member.user)
    wanted = request.GET.get("of", "")
    found = next((one for one, _ in rows if one.reference == wanted), None)
    return (
        letter_answer(found.html, found.logo) if found else letter_answer("<!doctype html><title>–</title>")
    )


@require_safe
@access("api_keys.view")
def mailbox_file(request: StaffRequest) -> HttpResponse:
    """A file of one, always as a download."""
    rows = mailbox_of(request.organization, request.member.user)
    wanted, place = request.GET.get("of", ""), request.GET.get("file", "")
    files = next((one.files for one, _ in rows if one.reference == wanted), ())
    if not place.isdecimal() or len(place) > 3 or int(place) >= len(files):
        return redirect("mailbox")
    file = files[int(place)]
    response = HttpResponse(file.content, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
