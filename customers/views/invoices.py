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
from customers.views.dunning import chases
from customers.views.frame import customer_frame, find_customer
from invoicing.queries.listing import INVOICE_SORTS, TABS, balances, invoice_list, listed


@require_safe
@access("invoices.view")
def customer_invoices(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab; `?tab=draft` and so on narrow the list."""
    customer = find_customer(request, id)
    tab = request.GET.get("tab", "all")
    today = timezone.localtime(now(request.organization)).date()
    found = invoice_list(request.organization, {}, tab, today, customer)
    rows, _ = sorted_by(request, found.rows, INVOICE_SORTS, "-issued")
    page = page_of(request, rows.select_related("customer"))
    edit = may(request.member, "invoices.edit") and not customer.deleting_at
    owed = balances(customer, today)
    context = {
        "page": page,
        "rows": listed(page.object_list, today),
        "tab_items": [
            {
                "label": label,
                "url": request.path if name == "all" else f"{request.path}?tab={name}",
                "active": name == (tab if tab in TABS else "all"),
                "count": found.counts[name],
            }
            for name, label in TABS.items()
        ],
        "any_invoice": bool(found.counts["all"]),
        "balances": owed,
        "ask_url": reverse("customer-request-payment", args=[customer]) if edit else "",
        "one_off_url": reverse("customer-one-off", args=[customer]) if edit else "",
    }
    late = [row.currency for row in owed if row.overdue_minor]
    frame = customer_frame(request, customer, "invoices") | chases(request, customer, late)
    return render_page(request, "customers/invoices.html", frame | context, partials=("invoice-table",))
