"""The Payments tab of a customer: the money that came, for which invoice, and what went back."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from customers.views.frame import customer_frame, find_customer
from invoicing.models import RECEIVED, Payment
from invoicing.queries.listing import sums_of


@require_safe
@access("invoices.view")
def customer_payments(request: StaffRequest, id: UUID) -> HttpResponse:
    """The latest first."""
    customer = find_customer(request, id)
    found = Payment.objects.of(request.organization).filter(customer=customer)
    page = page_of(request, found.select_related("invoice").order_by("-paid_at", "-pk"))
    pay = may(request.member, "invoices.pay")
    rows = [
        {
            "payment": payment,
            "refund_url": reverse("payment-refund", args=[payment])
            if pay and payment.status in RECEIVED and payment.refunded_minor < payment.amount_minor
            else "",
        }
        for payment in page.object_list
    ]
    context = {"page": page, "rows": rows, "sums": sums_of(found.filter(status__in=RECEIVED), "amount_minor")}
    frame = customer_frame(request, customer, "payments")
    return render_page(request, "customers/payments/tab.html", frame | context, partials=("payment-table",))
