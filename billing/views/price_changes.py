"""Changing the prices of a plan in use: the question who follows when, the versions, and the run that moves them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.actions.clock import now
from billing.actions.price_changes import outcomes, try_again
from billing.actions.price_versions import ASK, Unconfirmed, as_seen
from billing.models import Follow, Job, Plan, PriceChange
from billing.queries.price_effect import Effect, Share
from billing.queries.version_changes import differences, names_of, versions_of
from billing.rules.states import JobState
from billing.views.plan_frame import find_plan, frame
from billing.web.access import access, may
from billing.web.htmx import done, render_page
from billing.web.paging import page_of
from billing.web.price_words import difference_rows
from billing.web.requests import StaffRequest

OPEN_JOB = {JobState.QUEUED.value, JobState.RUNNING.value}
WAYS = {
    Follow.RENEWAL: ("At renewal", "From their next period on. The running one is billed as it was."),
    Follow.NOW: (
        "Now",
        "The running period counts already. A fee that was paid in advance stays as it was billed.",
    ),
    Follow.NEVER: ("Never", "They keep their prices. Only new subscriptions pay the new ones."),
}
OUTCOMES = ("failed", "waiting", "moved", "skipped")


def follow_of(request: StaffRequest) -> str:
    """When existing subscriptions follow, as chosen; else it has to be asked."""
    return request.POST.get("existing_subscriptions") or ASK


def seen_by(request: StaffRequest, plan: Plan) -> AbstractContextManager[None]:
    """Around a change that was confirmed: the prices must still be those that the question was about."""
    seen = request.POST.get("seen_version", "")
    return as_seen(plan, int(seen) if seen.isdecimal() else None)


def ask(request: StaffRequest, plan: Plan, error: Unconfirmed, cancel: str) -> HttpResponse:
    """What each way means, with what was typed carried along; nothing has been written."""
    effect = error.effect
    names = names_of(effect.before, effect.after)
    again = {"csrfmiddlewaretoken", "existing_subscriptions", "seen_version"}
    context = {
        "plan": plan,
        "effect": effect,
        "rows": difference_rows(differences(effect.before, effect.after, names), plan.currency),
        "ways": [way(effect, follow) for follow in WAYS],
        "carried": [(name, one) for name, all_ in request.POST.lists() if name not in again for one in all_],
        "action": request.path,
        "cancel": cancel,
    }
    partials = ("drawer", "dialog")
    return render_page(request, "billing/plans/confirm_prices.html", context, partials=partials)


def way(effect: Effect, follow: Follow) -> dict[str, Any]:
    """One way with its money by currency: of the running periods, and of each full period later."""
    title, note = WAYS[follow]
    return {
        "value": follow.value,
        "title": title,
        "note": note,
        "money": [money(share, follow) for share in effect.shares if not share.unpriced],
    }


def money(share: Share, follow: Follow) -> dict[str, Any]:
    """What subscriptions in a currency pay more or less."""
    return {
        "currency": share.currency,
        "running": share.running_minor if follow == Follow.NOW else 0,
        "later": 0 if follow == Follow.NEVER else share.later_minor,
    }


@require_safe
@access("catalog.view")
def versions(request: StaffRequest, id: UUID) -> HttpResponse:
    """The versions of a plan's prices: what each changed, and how many pay it."""
    plan = find_plan(request, id)
    found = versions_of(plan)
    context = frame(request, plan, "plan-versions") | {
        "versions": [(one, difference_rows(one.differences, plan.currency)) for one in found],
    }
    return render_page(request, "billing/plans/versions.html", context)


def find_change(plan: Plan, change: UUID) -> PriceChange:
    """A run of the plan; else 404."""
    found = PriceChange.objects.filter(plan=plan, pk=change).first()
    if found is None:
        raise Http404("No such change of prices.")
    found.plan = plan
    return found


@require_safe
@access("catalog.view")
def change(request: StaffRequest, id: UUID, change: UUID) -> HttpResponse:
    """How far the run is, and what came of each subscription; it asks again every second until it is over."""
    plan = find_plan(request, id)
    row = find_change(plan, change)
    counts, here = outcomes(row), reverse("plan-price-change", args=[plan.public_id, row.public_id])
    asked = request.GET.get("outcome", "")
    rows = row.rows.select_related("subscription__customer")
    if asked in OUTCOMES:
        rows = rows.filter(outcome=asked)
    tabs = [("All", "", row.total), *((name.capitalize(), name, counts.get(name, 0)) for name in OUTCOMES)]
    job = Job.objects.of(request.organization).filter(subject_id=row.pk).order_by("-created_at").first()
    context = {
        "plan": plan,
        "change": row,
        "job": job,
        "running": job is not None and job.state in OPEN_JOB,
        "ended": row.total - counts.get("waiting", 0),
        "counts": counts,
        "outcome_tabs": [
            {
                "label": label,
                "count": count,
                "url": f"{here}?outcome={name}" if name else here,
                "active": name == asked,
            }
            for label, name, count in tabs
            if count or not name
        ],
        "page": page_of(request, rows),
        "can_edit": may(request.member, "catalog.edit"),
    }
    return render_page(request, "billing/plans/price_change.html", context, partials=("price-change",))


@require_POST
@access("catalog.edit")
def again(request: StaffRequest, id: UUID, change: UUID) -> HttpResponse:
    """Once more for the rows that failed."""
    plan = find_plan(request, id)
    row = try_again(find_change(plan, change), by=request.actor, at=now(request.organization))
    return done(
        request,
        reverse("plan-price-change", args=[plan.public_id, row.public_id]),
        "The rows that failed run again.",
    )


def saved(plan: Plan, text: str) -> tuple[str, str]:
    """Where a saved change of prices leads: to its run when subscriptions are moved, else to the plan."""
    latest = PriceChange.objects.filter(plan=plan, version=plan.price_version, finished_at=None).first()
    if latest is None:
        return reverse("plan", args=[plan.public_id]), text
    return reverse("plan-price-change", args=[plan.public_id, latest.public_id]), text
