"""The Payments tab of a customer: the money that came, for which invoice, and what went back."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.formats import zone_of
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by, tidy
from billing.web.requests import StaffRequest
from customers.views.frame import customer_frame, find_customer
from invoicing.forms.lists import PaymentFilters
from invoicing.models import RECEIVED
from invoicing.queries.collecting import on_account
from invoicing.queries.listing import PAYMENT_SORTS, payment_list, sums_of


@require_safe
@access("invoices.view")
def customer_payments(request: StaffRequest, id: UUID) -> HttpResponse:
    """The latest first, unless the address asks otherwise; days are the customer's own."""
    customer = find_customer(request, id)
    frame = customer_frame(request, customer, "payments")
    filters = PaymentFilters(request.GET, of_one=True)
    found = payment_list(request.organization, filters.values, customer, zone_of(frame["tz"]))
    rows, sort = sorted_by(request, found, PAYMENT_SORTS, "-received")
    page = page_of(request, rows.select_related("invoice"))
    pay = may(request.member, "invoices.pay")
    context = {
        "page": page,
        "sums": sums_of(found.filter(status__in=RECEIVED), "amount_minor"),
        "filters": filters,
        "tab_items": filters.tabs(request.GET),
        "chips": filters.chips(request.GET, {}),
        "sort": sort if request.GET.get("sort") else "",
        "on_account": on_account(request.organization, customer),
        "pay_url": reverse("customer-payment-add", args=[customer])
        if pay and not customer.deleting_at
        else "",
    }
    response = render_page(
        request, "customers/payments/tab.html", frame | context, partials=("payment-table",)
    )
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response
