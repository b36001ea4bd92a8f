"""Explain this amount: of a line its formula, steps, units, period, prices and the events behind it; of every other
amount of an invoice how it was computed and how it goes on. Drawers that are pages too. They change nothing.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from billing.rules.ids import decode
from billing.web.access import access, may
from billing.web.csv_files import csv_answer
from billing.web.cursors import cursor_after, moment_and_key
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from invoicing.models import InvoiceLine
from invoicing.queries.consumer import for_consumer, put_tax_in
from invoicing.queries.counted import Source, all_events, counted_events, late_count
from invoicing.queries.deductions import before_and_after_tax
from invoicing.queries.explain import origin_of, rungs_of
from invoicing.views.explain_words import amount_words, goes_on, line_facts, rung_rows
from invoicing.views.frame import find_invoice
from invoicing.views.lines import explanation, shown_lines, units_typed

SHOWN, PER_PAGE = 10, 50
CSV_COLUMNS = (
    "transaction_id",
    "timestamp",
    "received_at",
    "value",
    "text_value",
    "removes",
    "amount",
    "properties",
)


def find_line(request: StaffRequest, id: UUID, line_id: UUID) -> InvoiceLine:
    """A line of an invoice of the organization; else 404."""
    invoice = find_invoice(request, id)
    rows = invoice.lines.select_related("charge__metric", "subscription__plan", "subscription__customer")
    line: InvoiceLine | None = rows.filter(pk=line_id).first()
    if line is None:
        raise Http404("No such line.")
    line.invoice = invoice
    return line


@require_safe
@access("invoices.view")
def line(request: StaffRequest, id: UUID, line_id: UUID) -> HttpResponse:
    """Why a line is what it is."""
    row = find_line(request, id, line_id)
    invoice = row.invoice
    facts, source = origin_of(row)
    sees = may(request.member, "events.view")
    context = {
        "invoice": invoice,
        "line": row,
        "explain": explanation(shown_line(row), invoice),
        "with_tax": for_consumer(invoice),
        "facts": line_facts(row, facts),
        "typed": units_typed(row),
        "metric_id": facts.get("metric", {}).get("id"),
        "onward": goes_on(row),
        "source": source,
        "events": counted_events(source, limit=SHOWN) if source and sees else [],
        "late": late_count(source) if source and sees else 0,
        "sees_events": sees,
        "frozen": invoice.status != "draft",
    }
    return render_page(request, "invoicing/explain/line.html", context, partials=("drawer",))


def shown_line(row: InvoiceLine) -> InvoiceLine:
    """The line as the invoice shows it: for a consumer with its tax."""
    if not for_consumer(row.invoice):
        return row
    lines = shown_lines(row.invoice)
    put_tax_in(row.invoice, lines, before_and_after_tax(row.invoice.deductions.all())[0])
    return next(one for one in lines if one.pk == row.pk)


@require_safe
@access("events.view")
def events(request: StaffRequest, id: UUID, line_id: UUID) -> HttpResponse:
    """The events that a line counted, page by page; `?late=1`: those that came too late for it."""
    row = find_line(request, id, line_id)
    _, source = origin_of(row)
    late, cursor = request.GET.get("late") == "1", request.GET.get("after", "")
    rows = []
    if source:
        before = moment_and_key(cursor) if cursor else None
        rows = counted_events(source, before=before, limit=PER_PAGE + 1, late=late)
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    context = {
        "invoice": row.invoice,
        "line": row,
        "source": source,
        "rows": rows,
        "late": late,
        "late_count": late_count(source) if source else 0,
        "next": cursor_after(rows[-1].timestamp, rows[-1].id) if more else "",
        "first": not cursor,
    }
    return render_page(request, "invoicing/explain/events.html", context, partials=("line-events",))


@require_safe
@access("events.view")
def events_csv(request: StaffRequest, id: UUID, line_id: UUID) -> HttpResponse:
    """All of them as CSV, streamed."""
    row = find_line(request, id, line_id)
    _, source = origin_of(row)
    late = request.GET.get("late") == "1"
    name = f"{row.invoice.number or 'draft'}-line-{row.position}{'-late' if late else ''}-events"
    return csv_answer(name, CSV_COLUMNS, csv_rows(source, late=late))


def csv_rows(source: Source | None, *, late: bool) -> Any:
    """A row of the file for each event."""
    for event in all_events(source, late=late) if source else ():
        yield [getattr(event, name) for name in CSV_COLUMNS[:-1]] + [event.json]


@require_safe
@access("invoices.view")
def explain(request: StaffRequest, id: UUID) -> HttpResponse:
    """How the invoice was computed, from its lines to its total; `?of=` one of its amounts."""
    invoice = find_invoice(request, id)
    lines = shown_lines(invoice)
    deductions = list(
        invoice.deductions.select_related("applied_coupon__coupon", "credit_note__invoice", "wallet")
    )
    taxes = list(invoice.tax_rows.all())
    rungs = rungs_of(invoice, deductions, taxes)
    of = wanted(request.GET.get("of", ""), [rung.key for rung in rungs])
    rows = {row.public_id: row for row in (*deductions, *taxes)}
    rung = next(one for one in rungs if one.key == of)
    context = {
        "invoice": invoice,
        "rung": rung,
        "words": amount_words(invoice, rung, rows.get(of), lines),
        "rungs": rung_rows(invoice, rungs, of),
        "with_tax": for_consumer(invoice),
        "frozen": invoice.status != "draft",
    }
    return render_page(request, "invoicing/explain/amount.html", context, partials=("drawer",))


def wanted(text: str, keys: list[str]) -> str:
    """Which amount is asked for; the total when none is named. Raises 404 for one that is not there."""
    if not text:
        return keys[-1]
    prefix = text.split("_", maxsplit=1)[0]
    pk = decode(prefix, text) if "_" in text else None
    found = next((key for key in keys if key == text or (pk and decode(prefix, key) == pk)), None)
    if found is None:
        raise Http404("No such amount.")
    return found
