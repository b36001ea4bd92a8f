"""An invoice's details, and its dispute."""

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
from invoicing.actions.disputes import dispute_invoice, end_dispute
from invoicing.actions.invoice_details import update_invoice
from invoicing.forms.invoice_details import DetailsForm, DisputeForm, EndDisputeForm
from invoicing.models import Invoice
from invoicing.rules.states import DisputeState
from invoicing.views.frame import find_invoice
from invoicing.views.invoice_acts import url_of


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer "Edit details": all of them on a draft, metadata on an issued invoice."""
    row = find_invoice(request, id)
    form = DetailsForm(request.POST if request.method == "POST" else None, invoice=row)
    if request.method == "POST" and form.is_valid():
        try:
            update_invoice(row, form.values(), by=request.actor, at=now(request.organization))
            return done(request, url_of(row), "The details were saved.")
        except BillingError as error:
            add_error(form, error)
    return answer(request, "details", row, form, "drawer")


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def dispute(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog says what a dispute does, and asks for the reason."""
    row = find_invoice(request, id)
    form = DisputeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            dispute_invoice(row, reason=reason, by=request.actor, at=now(request.organization))
            return done(request, url_of(row), f"Invoice {row.number} is in dispute.")
        except BillingError as error:
            add_error(form, error)
    return answer(request, "dispute", row, form, "dialog")


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def dispute_end(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog asks how the dispute ended."""
    row = find_invoice(request, id)
    form = EndDisputeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            outcome, at = DisputeState(data["outcome"]), now(request.organization)
            end_dispute(row, outcome, note=data["note"], by=request.actor, at=at)
            return done(request, url_of(row), "The dispute has ended.")
        except BillingError as error:
            add_error(form, error)
    return answer(request, "dispute_end", row, form, "dialog")


def answer(request: StaffRequest, template: str, row: Invoice, form: Any, overlay: str) -> HttpResponse:
    """The overlay or the page."""
    status = 422 if form.errors else 200
    return render_page(
        request,
        f"invoicing/invoices/{template}.html",
        {"invoice": row, "form": form},
        partials=(overlay,),
        status=status,
    )
