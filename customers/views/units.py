"""Units of a subscription's fixed charges: the drawer that changes them."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.queries.schedules import customer_zone
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.states import SubscriptionStatus
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import day_text, money_text, zone_of
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from customers.forms.units import UnitsForm
from customers.queries.units import units_of
from customers.views.find import subscription_or_404
from invoicing.actions.units import UnitsOutcome, change_units, next_period_at

_NUMBER = re.compile(r"units\[(\d+)\]\.")


@access("subscriptions.edit")
def change(request: StaffRequest, id: UUID) -> HttpResponse:
    """What the subscription has, what it shall have, and what was changed before."""
    row = subscription_or_404(request, id)
    at, tz = now(request.organization), customer_zone(row.customer)
    found = units_of(row, at)
    if not found.held or row.is_ended:
        raise Http404("No fixed charges.")
    next_at = next_period_at(row)
    form = UnitsForm(
        request.POST or None,
        rows=[item.row for item in found.held],
        held={item.row.pk: item.units for item in found.held},
        next_on=day_text(next_at.astimezone(zone_of(tz)).date()) if next_at else "",
        pending=row.status == SubscriptionStatus.PENDING.value,
    )
    back = reverse("subscription-plan", args=[row.pk])
    if request.method == "POST" and form.is_valid():
        try:
            text = "The units were changed."
            with claimed(form) as first:
                if first:
                    later = form.cleaned_data.get("start") == "next_period"
                    outcome = change_units(row, form.units(), next_period=later, by=request.actor, at=at)
                    text = told(outcome)
            return done(request, back, text)
        except BillingError as error:
            place(form, error)
    context = {"subscription": row, "form": form, "units": found, "tz": tz, "back": back}
    status = 422 if form.is_bound else 200
    return render_page(
        request, "customers/subscriptions/units_form.html", context, partials=("drawer",), status=status
    )


def told(outcome: UnitsOutcome) -> str:
    """What came of it."""
    if not outcome.changes:
        return "Nothing has changed."
    if outcome.invoice is None:
        return "The units were changed."
    amount = money_text(outcome.invoice.total_minor, outcome.invoice.currency)
    name = outcome.invoice.number or "a draft"
    return f"The units were changed; {amount} for the added ones stand on {name}."


def place(form: UnitsForm, error: BillingError) -> None:
    """Errors of a number go to its input."""
    if not isinstance(error, FieldErrors):
        add_error(form, error)
        return
    for path, text in error.errors:
        found = _NUMBER.match(path)
        form.add_error(form.name_of(form.rows[int(found[1])]) if found else None, text)
