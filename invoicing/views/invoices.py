"""Invoices: the list, and one invoice with its lines, document, payments and history."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.models import Organization
from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by
from billing.web.recent import remember
from billing.web.requests import StaffRequest
from billing.web.saved_lists import (
    Columns,
    SavedList,
    columns_of,
    essence,
    register,
    saved_view,
    tidy,
    views_bar,
)
from invoicing.actions.line_edits import ALTERABLE
from invoicing.forms.lists import InvoiceFilters
from invoicing.models import Invoice, InvoiceReview
from invoicing.queries.consumer import for_consumer, put_tax_in
from invoicing.queries.deductions import before_and_after_tax, used_credits
from invoicing.queries.listing import INVOICE_SORTS, TABS, Listed, invoice_list, listed
from invoicing.queries.paying import attempts_of
from invoicing.rules.bulk import ACTS
from invoicing.rules.list_columns import INVOICE_COLUMNS, INVOICE_USUAL
from invoicing.views.frame import customer_named, document_context, find_invoice, history, mail_log, today_of
from invoicing.views.lines import line_groups, period_text, shown_lines

DEFAULT_SORT = "-issued"


def invoice_columns(organization: Organization) -> Columns:
    """All columns of the list and the usual ones."""
    return INVOICE_COLUMNS, INVOICE_USUAL


SAVED = register(
    SavedList("invoices", "Invoices", "invoices", "Number and status", "invoices.edit", invoice_columns)
)


@require_safe
@access("invoices.view")
def invoices(request: StaffRequest) -> HttpResponse:
    """The list: tab, search, filters, order, columns and page come from the URL."""
    organization, query = request.organization, request.GET
    view = saved_view(request.member, SAVED, query.get("view", ""))
    filters = InvoiceFilters(query, organization)
    tab = query.get("tab", "all")
    today = today_of(request)
    found = invoice_list(organization, filters.conditions(), tab, today)
    rows, sort = sorted_by(request, found.rows, INVOICE_SORTS, DEFAULT_SORT)
    columns = columns_of(request.member, SAVED, query)
    related = ["customer"] + (["billing_entity"] if any(column.key == "entity" for column in columns) else [])
    page = page_of(request, rows.select_related(*related))
    named = {}
    if "customer" in filters.values:
        named["customer"] = customer_named(request, filters.values["customer"])
    context = {
        "page": page,
        "rows": rows_with_periods(listed(page.object_list, today)),
        "columns": columns,
        "filters": filters,
        "chips": filters.chips(query, named),
        "narrowed": bool(filters.values),
        "tab": tab,
        "tab_items": tab_items(query, tab, found.counts),
        "sums": found.sums,
        "sort": sort if query.get("sort") else "",
        "kept": [
            (name, query[name]) for name in ("tab", "sort", "customer", "view", "columns") if query.get(name)
        ],
        "query": essence(query),
        "acts": ACTS.values() if may(request.member, "invoices.edit") else [],
        "any_invoice": bool(found.counts["all"]),
        "clear_url": request.path if tab == "all" else f"{request.path}?tab={tab}",
        "export_url": reverse("invoices-export"),
        **views_bar(request, SAVED, view, query),
    }
    response = render_page(request, "invoicing/invoices/list.html", context, partials=("invoice-table",))
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(query, request.path)
    return response


def rows_with_periods(rows: list[Listed]) -> list[dict[str, Any]]:
    """The rows of the table, with the days that an invoice is about."""
    return [
        {
            "invoice": row.invoice,
            "shown": row.shown,
            "acts": row.acts,
            "period": period_text(row.invoice.period_start, row.invoice.period_end, row.invoice.timezone),
        }
        for row in rows
    ]


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
