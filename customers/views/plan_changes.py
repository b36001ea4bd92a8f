"""Changing the plan of a subscription, and calling a scheduled change off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.queries.schedules import customer_zone
from billing.rules.errors import BillingError
from billing.rules.periods import local_date
from billing.rules.plan_changes import When
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import day_text
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from customers.forms.plan_change import ChangePlanForm
from customers.views.effects import shown_effect
from customers.views.find import subscription_or_404
from invoicing.actions.effects import effect_of_change
from invoicing.actions.plan_changes import PlanChange, change_plan, keep_plan


@access("subscriptions.edit")
def change(request: StaffRequest, id: UUID) -> HttpResponse:
    """A drawer, or a page without JavaScript. With `act=look` it only says what the change would do."""
    row = subscription_or_404(request, id)
    at = now(request.organization)
    form = ChangePlanForm(request.POST or None, subscription=row)
    looking = request.POST.get("act") == "look"
    effect = None
    if request.method == "POST" and form.is_valid():
        plan = form.cleaned_data["plan"]
        told: dict[str, Any] = {"when": form.wish, "by": request.actor, "at": at}
        try:
            if not looking:
                with claimed(form) as first:
                    if not first:
                        page = reverse("subscription", args=[row])
                        return done(request, page, "The plan was changed already.", kind="info")
                    changed = change_plan(row, plan, **told)
                return done(request, *answer(row.customer, changed))
            effect = effect_of_change(row, plan, **told)
        except BillingError as error:
            add_error(form, error, {"when": "when"})
    context = {"subscription": row, "form": form, "tz": customer_zone(row.customer)}
    context |= shown_effect(lambda: effect) if effect else {}
    status = 422 if form.errors and not looking else 200
    return render_page(
        request,
        "customers/subscriptions/change_plan.html",
        context,
        partials=("drawer", "change-effect"),
        status=status,
    )


def answer(customer: object, changed: PlanChange) -> tuple[str, str]:
    """Where to go afterwards, and what to say."""
    row = changed.subscription
    if changed.when == When.NOW:
        text = f"It is on {row.plan.name} now."
        if changed.given_back.note:
            text += f" Credit note {changed.given_back.note.number} returns the unused days."
        return reverse("subscription", args=[row]), text
    day = day_text(local_date(changed.at, customer_zone(customer)))
    return reverse("subscription", args=[row.previous]), f"It changes to {row.plan.name} on {day}."


@require_POST
@access("subscriptions.edit")
def keep(request: StaffRequest, id: UUID) -> HttpResponse:
    """Call off the change that waits."""
    row = subscription_or_404(request, id)
    keep_plan(row, by=request.actor, at=now(request.organization))
    return done(request, reverse("subscription", args=[row]), "The plan stays.")
