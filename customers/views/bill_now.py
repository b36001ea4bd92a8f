""" "Bill now": an invoice for the usage so far, before its period ends."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.rules.errors import Conflict
from billing.web.access import access
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.requests import StaffRequest
from customers.views.frame import find_customer
from invoicing.actions.billing_run import bill_now as bill
from invoicing.actions.preview import preview_bill_now


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def bill_now(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog states the invoice that would be made; confirming makes it."""
    customer = find_customer(request, id)
    at = now(request.organization)
    form = OnceForm(request.POST if request.method == "POST" else None)
    refused = ""
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if not first:
                    return done(request, reverse("customer-invoices", args=[customer]), "Billed already.")
                invoice = bill(customer, by=request.actor, at=at)
            text = (
                f"Invoice {invoice.number} was issued." if invoice.number else "The draft is ready to review."
            )
            return done(request, reverse("invoice", args=[invoice]), text)
        except Conflict as error:
            refused, status = str(error), error.status
    preview = None
    if not refused:
        try:
            preview = preview_bill_now(customer, by=request.actor, at=at)
        except Conflict as error:
            refused = str(error)
    context = {"customer": customer, "form": form, "preview": preview, "refused": refused}
    return render_page(request, "customers/bill_now.html", context, partials=("dialog",), status=status)
