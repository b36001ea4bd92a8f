"""Signing in and out, passwords, and choosing the organization."""

from __future__ import annotations

import time
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash, views
from django.contrib.auth.forms import SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions import accounts, sign_ins, two_factor
from billing.forms.auth import ChangePasswordForm, NewPasswordForm, ProfileForm, ResetForm, SignInForm
from billing.forms.two_factor import CodeForm
from billing.models import Member, User
from billing.rules.ids import decode
from billing.web.access import SESSION_KEY, signed_in
from billing.web.htmx import done, render_page
from billing.web.sign_ins import let_in
from billing.web.throttle import allow_mail

PENDING = "second_factor"
PENDING_SECONDS = 600


class SignIn(views.LoginView):
    """`/login`. Django gives the session a new key, and follows `next` only to our own pages."""

    template_name = "billing/auth/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """With a second factor the password only leads to the question for a code."""
        user = form.get_user()
        if two_factor.is_on(user):
            self.request.session.cycle_key()
            self.request.session[PENDING] = {
                "user": str(user.pk),
                "at": int(time.time()),
                "next": self.get_redirect_url(),
            }
            return redirect("login-code")
        let_in(self.request, user)
        return redirect(self.get_success_url())

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step: a code of the app, or a recovery code. The first step counts for ten minutes."""
    pending = request.session.get(PENDING) or {}
    fresh = time.time() - pending.get("at", 0) < PENDING_SECONDS
    user = User.objects.filter(pk=pending["user"], is_active=True).first() if pending and fresh else None
    if user is None:
        request.session.pop(PENDING, None)
        return redirect("login")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if two_factor.check_code(user, form.cleaned_data["code"], at=timezone.now()):
            del request.session[PENDING]
            let_in(request, user)
            return redirect(pending.get("next") or settings.LOGIN_REDIRECT_URL)
        form.add_error(
            "code", "This code is not right, or it was tried too often. Wait a moment and try again."
        )
    status = 422 if form.errors else 200
    return render(request, "billing/auth/code.html", {"form": form}, status=status)


class SignOut(views.LogoutView):
    """`POST /logout`: the session's data is gone on the server, too."""


@never_cache
@require_http_methods(["GET", "POST"])
def password_reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link by mail. The answer never tells whether the address is known."""
    form = ResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if allow_mail(request, form.cleaned_data["email"]):
            accounts.ask_for_reset(form.cleaned_data["email"])
        return redirect("password-reset-sent")
    status = 422 if form.errors else 200
    return render(request, "billing/auth/password_reset.html", {"form": form}, status=status)


def password_reset_sent(request: HttpRequest) -> HttpResponse:
    """Look into your mail."""
    return render(request, "billing/auth/password_reset_sent.html")


class SetPassword(views.PasswordResetConfirmView):
    """The page behind a mailed link. The token moves into the session at once, out of the address bar."""

    template_name = "billing/auth/set_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("login")
    invitation = False

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        user = form.save()
        accounts.note_password_change(user, at=timezone.now())
        del self.request.session["_password_reset_token"]
        if self.invitation:
            let_in(self.request, user)
            messages.success(self.request, "Welcome to Tarn. Your password is set.")
            return redirect("home")
        messages.success(self.request, "Your new password is set. Sign in with it.")
        return redirect("login")

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"invitation": self.invitation}


class Invitation(SetPassword):
    """A new member sets the first password and is signed in."""

    token_generator = accounts.invitation_tokens
    invitation = True


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def password_change(request: HttpRequest) -> HttpResponse:
    """Change one's own password; other sessions of the person end, this one stays."""
    user = cast(User, request.user)
    form = ChangePasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        accounts.note_password_change(form.save(), at=timezone.now())
        old = str(request.session.session_key)
        update_session_auth_hash(request, user)
        sign_ins.rename_session(old, str(request.session.session_key))
        return done(request, reverse("profile"), "Your password is changed. Other sessions were signed out.")
    status = 422 if form.errors else 200
    return render_page(request, "billing/auth/password_change.html", {"form": form}, status=status)


@signed_in
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """One's own name and memberships."""
    user = cast(User, request.user)
    form = ProfileForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        accounts.rename_person(user, form.cleaned_data["name"], at=timezone.now())
        return done(request, reverse("profile"), "Your name is saved.")
    status = 422 if form.errors else 200
    context = {"form": form, "person": user, "two_factor_on": two_factor.is_on(user)}
    return render_page(request, "billing/auth/profile.html", context, status=status)


@signed_in
@require_POST
def organization_switch(request: HttpRequest) -> HttpResponse:
    """Work in another organization of one's own; anybody else's does not exist."""
    key = decode("org", request.POST.get("organization", ""))
    member = (
        Member.objects.filter(user=cast(User, request.user), organization_id=key).first() if key else None
    )
    if member is None:
        raise Http404("No such organization.")
    request.session[SESSION_KEY] = str(member.organization_id)
    return done(request, reverse("home"))


sign_in = SignIn.as_view()
sign_out = require_POST(SignOut.as_view())
