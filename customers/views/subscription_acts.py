"""What is done to one subscription: changing its terms, canceling it, keeping it after all, ending it now."""

from __future__ import annotations

from datetime import datetime
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
from billing.actions.subscriptions import cancel_pending, customer_timezone
from billing.models import Subscription
from billing.queries.usage import charge_usage
from billing.rules.errors import BillingError
from billing.rules.states import SubscriptionStatus
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import day_text
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.requests import StaffRequest
from customers.forms.subscription import EditForm, last_day
from customers.queries.deletion import unbilled_from
from customers.views.find import subscription_or_404
from invoicing.actions.termination import terminate_subscription


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


@access("subscriptions.edit")
def terminate(request: StaffRequest, id: UUID) -> HttpResponse:
    """End a subscription now, after showing what that bills."""
    row = subscription_or_404(request, id)
    at = now(request.organization)
    form = OnceForm(request.POST or None)
    pending = row.status == SubscriptionStatus.PENDING.value
    if request.method == "POST" and form.is_valid():
        with claimed(form) as first:
            text = end(row, pending, request, at) if first else "It has ended."
        return done(request, reverse("subscription", args=[row]), text)
    usage = charge_usage(row, unbilled_from(row), at) if row.is_live else []
    context = {
        "subscription": row,
        "form": form,
        "pending": pending,
        "usage": [item for item in usage if item.amount_minor or item.units],
        "usage_minor": sum(item.amount_minor for item in usage),
    }
    return render_page(request, "customers/subscriptions/terminate.html", context, partials=("dialog",))


def end(row: Subscription, pending: bool, request: StaffRequest, at: datetime) -> str:
    """Call off or terminate, and say what came of it."""
    if pending:
        cancel_pending(row, by=request.actor, at=at)
        return "The subscription was called off."
    outcome = terminate_subscription(row, by=request.actor, at=at)
    parts = ["The subscription has ended."]
    if outcome.invoice:
        parts.append("Its closing invoice was made.")
    if outcome.credit_note:
        parts.append(f"Credit note {outcome.credit_note.number} returns the unused days.")
    return " ".join(parts)
