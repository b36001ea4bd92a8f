"""Invoices: the list, and one invoice with its lines, document, payments and history."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by, tidy
from billing.web.recent import remember
from billing.web.requests import StaffRequest
from invoicing.actions.line_edits import ALTERABLE
from invoicing.forms.lists import InvoiceFilters
from invoicing.models import Invoice, InvoiceReview
from invoicing.queries.consumer import for_consumer, put_tax_in
from invoicing.queries.deductions import before_and_after_tax, used_credits
from invoicing.queries.listing import INVOICE_SORTS, TABS, invoice_list, listed
from invoicing.queries.paying import attempts_of
from invoicing.views.frame import customer_named, document_context, find_invoice, history, mail_log, today_of
from invoicing.views.lines import line_groups, shown_lines

DEFAULT_SORT = "-issued"


@require_safe
@access("invoices.view")
def invoices(request: StaffRequest) -> HttpResponse:
    """The list: tab, search, filters, order and page come from the URL."""
    filters = InvoiceFilters(request.GET)
    tab = request.GET.get("tab", "all")
    today = today_of(request)
    found = invoice_list(request.organization, filters.values, tab, today)
    rows, sort = sorted_by(request, found.rows, INVOICE_SORTS, DEFAULT_SORT)
    page = page_of(request, rows.select_related("customer"))
    named = {}
    if "customer" in filters.values:
        named["customer"] = customer_named(request, filters.values["customer"])
    context = {
        "page": page,
        "rows": listed(page.object_list, today),
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
    for name, label in TABS.items():
        rest = query.copy()
        rest.pop("page", None)
        rest.pop("tab", None)
        if name != "all":
            rest["tab"] = name
        items.append(
            {
                "label": label,
                "url": f"?{rest.urlencode()}",
                "active": name == tab or (name == "all" and tab not in TABS),
                "count": counts[name],
            }
        )
    return items


@require_safe
@access("invoices.view")
def invoice(request: StaffRequest, id: UUID) -> HttpResponse:
    """One invoice."""
    row = find_invoice(request, id)
    remember(request, "invoice", row)
    today = today_of(request)
    (shown,) = listed([row], today)
    lowered = row.progressive_minor or row.coupons_minor or row.credit_notes_minor or row.wallet_credits_minor
    before_tax, credits = before_and_after_tax(row.deductions.all() if lowered else [])
    lines, consumer = shown_lines(row), for_consumer(row)
    context = {
        "lines_minor": put_tax_in(row, lines, before_tax) if consumer else row.lines_minor,
        "with_tax": consumer,
        "invoice": row,
        "customer": row.customer,
        "tax_ids": {
            "seller": (row.seller or vars(row.billing_entity)).get("tax_id"),
            "buyer": (row.buyer or vars(row.customer)).get("tax_id"),
        },
        "shown": shown.shown,
        "acts": shown.acts,
        "groups": line_groups(row, lines),
        "before_tax": before_tax,
        "credits": used_credits(credits),
        "tax_rows": row.tax_rows.all(),
        "payments": row.payments.all(),
        "attempts": attempts_of(row) if row.number else [],
        "credit_notes": row.credit_notes.all(),
        "write_off": row.write_offs.filter(undone_at=None).first() if row.written_off_minor else None,
        "is_draft": row.status == "draft",
        "successor": Invoice.objects.filter(voided_invoice=row).first() if row.status == "voided" else None,
        "editable": row.status == "draft" and row.type in ALTERABLE and may(request.member, "invoices.edit"),
        "review": InvoiceReview.objects.filter(invoice=row).current(today).first()
        if hasattr(row, "review")
        else None,
        "history": history(row),
    }
    context |= document_context(request, row) | mail_log(row)
    return render_page(request, "invoicing/invoices/detail.html", context, partials=("review-hint",))
