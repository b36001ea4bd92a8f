"""`/developers/usage-check`: whether the roll-ups agree with the events behind them, and comparing them now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.actions import roll_ups
from billing.actions.clock import now
from billing.models import Job, Metric
from billing.views.jobs import progress_context
from billing.web.access import access, may
from billing.web.htmx import done, render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs


@access("events.view")
@require_safe
def usage_check(request: StaffRequest) -> HttpResponse:
    """The comparison that runs or ran last, metric by metric, and those before it."""
    runs = Job.objects.of(request.organization).filter(task=roll_ups.CHECK)
    page = page_of(request, runs)
    for run in page.object_list:
        run.compared, run.repaired = figures(run)
    last = runs.first()
    dividing = Metric.objects.of(request.organization).filter(rolled=False).order_by("name")
    context: dict[str, Any] = {
        "last": last,
        "repaired": figures(last)[1] if last else 0,
        "page": page,
        "dividing": list(dividing),
        "may_start": may(request.member, "events.edit"),
        "can_retry": may(request.member, "jobs.retry"),
        "tab_items": developer_tabs(request, "usage-check"),
    }
    if last:
        context |= progress_context(last)
    return render_page(request, "billing/events/usage_check.html", context, partials=("usage-check",))


def figures(run: Job) -> tuple[int, int]:
    """How many hours a comparison has looked at, and how many of them it wrote anew."""
    return (sum(step.get("hours", 0) for step in run.steps), sum(step.get("wrong", 0) for step in run.steps))


@access("events.edit")
@require_POST
def start(request: StaffRequest) -> HttpResponse:
    """Compare now. One comparison at a time: asked for while one is open, it is that one."""
    roll_ups.check_now(request.organization, by=request.actor, at=now(request.organization))
    return done(request, reverse("usage-check"), "Usage is being compared with its events.", kind="info")
