"""What is done to one subscription: changing its terms, canceling it or keeping it, pausing it and going on."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.actions.pauses import pause_subscription
from billing.actions.subscription_terms import (
    cancel_at_period_end,
    keep_subscription,
    period_end,
    update_subscription,
)
from billing.queries.schedules import customer_zone
from billing.rules.errors import BillingError
from billing.rules.periods import start_of_day
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import day_text
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.requests import StaffRequest
from customers.forms.subscription import EditForm, PauseForm, last_day
from customers.views.effects import shown_effect
from customers.views.find import subscription_or_404
from invoicing.actions.effects import effect_of_cancel, effect_of_pause
from invoicing.actions.pauses import resume_subscription
from invoicing.actions.preview import preview_resumption


@access("subscriptions.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Name and end: a drawer, or a page without JavaScript."""
    row = subscription_or_404(request, id)
    form = EditForm(request.POST or None, subscription=row)
    if request.method == "POST" and form.is_valid():
        try:
            update_subscription(row, form.given(), by=request.actor, at=now(request.organization))
            return done(request, reverse("subscription", args=[row]), "Saved.")
        except BillingError as error:
            add_error(form, error, {"ending_at": "ends_on"})
    status = 422 if form.errors else 200
    context = {"subscription": row, "form": form}
    return render_page(
        request, "customers/subscriptions/edit.html", context, partials=("drawer",), status=status
    )


@access("subscriptions.edit")
def cancel(request: StaffRequest, id: UUID) -> HttpResponse:
    """Cancel at the end of the running period: the dialog states the day."""
    row = subscription_or_404(request, id)
    at = now(request.organization)
    form = OnceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with claimed(form) as first:
            if first:
                row = cancel_at_period_end(row, by=request.actor, at=at)
        tz = customer_zone(row.customer)
        text = f"It ends after {day_text(last_day(row.ending_at, tz))}." if row.ending_at else "Canceled."
        return done(request, reverse("subscription", args=[row]), text)
    end = period_end(row, at) if row.is_live else at
    context = {
        "subscription": row,
        "form": form,
        "last_day": last_day(min(end, row.ending_at or end), customer_zone(row.customer)),
        "tz": customer_zone(row.customer),
    }
    if row.is_live and not row.is_canceling:
        context |= shown_effect(lambda: effect_of_cancel(row, by=request.actor, at=at))
    return render_page(request, "customers/subscriptions/cancel.html", context, partials=("dialog",))


@require_POST
@access("subscriptions.edit")
def keep(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take the cancellation back."""
    row = subscription_or_404(request, id)
    keep_subscription(row, by=request.actor, at=now(request.organization))
    return done(request, reverse("subscription", args=[row]), "The subscription goes on.")


@access("subscriptions.edit")
def pause(request: StaffRequest, id: UUID) -> HttpResponse:
    """Pause it now; the drawer says what a pause means. With `act=look` it only says what this one would do."""
    row = subscription_or_404(request, id)
    form = PauseForm(request.POST or None)
    looking = request.POST.get("act") == "look"
    at, tz = now(request.organization), customer_zone(row.customer)
    if request.method == "POST" and not looking and form.is_valid():
        day = form.cleaned_data["resumes_on"]
        try:
            with claimed(form) as first:
                if first:
                    pause_subscription(
                        row,
                        resumes_at=start_of_day(day, tz) if day else None,
                        reason=form.cleaned_data["reason"],
                        by=request.actor,
                        at=at,
                    )
            text = f"Paused until {day_text(day)}." if day else "Paused until it is resumed."
            return done(request, reverse("subscription", args=[row]), text)
        except BillingError as error:
            add_error(form, error, {"resumes_at": "resumes_on"})
    context = {"subscription": row, "form": form, "tz": tz}
    if not form.is_bound or (looking and form.is_valid()):
        day = form.cleaned_data["resumes_on"] if form.is_bound else None
        until = start_of_day(day, tz) if day else None
        context |= shown_effect(lambda: effect_of_pause(row, resumes_at=until, by=request.actor, at=at))
    status = 422 if form.errors and not looking else 200
    return render_page(
        request,
        "customers/subscriptions/pause.html",
        context,
        partials=("drawer", "pause-effect"),
        status=status,
    )


@access("subscriptions.edit")
def resume(request: StaffRequest, id: UUID) -> HttpResponse:
    """Go on now: the dialog states the invoices and the credit that come of it."""
    row = subscription_or_404(request, id)
    at = now(request.organization)
    form = OnceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with claimed(form) as first:
            if first:
                resume_subscription(row, by=request.actor, at=at)
        return done(request, reverse("subscription", args=[row]), "The subscription goes on.")
    preview = preview_resumption(row, by=request.actor, at=at) if row.paused_at else None
    context = {"subscription": row, "form": form, "preview": preview}
    return render_page(request, "customers/subscriptions/resume.html", context, partials=("dialog",))
