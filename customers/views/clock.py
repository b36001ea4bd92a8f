"""`/developers/clock`: the time of a sandbox, what waits for it, and what each move has brought about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.actions.organizations import create_organization
from billing.models import AuditEntry, ClockMove, Member, Organization
from billing.rules.errors import BillingError
from billing.rules.states import JobState
from billing.web.access import SESSION_KEY, access, may
from billing.web.activity import timeline_items
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs
from customers.actions.clock_moves import move_clock
from customers.forms.clock import ClockForm
from customers.queries.clock import happened, next_stop

SHOWN = 200
OPEN = frozenset({JobState.QUEUED.value, JobState.RUNNING.value})


@require_http_methods(["GET", "POST"])
@access("events.view", post="events.edit")
def clock(request: StaffRequest) -> HttpResponse:
    """Where the clock stands, and what comes next; a POST moves it."""
    organization = request.organization
    context: dict[str, Any] = {"tab_items": developer_tabs(request, "clock"), "sandbox_form": OnceForm()}
    context["may_edit"] = may(request.member, "events.edit")
    if not organization.sandbox:
        context["sandboxes"] = sandboxes(request)
        return render_page(request, "customers/clock/live.html", context)
    at, stop = now(organization), next_stop(organization)
    form = ClockForm(
        request.POST or None,
        now=at,
        next_at=stop.at if stop else None,
        tz=organization.timezone,
        initial={"by": "date"},
    )
    if request.method == "POST" and form.is_valid():
        with claimed(form) as first:
            if not first:
                return done(request, reverse("clock"))
            try:
                move = move_clock(organization, form.cleaned_data["to"], by=request.actor)
                return done(request, reverse("clock-move", args=[move]))
            except BillingError as error:
                add_error(form, error, {"now": "on"})
    page = page_of(request, ClockMove.objects.of(organization).select_related("job"), 20)
    context |= {"form": form, "stop": stop, "at": at, "page": page, "open_states": OPEN}
    status = 422 if form.errors else 200
    return render_page(
        request, "customers/clock/clock.html", context, partials=("move-table",), status=status
    )


def sandboxes(request: StaffRequest) -> list[Organization]:
    """The sandboxes that this person works in."""
    own = Member.objects.filter(user=request.member.user).values("organization")
    return list(Organization.objects.filter(sandbox=True, pk__in=own).order_by("name")[:SHOWN])


@access("events.view")
@require_safe
def move(request: StaffRequest, id: UUID) -> HttpResponse:
    """One move: how far it has come, and what has happened on the way. The page asks anew until it is over."""
    found = ClockMove.objects.of(request.organization).select_related("job").get_or_404(pk=id)
    rows = happened(request.organization, found.from_at, found.reached_at)
    total = rows.count()
    context = {
        "move": found,
        "job": found.job,
        "running": found.job is not None and found.job.state in OPEN,
        "entries": told(list(rows[:SHOWN]), request.organization.timezone),
        "total": total,
        "more": max(total - SHOWN, 0),
        "can_retry": may(request.member, "jobs.retry"),
        "tab_items": developer_tabs(request, "clock"),
    }
    return render_page(request, "customers/clock/move.html", context, partials=("clock-move",))


def told(rows: list[AuditEntry], tz: str) -> list[dict[str, Any]]:
    """Items for `{% timeline %}`, each with its customer: who did it is the clock in any case."""
    items = timeline_items(rows, tz)
    for item, row in zip(items, rows, strict=True):
        item["note"] = row.customer.display_name if row.customer else ""
    return items


@access("members.edit")
@require_POST
def sandbox(request: StaffRequest) -> HttpResponse:
    """Make a sandbox beside this organization, with this person as its admin, and go there."""
    form = OnceForm(request.POST)
    form.is_valid()
    with claimed(form) as first:
        if not first:
            return done(request, reverse("clock"))
        organization = request.organization
        made = create_organization(
            f"{organization.name[:180]} sandbox",
            owner=request.member.user,
            by=request.actor,
            at=timezone.now(),
            currency=organization.default_currency,
            timezone=organization.timezone,
            sandbox=True,
        )
        request.session[SESSION_KEY] = str(made.pk)
        return done(request, reverse("clock"), "The sandbox is ready, and you are in it.")
