"""Which of a customer's invoices a credit note is for: the first step of "Issue credit note"."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.views.frame import find_customer
from invoicing.models import Invoice

MOST = 50


@require_safe
@access("credit_notes.edit")
def choose_invoice(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer with the customer's issued invoices, the latest first; each leads to its own drawer."""
    customer = find_customer(request, id)
    rows = Invoice.objects.of(request.organization).creditable().filter(customer=customer)
    found = list(rows.order_by("-issuing_on", "-pk")[: MOST + 1])
    context = {"customer": customer, "invoices": found[:MOST], "more": len(found) > MOST}
    return render_page(request, "customers/credit_notes/choose.html", context, partials=("drawer",))
