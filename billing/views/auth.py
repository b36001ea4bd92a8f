"""Signing in and out, passwords, and choosing the organization."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash, views
from django.contrib.auth.forms import SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions import accounts
from billing.forms.auth import ChangePasswordForm, NewPasswordForm, ProfileForm, ResetForm, SignInForm
from billing.models import Member, User
from billing.rules.ids import decode
from billing.web.access import SESSION_KEY, signed_in
from billing.web.htmx import done, render_page
from billing.web.throttle import allow_mail

BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(views.LoginView):
    """`/login`. Django gives the session a new key, and follows `next` only to our own pages."""

    template_name = "billing/auth/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


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
            login(self.request, user, backend=BACKEND)
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
        update_session_auth_hash(request, user)
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
    return render_page(request, "billing/auth/profile.html", {"form": form, "person": user}, status=status)


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
