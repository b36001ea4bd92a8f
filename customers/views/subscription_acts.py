"""What is done to one subscription: changing its terms, canceling it, keeping it after all."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.actions.subscription_terms import (
    cancel_at_period_end,
    keep_subscription,
    period_end,
    update_subscription,
)
from billing.actions.subscriptions import customer_timezone
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import day_text
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.requests import StaffRequest
from customers.forms.subscription import EditForm, last_day
from customers.views.find import subscription_or_404


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
        tz = customer_timezone(row.customer)
        text = f"It ends after {day_text(last_day(row.ending_at, tz))}." if row.ending_at else "Canceled."
        return done(request, reverse("subscription", args=[row]), text)
    end = period_end(row, at) if row.is_live else at
    context = {
        "subscription": row,
        "form": form,
        "last_day": last_day(min(end, row.ending_at or end), customer_timezone(row.customer)),
    }
    return render_page(request, "customers/subscriptions/cancel.html", context, partials=("dialog",))


@require_POST
@access("subscriptions.edit")
def keep(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take the cancellation back."""
    row = subscription_or_404(request, id)
    keep_subscription(row, by=request.actor, at=now(request.organization))
    return done(request, reverse("subscription", args=[row]), "The subscription goes on.")
