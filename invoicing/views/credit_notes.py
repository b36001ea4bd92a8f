"""Credit notes: the list, and one credit note with its items, where it was used, and its document."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by, tidy
from billing.web.requests import StaffRequest
from invoicing.forms.lists import CreditNoteFilters
from invoicing.queries.consumer import for_consumer, items_with_tax
from invoicing.queries.listing import CREDIT_NOTE_SORTS, credit_note_list, note_state, sums_of
from invoicing.views.frame import customer_named, document_context, find_credit_note, history, mail_log


@require_safe
@access("credit_notes.view")
def credit_notes(request: StaffRequest) -> HttpResponse:
    """The list."""
    filters = CreditNoteFilters(request.GET)
    found = credit_note_list(request.organization, filters.values)
    rows, sort = sorted_by(request, found, CREDIT_NOTE_SORTS, "-issued")
    page = page_of(request, rows.select_related("customer", "invoice"))
    named = {}
    if "customer" in filters.values:
        named["customer"] = customer_named(request, filters.values["customer"])
    context = {
        "page": page,
        "rows": [{"note": note, "shown": note_state(note)} for note in page.object_list],
        "filters": filters,
        "chips": filters.chips(request.GET, named),
        "narrowed": bool(filters.values),
        "sums": sums_of(found.filter(status="finalized"), "total_minor"),
        "sort": sort if request.GET.get("sort") else "",
    }
    response = render_page(
        request, "invoicing/credit_notes/list.html", context, partials=("credit-note-table",)
    )
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
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
        "reason": note.reason.replace("_", " ").capitalize(),
        "used_minor": note.used_minor,
        "can_void": (note.untouched or note.balance_minor) and may(request.member, "credit_notes.edit"),
        "uses": note.uses.exclude(invoice__status__in=["voided", "draft"]).select_related("invoice"),
        "history": history(note),
    }
    return render_page(
        request,
        "invoicing/credit_notes/detail.html",
        context | document_context(request, note) | mail_log(note),
    )
