"""The Credit notes tab of a customer: what was credited on which invoice, and what is left of it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import render_page, wants_partial
from billing.web.paging import page_of, sorted_by, tidy
from billing.web.requests import StaffRequest
from customers.views.frame import customer_frame, find_customer
from invoicing.forms.lists import CreditNoteFilters
from invoicing.queries.listing import CREDIT_NOTE_SORTS, credit_note_list, note_state, sums_of


@require_safe
@access("credit_notes.view")
def customer_credit_notes(request: StaffRequest, id: UUID) -> HttpResponse:
    """The latest first, unless the address asks otherwise."""
    customer = find_customer(request, id)
    frame = customer_frame(request, customer, "credit-notes")
    filters = CreditNoteFilters(request.GET, request.organization, of_one=True)
    found = credit_note_list(request.organization, filters.conditions(), customer)
    rows, sort = sorted_by(request, found, CREDIT_NOTE_SORTS, "-issued")
    page = page_of(request, rows.select_related("invoice"))
    edit = may(request.member, "credit_notes.edit")
    context = {
        "page": page,
        "rows": [
            {"note": note, "shown": note_state(note), "can_void": edit and note.untouched}
            for note in page.object_list
        ],
        "sums": sums_of(found.filter(status="finalized"), "total_minor"),
        "filters": filters,
        "chips": filters.chips(request.GET, {}),
        "sort": sort if request.GET.get("sort") else "",
        "issue_url": next(
            (act["url"] for act in frame["acts"] if act["name"] == "customer-issue-credit-note"), ""
        ),
    }
    response = render_page(
        request, "customers/credit_notes/tab.html", frame | context, partials=("credit-note-table",)
    )
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response
