"""Invoices and credit notes as CSV: what is filtered or ticked, a row for each document or for each of its lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.orm.scoped import ScopedQuerySet
from billing.web.access import access
from billing.web.csv_files import BOM, csv_answer
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from billing.web.saved_lists import essence
from invoicing.actions.exports import record_export
from invoicing.queries.files import INVOICE_FILES, NOTE_FILES
from invoicing.queries.listing import CREDIT_NOTE_SORTS, INVOICE_SORTS
from invoicing.views.frame import today_of
from invoicing.views.selecting import chosen_credit_notes, chosen_invoices, kept_selection, state_of, ticked

INVOICE_CHOICES = (
    ("invoices", "Invoices", "One row each, with its amounts and what was paid."),
    ("lines", "Lines of invoices", "One row for each line, with units, price, tax and period."),
)
NOTE_CHOICES = (
    ("credit-notes", "Credit notes", "One row each, with its amounts and what is left."),
    ("items", "Items of credit notes", "One row for each line that was credited."),
)


@require_safe
@access("invoices.view")
def invoices(request: StaffRequest) -> HttpResponse:
    """`?of=invoices` or `?of=lines` streams the file, without it one is asked which. `?id=` (several) for a
    selection, `?all=1&query=` for all that match, else the filters of the address; `bom=1` for programs that need a
    mark to read UTF-8.
    """
    rows = chosen_invoices(request, request.GET)
    return file_or_question(
        request, "invoices", rows, INVOICE_SORTS, INVOICE_FILES, INVOICE_CHOICES, "Invoices"
    )


@require_safe
@access("credit_notes.view")
def credit_notes(request: StaffRequest) -> HttpResponse:
    """The same for credit notes: `?of=credit-notes` or `?of=items`."""
    rows = chosen_credit_notes(request, request.GET)
    return file_or_question(
        request, "credit-notes", rows, CREDIT_NOTE_SORTS, NOTE_FILES, NOTE_CHOICES, "Credit notes"
    )


def file_or_question(
    request: StaffRequest,
    noun: str,
    rows: ScopedQuerySet,
    sorts: Mapping[str, str],
    files: Mapping[str, Any],
    choices: Any,
    title: str,
) -> HttpResponse:
    """The file that the address asks for, else the form that asks which one."""
    query, today = state_of(request.GET), today_of(request)
    content = request.GET.get("of", "")
    if content not in files:
        context = {
            "title": title,
            "list_url": reverse(noun),
            "back_url": f"{reverse(noun)}?{essence(query)}",
            "choices": choices,
            "kept": kept_selection(request.GET),
            "count": rows.count(),
        }
        return render_page(request, "invoicing/export.html", context, partials=("dialog",))
    head, cells = files[content]
    record_export(
        request.organization,
        noun.replace("-", "_"),
        "ticked" if ticked(request.GET) else essence(query),
        content,
        by=request.actor,
        at=now(request.organization),
    )
    rows = rows.order_by(*order_of(query.get("sort", ""), sorts))
    start = BOM if request.GET.get("bom") else ""
    return csv_answer(f"{content}-{today.isoformat()}", head, cells(rows, today), start=start)


def order_of(wanted: str, sorts: Mapping[str, str]) -> list[str]:
    """The list's order; the latest issued first when the address has none."""
    name, sign = wanted.lstrip("-"), "-" if wanted.startswith("-") else ""
    return [f"{sign}{sorts[name]}", f"{sign}pk"] if name in sorts else ["-issuing_on", "-pk"]
