"""Who may: the signed-in member of a request, and the check that every view starts with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django_htmx.http import HttpResponseClientRedirect

from billing.actions import two_factor
from billing.models import Member, User
from billing.orm.actor import Actor
from billing.rules.roles import PERMISSIONS, allowed
from billing.web.requests import StaffRequest

SESSION_KEY = "organization_id"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = "own"  # what every signed-in person may do with their own account
View = Callable[..., HttpResponse]


def memberships_of(request: HttpRequest) -> list[Member]:
    """The person's memberships by the names of the organizations: one of them is the request's, the menu offers all.
    Asked once per request.
    """
    if not hasattr(request, "_memberships"):
        rows = Member.objects.filter(user=cast(User, request.user)).select_related("organization", "user")
        request._memberships = list(rows.order_by("organization__name", "pk"))  # type: ignore[attr-defined]
    return cast(list[Member], request._memberships)  # type: ignore[attr-defined]


def current_member(request: HttpRequest) -> Member | None:
    """The membership that the session has chosen, else the person's first one."""
    if not request.user.is_authenticated:
        return None
    members = memberships_of(request)
    chosen = request.session.get(SESSION_KEY)
    found = [member for member in members if chosen and member.organization_id == UUID(chosen)]
    return next(iter([*found, *members]), None)


class MemberMiddleware:
    """Sets `request.member` lazily: no query until something asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.member = SimpleLazyObject(lambda: current_member(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def must_set_up(request: HttpRequest) -> bool:
    """Whether the organization demands a second factor that the person does not have. Asked once per request."""
    if not hasattr(request, "_must_set_up"):
        member = request.member  # type: ignore[attr-defined]
        request._must_set_up = bool(member) and two_factor.missing(member)  # type: ignore[attr-defined]
    return bool(request._must_set_up)  # type: ignore[attr-defined]


def may(member: Member | None, permission: str) -> bool:
    """Whether the member's role has the permission."""
    return bool(member) and allowed(member.role, permission)  # type: ignore[union-attr]


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back. From htmx the whole window goes there, not the piece it asked for."""
    htmx = getattr(request, "htmx", None)
    if htmx:
        page = redirect_to_login(htmx.current_url_abs_path or "/")
        return HttpResponseClientRedirect(page["Location"])
    return redirect_to_login(request.get_full_path())


def ask_to_set_up(request: HttpRequest) -> HttpResponse:
    """To the page where the second factor is set up, and back afterwards to what was asked for."""
    htmx = getattr(request, "htmx", None)
    wanted = request.get_full_path() if request.method in SAFE else ""
    page = reverse("two-factor")
    query = urlencode({"next": (htmx.current_url_abs_path if htmx else wanted) or "/"})
    return HttpResponseClientRedirect(f"{page}?{query}") if htmx else redirect(f"{page}?{query}")


def signed_in(view: View) -> View:
    """Guard a view of a person's own account: it needs no organization."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return ask_to_sign_in(request)
        return view(request, *args, **kwargs)

    checked.permission = OWN  # type: ignore[attr-defined]
    return checked


def enter(request: HttpRequest) -> HttpResponse | None:
    """What every view of an organization asks first: signed in, a member, with the second factor that the
    organization may demand. The answer is what to send instead of the view.
    """
    staff = cast(StaffRequest, request)
    if not request.user.is_authenticated:
        return ask_to_sign_in(request)
    if not staff.member:
        return render(request, "billing/auth/no_organization.html", status=403)
    return ask_to_set_up(request) if must_set_up(request) else None


def settle(staff: StaffRequest) -> None:
    """The organization and the actor of a request that was let in."""
    staff.organization = staff.member.organization
    user = staff.member.user
    staff.actor = Actor("user", user.name or user.email, user_id=user.pk)


def own(view: View) -> View:
    """Guard a view of what a member keeps for themselves in the organization, whatever their role."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refused = enter(request)
        if refused is not None:
            return refused
        settle(cast(StaffRequest, request))
        return view(request, *args, **kwargs)

    checked.permission = OWN  # type: ignore[attr-defined]
    checked.of_organization = True  # type: ignore[attr-defined]
    return checked


def access(permission: str, *, post: str = "") -> Callable[[View], View]:
    """Guard a view: signed in, a member, and a role that has the permission (one table: `rules/roles.py`). Where the
    organization demands a second factor, members without one are led to set it up.

    A view that needs no more than a `.view` permission changes nothing: other methods than GET are refused
    (405). `post` is the permission that changing needs when one view shows something and takes a form as well.
    Dates and times are shown and read in the organization's time zone while the view runs.
    """
    writing = post or ("" if permission.endswith(".view") else permission)
    for name in (permission, post or permission):
        if name not in PERMISSIONS:
            raise LookupError(f"Unknown permission {name}.")

    def guard(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            staff = cast(StaffRequest, request)
            refused = enter(request)
            if refused is not None:
                return refused
            safe = request.method in SAFE
            if not safe and not writing:
                return HttpResponseNotAllowed(sorted(SAFE))
            if not (may(staff.member, permission) and (safe or may(staff.member, writing))):
                raise PermissionDenied("Your role does not allow this.")
            settle(staff)
            with timezone.override(staff.organization.timezone):
                return view(request, *args, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined]
        checked.of_organization = True  # type: ignore[attr-defined]
        checked.post_permission = writing  # type: ignore[attr-defined]
        return checked

    return guard
