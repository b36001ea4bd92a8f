"""The Credit notes tab of a customer: what was credited on which invoice, and what is left of it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.web.access import access, may
from billing.web.htmx import render_page
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from customers.views.frame import customer_frame, find_customer
from invoicing.models import CreditNote
from invoicing.queries.listing import note_state


@require_safe
@access("credit_notes.view")
def customer_credit_notes(request: StaffRequest, id: UUID) -> HttpResponse:
    """The latest first."""
    customer = find_customer(request, id)
    found = CreditNote.objects.of(request.organization).filter(customer=customer)
    page = page_of(request, found.select_related("invoice").order_by("-issuing_on", "-pk"))
    frame = customer_frame(request, customer, "credit-notes")
    issue = next((act["url"] for act in frame["acts"] if act["label"] == "Issue credit note"), "")
    edit = may(request.member, "credit_notes.edit")
    rows = [
        {"note": note, "shown": note_state(note), "can_void": edit and note.untouched}
        for note in page.object_list
    ]
    context = {"page": page, "rows": rows, "issue_url": issue}
    return render_page(
        request, "customers/credit_notes/tab.html", frame | context, partials=("credit-note-table",)
    )
