"""Payments received: the list. What a payment is about stands on its invoice."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.web.access import access
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by, tidy
from billing.web.requests import StaffRequest
from invoicing.forms.lists import PaymentFilters
from invoicing.models import RECEIVED, Payment
from invoicing.queries.collecting import on_account
from invoicing.queries.listing import PAYMENT_SORTS, payment_list, sums_of
from invoicing.views.frame import customer_named


@require_safe
@access("invoices.view")
def payments(request: StaffRequest) -> HttpResponse:
    """The list, the latest first."""
    filters = PaymentFilters(request.GET)
    found = payment_list(request.organization, filters.values)
    rows, sort = sorted_by(request, found, PAYMENT_SORTS, "-received")
    named = {}
    if "customer" in filters.values:
        named["customer"] = customer_named(request, filters.values["customer"])
    context = {
        "page": page_of(request, rows.select_related("invoice", "customer")),
        "filters": filters,
        "chips": filters.chips(request.GET, named),
        "narrowed": bool(filters.values),
        "sums": sums_of(found.filter(status__in=RECEIVED), "amount_minor"),
        "sort": sort if request.GET.get("sort") else "",
        "on_account": on_account(request.organization),
    }
    response = render_page(request, "invoicing/payments/list.html", context, partials=("payment-table",))
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response


@require_safe
@access("invoices.view")
def payment(request: StaffRequest, id: UUID) -> HttpResponse:
    """A payment's address leads to its invoice, where it is listed."""
    row = Payment.objects.of(request.organization).select_related("invoice").get_or_404(pk=id)
    return redirect(reverse("invoice", args=[row.invoice]))
