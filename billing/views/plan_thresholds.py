"""A plan's usage thresholds: a drawer, or a page without JavaScript."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.actions.thresholds import set_plan_thresholds
from billing.forms.thresholds import ThresholdsForm
from billing.queries.catalog_use import plan_use
from billing.rules.errors import BillingError
from billing.views.plan_frame import find_plan
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest


@access("catalog.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The amounts of usage at which its subscriptions are billed before their period ends."""
    plan = find_plan(request, id)
    data = request.POST if request.method == "POST" else None
    form = ThresholdsForm(data, currency=plan.currency, own=plan.thresholds.all())
    here = reverse("plan", args=[plan.public_id])
    if request.method == "POST" and form.is_valid():
        try:
            set_plan_thresholds(plan, form.terms(), by=request.actor, at=now(request.organization))
            return done(request, here, "Thresholds saved.")
        except BillingError as error:
            add_error(form, error, {"thresholds": "__all__"})
    context = {
        "plan": plan,
        "form": form,
        "use": plan_use(plan),
        "headings": "Amount without tax, Name",
        "action": request.path,
        "cancel": here,
    }
    status = 422 if form.errors or any(form.rows.errors) else 200
    return render_page(request, "billing/plans/thresholds.html", context, partials=("drawer",), status=status)
