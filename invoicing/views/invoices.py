"""Invoices: the list, and one invoice with its lines, document, payments and history."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest
from invoicing.forms.lists import InvoiceFilters
from invoicing.models import Invoice
from invoicing.queries.listing import TABS, invoice_list
from invoicing.rules.shown import shown_status
from invoicing.views.frame import customer_named, document_context, find_invoice, history, tidy, today_of
from invoicing.views.lines import line_groups

SORTS = {
    "number": "number",
    "customer": "customer_name",
    "issued": "issuing_on",
    "due": "due_on",
    "amount": "total_minor",
}
DEFAULT_SORT = "-issued"
TAB_LABELS = {"all": "All", "draft": "Drafts", "outstanding": "Outstanding"}


@require_safe
@access("invoices.view")
def invoices(request: StaffRequest) -> HttpResponse:
    """The list: tab, search, filters, order and page come from the URL."""
    filters = InvoiceFilters(request.GET)
    tab = request.GET.get("tab", "all")
    today = today_of(request)
    found = invoice_list(request.organization, filters.values, tab, today)
    rows, sort = sorted_by(request, found.rows, SORTS, DEFAULT_SORT)
    page = page_of(request, rows.select_related("customer"))
    named = {}
    if "customer" in filters.values:
        named["customer"] = customer_named(request, filters.values["customer"])
    context = {
        "page": page,
        "rows": [row_of(invoice, request) for invoice in page.object_list],
        "filters": filters,
        "chips": filters.chips(request.GET, named),
        "narrowed": bool(filters.values),
        "tab": tab,
        "tab_items": tab_items(request.GET, tab, found.counts),
        "sums": found.sums,
        "sort": sort if request.GET.get("sort") else "",
        "any_invoice": bool(found.counts["all"]),
        "clear_url": request.path if tab == "all" else f"{request.path}?tab={tab}",
    }
    response = render_page(request, "invoicing/invoices/list.html", context, partials=("invoice-table",))
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response


def tab_items(query: QueryDict, tab: str, counts: dict[str, int]) -> list[dict[str, Any]]:
    """The quick tabs; each keeps the filters and begins at its first page."""
    items = []
    for name in TABS:
        rest = query.copy()
        rest.pop("page", None)
        rest.pop("tab", None)
        if name != "all":
            rest["tab"] = name
        items.append(
            {
                "label": TAB_LABELS.get(name, name.capitalize()),
                "url": f"?{rest.urlencode()}",
                "active": name == tab or (name == "all" and tab not in TABS),
                "count": counts[name],
            }
        )
    return items


def row_of(invoice: Invoice, request: StaffRequest) -> dict[str, Any]:
    """A line of a list: the invoice, its badge, and what its ⋯ menu offers this member."""
    return {
        "invoice": invoice,
        "shown": shown_status(invoice.status, invoice.payment_status, invoice.due_on, today_of(request)),
        "acts": acts_of(invoice, request),
    }


def acts_of(invoice: Invoice, request: StaffRequest) -> dict[str, Any]:
    """What this member can do with the invoice now: {name: url}, empty where it makes no sense."""
    edit, pay = may(request.member, "invoices.edit"), may(request.member, "invoices.pay")
    draft, final = invoice.status == "draft", invoice.status == "finalized"

    def url(name: str, when: bool) -> str:
        return reverse(name, args=[invoice]) if when else ""

    return {
        "view": reverse("invoice", args=[invoice]),
        "refresh": url("invoice-refresh", edit and draft and invoice.type == "subscription"),
        "finalize": url("invoice-finalize", edit and draft),
        "delete": url("invoice-delete", edit and draft and invoice.type == "one_off"),
        "pdf": url("invoice-pdf", invoice.pdf_state == "ready"),
        "pay": url("invoice-pay", pay and final and invoice.due_minor > 0),
        "void": url("invoice-void", edit and final),
        "void_reason": "Money was received for it" if invoice.paid_minor else "",
    }


@require_safe
@access("invoices.view")
def invoice(request: StaffRequest, id: UUID) -> HttpResponse:
    """One invoice."""
    row = find_invoice(request, id)
    deductions = list(row.deductions.all())
    context = {
        "invoice": row,
        "customer": row.customer,
        "shown": shown_status(row.status, row.payment_status, row.due_on, today_of(request)),
        "acts": acts_of(row, request),
        "groups": line_groups(row),
        "coupons": [item for item in deductions if item.kind == "coupon"],
        "credits": [item for item in deductions if item.kind != "coupon"],
        "tax_rows": row.tax_rows.all(),
        "payments": row.payments.all(),
        "credit_notes": row.credit_notes.all(),
        "is_draft": row.status == "draft",
        "history": history(row),
    }
    return render_page(request, "invoicing/invoices/detail.html", context | document_context(request, row))
