"""What a wallet gets by the calendar: the drawer, with the next three top-ups before anything is saved."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.actions.top_up_schedules import due_next, remove_schedule, set_schedule
from billing.models import TopUpSchedule
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from customers.forms.top_up_schedule import NAMES, THRESHOLD, TopUpScheduleForm
from customers.views.find import wallet_or_404

SHOWN = 3


@require_http_methods(["GET", "HEAD", "POST"])
@access("wallets.edit")
def schedule(request: StaffRequest, id: UUID) -> HttpResponse:
    """Set, change or end the schedule. A GET with fields shows when its top-ups would come."""
    row, at = wallet_or_404(request, id), now(request.organization)
    found: TopUpSchedule | None = getattr(row, "top_up_schedule", None)
    sent = request.POST if request.method == "POST" else None
    form = TopUpScheduleForm(sent, wallet=row, schedule=found, at=at)
    if form.is_bound and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    save(form, request, at)
            return done(request, reverse("wallet", args=[row]), "The schedule was saved.")
        except BillingError as error:
            add_error(form, error, NAMES)
    asked = form
    if "interval" in request.GET:
        asked = TopUpScheduleForm(request.GET, wallet=row, schedule=found, at=at)
        form.initial.update({name: request.GET[name] for name in form.fields if name in request.GET})
    elif not form.is_bound and found:
        asked = TopUpScheduleForm(form.initial, wallet=row, schedule=found, at=at)
    context = {"wallet": row, "form": form, "tz": form.zone, "next": next_top_ups(asked, at)}
    context["waits"] = (asked.data if asked.is_bound else form.initial).get("interval") == THRESHOLD
    status = 422 if form.errors else 200
    partials = ("drawer", "effects")
    return render_page(request, "customers/wallets/schedule.html", context, partials=partials, status=status)


def save(form: TopUpScheduleForm, request: StaffRequest, at: datetime) -> None:
    """Write what the form says."""
    terms = form.terms()
    if terms is None:
        remove_schedule(form.wallet, by=request.actor, at=at)
    else:
        set_schedule(form.wallet, terms, by=request.actor, at=at)


def next_top_ups(form: TopUpScheduleForm, at: datetime) -> list[datetime]:
    """When the top-ups of what is typed would come; none while it makes no sense."""
    if not form.is_bound:
        return []
    form.is_valid()  # what is missing is filled in below: a preview asks for the calendar alone
    if any(name in form.errors for name in ("interval", "method", "starts_on", "expires_on")):
        return []
    for name in form.fields:
        form.cleaned_data.setdefault(name, None)
    terms = form.terms()
    return due_next(terms, form.zone, at, SHOWN) if terms else []
