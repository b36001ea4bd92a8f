"""One's own account: the second factor and the browsers that are signed in."""

from __future__ import annotations

from typing import cast
from uuid import UUID

import segno
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions import sign_ins, two_factor
from billing.forms.two_factor import CodeForm, PasswordForm
from billing.models import Member, Organization, SignIn, User
from billing.rules.errors import BillingError, Invalid
from billing.web.access import must_set_up, signed_in
from billing.web.errors import add_error
from billing.web.htmx import done, own_path, render_page
from billing.web.throttle import allow_password


@never_cache
@signed_in
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """The browsers that are signed in."""
    rows = sign_ins.sign_ins_of(cast(User, request.user))
    here = request.session.session_key
    context = {"rows": [{"row": row, "here": row.session_key == here} for row in rows]}
    return render_page(request, "billing/account/sessions.html", context)


@signed_in
@require_POST
def session_end(request: HttpRequest, id: UUID) -> HttpResponse:
    """Sign one browser out."""
    row = SignIn.objects.filter(user=cast(User, request.user), pk=id).first()
    if row is None:
        raise Http404("No such session.")
    sign_ins.end_sign_in(row)
    return done(request, reverse("sessions"), f"{row.browser} was signed out.")


@signed_in
@require_POST
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    count = sign_ins.end_others(cast(User, request.user), str(request.session.session_key))
    text = f"{count} other session{'' if count == 1 else 's'} signed out."
    return done(request, reverse("sessions"), text)


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def two_factor_setup(request: HttpRequest) -> HttpResponse:
    """Turn it on: scan, type a code, keep the recovery codes, which show once. When it is on: how many are left.

    Members of an organization that demands it are sent here from all its pages; `?next=` leads back.
    """
    user = cast(User, request.user)
    if two_factor.is_on(user):
        context: dict[str, object] = {"on": True, "left": two_factor.codes_left(user)}
        return render_page(request, "billing/account/two_factor.html", context)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            codes = two_factor.turn_on(user, form.cleaned_data["code"], at=timezone.now())
        except BillingError as error:
            add_error(form, error)
        else:
            messages.success(request, "Two-factor sign-in is on.")
            return show_codes(request, codes)
    device = two_factor.prepare(user)
    demanded = must_set_up(request)
    context = {
        "on": False,
        "form": form,
        "secret": two_factor.secret_of(device),
        "demanded": demanded,
        "elsewhere": organizations_open_to(user) if demanded else [],
    }
    status = 422 if form.errors else 200
    return render_page(request, "billing/account/two_factor.html", context, status=status)


def show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    """The recovery codes, this once."""
    context = {"codes": codes, "next": own_path(request.GET.get("next", ""))}
    return render_page(request, "billing/account/recovery_codes.html", context)


def organizations_open_to(user: User) -> list[Organization]:
    """Where a person without a second factor can work meanwhile."""
    rows = Organization.objects.filter(require_two_factor=False)
    return list(rows.filter(pk__in=Member.objects.filter(user=user).values("organization")))


@never_cache
@signed_in
@require_safe
def two_factor_picture(request: HttpRequest) -> HttpResponse:
    """The QR code with the secret, for an app to scan; none once it is on."""
    try:
        device = two_factor.prepare(cast(User, request.user))
    except Invalid as error:
        raise Http404("Two-factor sign-in is on.") from error
    picture = segno.make(device.config_url, error="m").svg_inline(
        scale=5, border=2, dark="#000", light="#fff"
    )
    return HttpResponse(
        picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1), content_type="image/svg+xml"
    )


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def two_factor_off(request: HttpRequest) -> HttpResponse:
    """Turn it off, with the password."""
    return with_password(request, "off")


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, with the password."""
    return with_password(request, "codes")


def with_password(request: HttpRequest, act: str) -> HttpResponse:
    """Ask for the password, then act: `off` or `codes`."""
    user = cast(User, request.user)
    if not two_factor.is_on(user):
        return redirect("two-factor")
    form = PasswordForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and not allow_password(request):
        form.add_error(None, "Too many tries. Wait some minutes.")
    elif request.method == "POST" and form.is_valid():
        if act == "codes":
            return show_codes(request, two_factor.renew_codes(user, at=timezone.now()))
        two_factor.turn_off(user, at=timezone.now())
        return done(request, reverse("profile"), "Two-factor sign-in is off.")
    status = 422 if form.errors else 200
    context = {"form": form, "act": act, "demanding": two_factor.demanding(user) if act == "off" else []}
    return render_page(request, "billing/account/password.html", context, partials=("dialog",), status=status)
