"""Actions, Change type and Change mode: the choice, its effects in numbers, and the reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.classification import change_mode, change_type
from customers.forms.classification import FlipForm, ModeForm, TypeForm
from customers.models import Customer
from customers.queries.classification import candidates, mode_preview, type_preview
from customers.rules.classification import needs_review
from customers.views.frame import customer_url, find_customer, opened_from
from customers.views.undo import undo_url

PARTIALS = ("drawer", "effects")


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def type_change(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer "Change type". A GET with a choice shows its effects; afterwards the browser stands on Information,
    which names invoices to review.
    """
    customer, at = find_customer(request, id), now(request.organization)
    form = TypeForm(
        request.POST if request.method == "POST" else None, customer=customer, initial=asked(request)
    )
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            saved = change_type(
                customer, values["customer_type"], reason=values["reason"], by=request.actor, at=at
            )
        except BillingError as error:
            add_error(form, error)
        else:
            page, undo = (
                customer_url("customer-information", customer),
                undo_url(request, customer, saved, at),
            )
            return done(request, page, "Type changed", undo_url=undo)
    review = needs_review(customer.customer_type, form.chosen, customer.country)
    context = {
        "effects": type_preview(customer, form.chosen),
        "review": list(candidates(customer, at)) if review else [],
        "was": customer.get_customer_type_display(),
    }
    return answer(request, customer, form, "type", context)


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def mode_change(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer "Change mode"."""
    customer, at = find_customer(request, id), now(request.organization)
    form = ModeForm(
        request.POST if request.method == "POST" else None, customer=customer, initial=asked(request)
    )
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        try:
            saved = change_mode(customer, values["mode"], reason=values["reason"], by=request.actor, at=at)
        except BillingError as error:
            add_error(form, error)
        else:
            page, undo = opened_from(request, customer), undo_url(request, customer, saved, at)
            return done(request, page, "Mode changed", undo_url=undo)
    context = {"wallets": mode_preview(customer, form.chosen), "was": customer.get_mode_display()}
    return answer(request, customer, form, "mode", context)


def asked(request: StaffRequest) -> dict[str, str]:
    """The choice that a GET asks the effects of."""
    return {name: request.GET[name] for name in ("customer_type", "mode", "reason") if name in request.GET}


def answer(
    request: StaffRequest, customer: Customer, form: FlipForm, name: str, context: dict[str, Any]
) -> HttpResponse:
    """The drawer, the page, or the effects alone."""
    context |= {
        "customer": customer,
        "form": form,
        "bound": form[form.NAME],
        "noun": name,
        "chosen": str(dict(form.CHOICES)[form.chosen]),
        "same": form.chosen == getattr(customer, form.NAME),
        "action_url": request.path,
        "cancel_url": customer_url("customer", customer),
    }
    template, status = "customers/classification/change.html", 422 if form.is_bound else 200
    return render_page(request, template, context, partials=PARTIALS, status=status)
