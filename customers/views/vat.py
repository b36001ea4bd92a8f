"""The VAT number of a customer: check it now, confirm it by hand, leave it out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from customers.actions import vat_override
from customers.actions.customers import update_customer
from customers.actions.vat import verify
from customers.forms.vat import OptOutForm, OverrideForm
from customers.models import Customer
from customers.queries.vat import vat_card
from customers.views.frame import find_customer
from customers.views.undo import undo_url

TOLD = {
    "valid": ("VIES says that the number is valid.", "success"),
    "invalid": ("The number is not valid.", "warning"),
    "pending": ("There is no answer yet. It is asked again by itself.", "info"),
    "manual": ("The number is confirmed by hand; VIES was not asked.", "info"),
}


def vat_context(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    """What `customers/vat/card.html` shows."""
    customer.organization = request.organization
    return {
        "vat": vat_card(customer, now(request.organization)),
        "may_check_vat": may(request.member, "customers.edit") and not customer.deleting_at,
    }


def back(customer: Customer) -> str:
    """The card on the Information tab."""
    return reverse("customer-information", args=[customer]) + "#vat"


@require_POST
@access("customers.edit")
def check_now(request: StaffRequest, id: UUID) -> HttpResponse:
    """Ask VIES and wait for the answer."""
    customer = find_customer(request, id)
    found = verify(customer, by=request.actor, at=now(request.organization))
    text, kind = TOLD.get(found.vat_status, ("VIES gave no verdict; see the history.", "warning"))
    return done(request, back(customer), text, kind=kind)


@access("customers.edit")
@require_http_methods(["GET", "POST"])
def override(request: StaffRequest, id: UUID) -> HttpResponse:
    """Confirm the number by hand."""
    customer, at = find_customer(request, id), now(request.organization)
    initial = {"days": request.organization.vat_override_days}
    form = OverrideForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    data = form.cleaned_data
                    vat_override.override(
                        customer, data["reason"], days=data["days"], by=request.actor, at=at
                    )
            return done(request, back(customer), "The number counts as valid now.")
        except BillingError as error:
            add_error(form, error, {"ttl_days": "days"})
    context = {"customer": customer, "form": form}
    status = 422 if form.errors else 200
    return render_page(request, "customers/vat/override.html", context, partials=("drawer",), status=status)


@require_POST
@access("customers.edit")
def clear(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take a confirmation back."""
    customer = find_customer(request, id)
    vat_override.clear_override(customer, by=request.actor, at=now(request.organization))
    return done(request, back(customer), "The confirmation is taken back. VIES is asked with the next round.")


@access("customers.edit")
@require_http_methods(["GET", "POST"])
def opt_out(request: StaffRequest, id: UUID) -> HttpResponse:
    """Never check this customer's numbers."""
    customer, at = find_customer(request, id), now(request.organization)
    form = OptOutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        change = {
            "vat_validation_disabled": True,
            "vat_validation_disabled_reason": form.cleaned_data["reason"],
        }
        try:
            saved = update_customer(customer, change, by=request.actor, at=at)
            text = "The numbers of this customer are no longer checked."
            return done(request, back(customer), text, undo_url=undo_url(request, customer, saved, at))
        except BillingError as error:
            add_error(form, error, {"vat_validation_disabled_reason": "reason"})
    context = {"customer": customer, "form": form}
    status = 422 if form.errors else 200
    return render_page(request, "customers/vat/opt_out.html", context, partials=("drawer",), status=status)


@require_POST
@access("customers.edit")
def opt_in(request: StaffRequest, id: UUID) -> HttpResponse:
    """Check this customer's numbers again."""
    customer = find_customer(request, id)
    change = {"vat_validation_disabled": False}
    update_customer(customer, change, by=request.actor, at=now(request.organization))
    return done(request, back(customer), "The numbers of this customer are checked again.")
