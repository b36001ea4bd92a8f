"""The customer's next invoice as the billing run would make it, if nothing more were used until then."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone
from billing.rules.errors import Conflict
from billing.web.access import access, may
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.queries.coming import next_bill
from customers.queries.overview import open_subscriptions
from customers.views.frame import find_customer
from invoicing.actions.preview import preview_next_bill


@require_safe
@access("invoices.view")
def next_invoice(request: StaffRequest, id: UUID) -> HttpResponse:
    """A line for the timeline (`next-invoice`), the lines and totals in the drawer, or both as a page."""
    customer = find_customer(request, id)
    moment = (
        None if customer.deleting_at else next_bill(open_subscriptions(customer), now(request.organization))
    )
    context = {
        "customer": customer,
        "tz": customer_zone(customer),
        "moment": moment,
        "bill_now": may(request.member, "invoices.edit") and not customer.deleting_at,
        **estimated(customer, moment),
    }
    return render_page(
        request, "customers/overview/next_invoice.html", context, partials=("next-invoice", "drawer")
    )


def estimated(customer: Customer, moment: datetime | None) -> dict[str, Any]:
    """`invoices` at the moment, or `busy`: why there is no figure just now."""
    if moment is None:
        return {"invoices": [], "busy": ""}
    try:
        return {"invoices": preview_next_bill(customer, moment, by=Actor.system()), "busy": ""}
    except Conflict as error:
        return {"invoices": [], "busy": str(error)}
