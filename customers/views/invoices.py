"""The Invoices tab of a customer: what is owed, and all invoices."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.web.access import access, may
from billing.web.htmx import render_page
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest
from customers.views.frame import customer_frame, find_customer
from invoicing.queries.listing import balances, invoice_list
from invoicing.views.rows import SORTS, invoice_rows, tab_items


@require_safe
@access("invoices.view")
def customer_invoices(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab; `?tab=draft` and so on narrow the list."""
    customer = find_customer(request, id)
    tab = request.GET.get("tab", "all")
    today = timezone.localtime(now(request.organization)).date()
    found = invoice_list(request.organization, {}, tab, today, customer)
    rows, _ = sorted_by(request, found.rows, SORTS, "-issued")
    page = page_of(request, rows.select_related("customer"))
    edit = may(request.member, "invoices.edit") and not customer.deleting_at
    context = {
        "page": page,
        "rows": invoice_rows(page.object_list, request, today),
        "tab_items": tab_items(request.GET, tab, found.counts),
        "any_invoice": bool(found.counts["all"]),
        "balances": balances(customer, today),
        "one_off_url": reverse("customer-one-off", args=[customer]) if edit else "",
    }
    frame = customer_frame(request, customer, "invoices")
    return render_page(request, "customers/invoices.html", frame | context, partials=("invoice-table",))
