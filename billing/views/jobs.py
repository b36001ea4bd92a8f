"""`/jobs`: background work with its state, steps and reason, and running it again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.actions import audit, later
from billing.actions.clock import now
from billing.models import Job
from billing.rules.states import JobState
from billing.web.access import access, may
from billing.web.htmx import back_url, done, render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs

STEP_STATES = {"succeeded": "done", "done": "done", "running": "running", "failed": "failed"}


@access("jobs.view")
@require_safe
def jobs(request: StaffRequest) -> HttpResponse:
    """The list, newest first; `?state=failed` filters."""
    rows = Job.objects.of(request.organization)
    state = request.GET.get("state", "")
    if state in set(JobState):
        rows = rows.filter(state=state)
    base = reverse("jobs")
    tabs = [{"label": "All", "url": base, "active": state not in set(JobState)}]
    for name in ("failed", "running", "queued", "succeeded"):
        tabs.append({"label": name.capitalize(), "url": f"{base}?state={name}", "active": state == name})
    context = {
        "page": page_of(request, rows),
        "state_tabs": tabs,
        "tab_items": developer_tabs(request, "jobs"),
        "filtered": state in set(JobState),
        "can_retry": may(request.member, "jobs.retry"),
    }
    return render_page(request, "billing/jobs/list.html", context, partials=("job-table",))


@access("jobs.view")
@require_safe
def job(request: StaffRequest, id: UUID) -> HttpResponse:
    """One job: reason, steps, moments."""
    found = Job.objects.of(request.organization).get_or_404(pk=id)
    context = progress_context(found) | {"can_retry": may(request.member, "jobs.retry")}
    return render_page(request, "billing/jobs/detail.html", context)


@access("jobs.view")
@require_safe
def progress(request: StaffRequest, id: UUID) -> HttpResponse:
    """The progress alone, for the page that shows it; it asks again every second until the job has ended."""
    found = Job.objects.of(request.organization).get_or_404(pk=id)
    context = progress_context(found) | {"can_retry": may(request.member, "jobs.retry"), "polled": True}
    response = render_page(request, "billing/jobs/progress.html", context)
    if not context["open"]:
        response["HX-Trigger-After-Swap"] = "job-finished"
    return response


def progress_context(found: Job) -> dict[str, Any]:
    """What `billing/jobs/progress.html` needs: any page may include it with these."""
    steps = [
        {
            "label": step.get("label") or str(step.get("name", "")).replace("_", " ").capitalize(),
            "state": STEP_STATES.get(step.get("state", ""), "waiting"),
            "note": step.get("detail", ""),
        }
        for step in found.steps
    ]
    return {
        "job": found,
        "job_steps": steps,
        "open": found.state in {JobState.QUEUED.value, JobState.RUNNING.value},
        "done_steps": sum(step["state"] == "done" for step in steps),
    }


@access("jobs.retry")
@require_POST
def run_again(request: StaffRequest, id: UUID) -> HttpResponse:
    """Queue a failed job once more."""
    found = Job.objects.of(request.organization).get_or_404(pk=id)
    again = later.run_again(found)
    audit.record(request.organization, "job.run_again", again, by=request.actor, at=now(request.organization))
    return done(request, back_url(request, reverse("job", args=[again.pk])), f"{again.label} runs again.")
