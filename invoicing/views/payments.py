"""Payments received: the list, and one payment with its receipt."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.web.access import access
from billing.web.csv_files import csv_answer
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by, tidy
from billing.web.requests import StaffRequest
from invoicing.forms.lists import PaymentFilters
from invoicing.models import RECEIVED, Payment, Remittance
from invoicing.queries.collecting import on_account
from invoicing.queries.files import PAYMENT, payment_rows
from invoicing.queries.listing import PAYMENT_SORTS, payment_list, sums_of
from invoicing.queries.refunds import attempt_of
from invoicing.views.frame import customer_named
from invoicing.views.receipts import receipt_panel

# Where providers show a payment to whoever is signed in there.
DASHBOARDS = {
    "stripe": "https://dashboard.stripe.com/payments/{}",
    "paystack": "https://dashboard.paystack.com/#/transactions/{}",
}


@require_safe
@access("invoices.view")
def payments(request: StaffRequest) -> HttpResponse:
    """The list, the latest first."""
    filters, found, rows, sort = listed_payments(request)
    named = {}
    if "customer" in filters.values:
        named["customer"] = customer_named(request, filters.values["customer"])
    context = {
        "page": page_of(request, rows.select_related("invoice", "customer")),
        "filters": filters,
        "chips": filters.chips(request.GET, named),
        "narrowed": bool(filters.values),
        "tab_items": filters.tabs(request.GET),
        "csv_url": f"{reverse('payments-csv')}?{request.GET.urlencode()}",
        "sums": sums_of(found.filter(status__in=RECEIVED), "amount_minor"),
        "sort": sort if request.GET.get("sort") else "",
        "on_account": on_account(request.organization),
    }
    response = render_page(request, "invoicing/payments/list.html", context, partials=("payment-table",))
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response


def listed_payments(request: StaffRequest) -> tuple[PaymentFilters, Any, Any, str]:
    """The filters of the address, what they leave, the same in its order, and that order."""
    filters = PaymentFilters(request.GET)
    found = payment_list(request.organization, filters.values)
    rows, sort = sorted_by(request, found, PAYMENT_SORTS, "-received")
    return filters, found, rows, sort


@require_safe
@access("invoices.view")
def payments_csv(request: StaffRequest) -> HttpResponse:
    """What is filtered, in its order; amounts in major units."""
    _, _, rows, _ = listed_payments(request)
    today = timezone.localtime(now(request.organization)).date()
    return csv_answer(f"payments-{today.isoformat()}", PAYMENT, payment_rows(rows))


@require_safe
@access("invoices.view")
def payment(request: StaffRequest, id: UUID) -> HttpResponse:
    """One payment: what it was for, how it came, what went back of it, and its receipt."""
    rows = Payment.objects.of(request.organization)
    row: Payment = rows.select_related("invoice", "customer", "remittance").get_or_404(pk=id)
    context = {
        "payment": row,
        "customer": row.customer,
        "invoice": row.invoice,
        "attempt": attempt_of(row),
        "provider_url": provider_url(row),
        "refunds": row.refunds.select_related("credit_note", "account"),
        "left_minor": row.left_minor if row.status in RECEIVED else 0,
    }
    context |= {"receipt": None} if row.remittance else receipt_panel(request, row)
    return render_page(request, "invoicing/payments/detail.html", context)


def provider_url(row: Payment | Remittance) -> str:
    """Where the provider shows a payment or transfer; empty where it has no such page."""
    where = DASHBOARDS.get(row.provider, "")
    return where.format(quote(row.reference, safe="")) if where and row.reference else ""
