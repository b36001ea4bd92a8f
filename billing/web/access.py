"""Who may: the signed-in member of a request, and the check that every view starts with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from billing.models import Member, User
from billing.orm.actor import Actor
from billing.rules.roles import PERMISSIONS, allowed
from billing.web.requests import StaffRequest

SESSION_KEY = "organization_id"


def current_member(request: HttpRequest) -> Member | None:
    """The membership that the session has chosen, else the person's first one."""
    if not request.user.is_authenticated:
        return None
    members = Member.objects.filter(user=cast(User, request.user)).select_related("organization", "user")
    chosen = request.session.get(SESSION_KEY)
    if chosen:
        member = members.filter(organization_id=UUID(chosen)).first()
        if member is not None:
            return cast(Member, member)
    return cast("Member | None", members.order_by("organization__name").first())


class MemberMiddleware:
    """Sets `request.member` lazily: no query until something asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.member = SimpleLazyObject(lambda: current_member(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def may(member: Member | None, permission: str) -> bool:
    """Whether the member's role has the permission."""
    return bool(member) and allowed(member.role, permission)  # type: ignore[union-attr]


def access(permission: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Guard a view: signed in, a member, and a role that has the permission (one table: `rules/roles.py`)."""
    if permission not in PERMISSIONS:
        raise LookupError(f"Unknown permission {permission}.")

    def guard(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            staff = cast(StaffRequest, request)
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not staff.member:
                raise PermissionDenied("You are not a member of an organization.")
            if not may(staff.member, permission):
                raise PermissionDenied("Your role does not allow this.")
            staff.organization = staff.member.organization
            user = staff.member.user
            staff.actor = Actor("user", user.name or user.email, user_id=user.pk)
            return view(request, *args, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return guard
