"""Charging an invoice to a saved payment method, for staff: the dialog says which, a worker does it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.web.access import access
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm
from billing.web.requests import StaffRequest
from invoicing.actions.collecting import ask_to_charge
from invoicing.models import Invoice
from invoicing.queries.payment_methods import chargeable, saved_methods
from invoicing.views.frame import find_invoice, today_of


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def charge(request: StaffRequest, id: UUID) -> HttpResponse:
    """What will be charged, and why not what else is saved."""
    row = find_invoice(request, id)
    gone = row.customer.deleted_at or row.customer.deleting_at
    methods = [] if gone else saved_methods(row.customer)
    usable, others = chargeable(row, row.customer, methods, today_of(request))
    refused = refusal(row)
    first = usable[0] if usable else None
    form = OnceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and first and not refused:
        ask_to_charge(row, key=f"form:{form.token}")
        return done(request, reverse("invoice", args=[row]), f"{first} is being charged.", kind="info")
    context = {
        "invoice": row,
        "form": form,
        "first": first,
        "instead": next((method for method in usable if method.provider_id != usable[0].provider_id), None),
        "others": others,
        "refused": refused,
    }
    status = 422 if form.is_bound else 200
    return render_page(
        request, "invoicing/payments/charge.html", context, partials=("dialog",), status=status
    )


def refusal(row: Invoice) -> str:
    """Why nothing is charged; empty when something can be."""
    if row.status != "finalized":
        return f"It is {row.status}."
    if not row.due_minor:
        return "This invoice is paid."
    return "The customer disputes it: end the dispute first." if row.in_dispute else ""
