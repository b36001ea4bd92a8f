"""`/settings/members`: who works here, and as what."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions import members as actions
from billing.actions import two_factor
from billing.actions.clock import now
from billing.forms.settings import InviteForm, RoleForm
from billing.models import Member
from billing.queries.members import with_two_factor, without_two_factor
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import changed, done, render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs

TEMPLATE = "billing/members/list.html"


@access("members.view")
@require_safe
def members(request: StaffRequest) -> HttpResponse:
    """The list, by e-mail address; `?q=` and `?role=` narrow it."""
    rows = with_two_factor(Member.objects.of(request.organization).select_related("user"))
    query, role = request.GET.get("q", "").strip()[:100], request.GET.get("role", "")
    if query:
        rows = rows.filter(user__email__icontains=query) | rows.filter(user__name__icontains=query)
    if role:
        rows = rows.filter(role=role)
    context = {
        "page": page_of(request, rows),
        "query": query,
        "role": role,
        "roles": Member._meta.get_field("role").choices,
        "may_edit": may(request.member, "members.edit"),
        "own_two_factor": two_factor.is_on(request.member.user),
        "tab_items": settings_tabs(request, "members"),
    }
    return render_page(request, TEMPLATE, context, partials=("member-table",))


@access("members.edit")
@require_http_methods(["GET", "POST"])
def invite(request: StaffRequest) -> HttpResponse:
    """Add somebody by address; they get a mail."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            member = actions.invite_member(
                request.organization, **form.cleaned_data, by=request.actor, at=now(request.organization)
            )
        except BillingError as error:
            add_error(form, error)
        else:
            text = f"{member.user.email} is a member now and gets a mail."
            return done(request, reverse("members"), text, events=("member-changed",))
    status = 422 if form.errors else 200
    context = {"form": form}
    return render_page(request, "billing/members/invite.html", context, partials=("drawer",), status=status)


@access("members.edit")
@require_http_methods(["GET", "POST"])
def demand_two_factor(request: StaffRequest) -> HttpResponse:
    """Demand two-factor sign-in of everyone, or leave it to them again, after asking."""
    organization = request.organization
    wanted = not organization.require_two_factor
    if request.method == "POST":
        wanted = request.POST.get("wanted") == "1"
        two_factor.demand(organization, wanted, by=request.actor, at=now(organization))
        text = (
            "Everyone must use two-factor sign-in from now on."
            if wanted
            else "Two-factor sign-in is left to each member again."
        )
        return done(request, reverse("members"), text)
    context = {"wanted": wanted, "without": without_two_factor(organization)}
    return render_page(request, "billing/members/two_factor.html", context, partials=("dialog",))


@access("members.edit")
@require_http_methods(["GET", "POST"])
def change_role(request: StaffRequest, id: UUID) -> HttpResponse:
    """Give a member another role."""
    member = Member.objects.of(request.organization).select_related("user").get_or_404(pk=id)
    form = RoleForm(request.POST or None, initial={"role": member.role})
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_role(
                member, form.cleaned_data["role"], by=request.actor, at=now(request.organization)
            )
        except BillingError as error:
            add_error(form, error)
        else:
            return done(
                request, after(request, member), "The role is changed.", events=events(request, member)
            )
    status = 422 if form.errors else 200
    context = {"form": form, "edited": member}
    return render_page(request, "billing/members/role.html", context, partials=("drawer",), status=status)


@access("members.edit")
@require_http_methods(["GET", "POST"])
def remove(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take a membership away, after asking."""
    member = Member.objects.of(request.organization).select_related("user").get_or_404(pk=id)
    if request.method == "POST":
        actions.remove_member(member, by=request.actor, at=now(request.organization))
        text = f"{member.user.email} is no longer a member."
        return done(request, after(request, member), text, events=events(request, member))
    return render_page(request, "billing/members/remove.html", {"edited": member}, partials=("dialog",))


@access("members.edit")
@require_POST
def invite_again(request: StaffRequest, id: UUID) -> HttpResponse:
    """Send the invitation once more."""
    member = Member.objects.of(request.organization).select_related("user").get_or_404(pk=id)
    actions.invite_again(member, by=request.actor, at=now(request.organization))
    response = done(request, reverse("members"), f"The invitation went to {member.user.email} again.")
    return changed(response, "member-changed")


def after(request: StaffRequest, member: Member) -> str:
    """Where to go on: whoever has changed their own membership may no longer see the list."""
    return reverse("home") if member.user_id == request.member.user_id else reverse("members")


def events(request: StaffRequest, member: Member) -> tuple[str, ...]:
    """The list refreshes in place, except for oneself: then the whole page goes to `after`."""
    return () if member.user_id == request.member.user_id else ("member-changed",)
