"""Credit notes: the list, and one credit note with its items, where it was used, and its document."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.models import Organization
from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by
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
from invoicing.forms.lists import CreditNoteFilters
from invoicing.models import CreditNote
from invoicing.queries.consumer import for_consumer, items_with_tax
from invoicing.queries.listing import CREDIT_NOTE_SORTS, credit_note_list, note_state, sums_of
from invoicing.rules.list_columns import NOTE_COLUMNS, NOTE_USUAL
from invoicing.views.frame import customer_named, document_context, find_credit_note, history, mail_log


def note_columns(organization: Organization) -> Columns:
    """All columns of the list and the usual ones."""
    return NOTE_COLUMNS, NOTE_USUAL


SAVED = register(
    SavedList(
        "credit-notes",
        "Credit notes",
        "credit-notes",
        "Status and number",
        "credit_notes.edit",
        note_columns,
    )
)


@require_safe
@access("credit_notes.view")
def credit_notes(request: StaffRequest) -> HttpResponse:
    """The list: search, filters, order, columns and page come from the URL."""
    query = request.GET
    view = saved_view(request.member, SAVED, query.get("view", ""))
    filters = CreditNoteFilters(query, request.organization)
    found = credit_note_list(request.organization, filters.conditions())
    rows, sort = sorted_by(request, found, CREDIT_NOTE_SORTS, "-issued")
    page = page_of(request, rows.select_related("customer", "invoice__billing_entity"))
    named = {}
    if "customer" in filters.values:
        named["customer"] = customer_named(request, filters.values["customer"])
    context = {
        "page": page,
        "rows": [
            {"note": note, "shown": note_state(note), "reason": reason_words(note)}
            for note in page.object_list
        ],
        "columns": columns_of(request.member, SAVED, query),
        "filters": filters,
        "chips": filters.chips(query, named),
        "narrowed": bool(filters.values),
        "sums": sums_of(found.filter(status="finalized"), "total_minor"),
        "sort": sort if query.get("sort") else "",
        "kept": [(name, query[name]) for name in ("sort", "customer", "view", "columns") if query.get(name)],
        "query": essence(query),
        "export_url": reverse("credit-notes-export"),
        **views_bar(request, SAVED, view, query),
    }
    response = render_page(
        request, "invoicing/credit_notes/list.html", context, partials=("credit-note-table",)
    )
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(query, request.path)
    return response


@require_safe
@access("credit_notes.view")
def credit_note(request: StaffRequest, id: UUID) -> HttpResponse:
    """One credit note."""
    note = find_credit_note(request, id)
    consumer = for_consumer(note.invoice)
    amounts = items_with_tax(note) if consumer else [int(item["amount_minor"]) for item in note.items]
    context: dict[str, Any] = {
        "note": note,
        "with_tax": consumer,
        "items": list(zip(note.items, amounts, strict=True)),
        "customer": note.customer,
        "invoice": note.invoice,
        "shown": note_state(note),
        "reason": reason_words(note),
        "used_minor": note.used_minor,
        "can_void": (note.untouched or note.balance_minor) and may(request.member, "credit_notes.edit"),
        "refunds": note.refunds.select_related("account") if note.refund_minor else [],
        "uses": note.uses.exclude(invoice__status__in=["voided", "draft"]).select_related("invoice"),
        "history": history(note),
    }
    return render_page(
        request,
        "invoicing/credit_notes/detail.html",
        context | document_context(request, note) | mail_log(note),
    )


def reason_words(note: CreditNote) -> str:
    """Why it was issued: "Order change"."""
    return note.reason.replace("_", " ").capitalize()
