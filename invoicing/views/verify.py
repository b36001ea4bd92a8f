"""Verify an issued invoice: is it as it was sealed, and what would its usage come to with the events of now?

A drawer that is a page too. It changes nothing.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from invoicing.queries.frozen import part_words
from invoicing.queries.rerate import rerated
from invoicing.queries.verify import checked
from invoicing.views.frame import find_invoice

MOST_LINES = 200


@require_safe
@access("invoices.view")
def verify(request: StaffRequest, id: UUID) -> HttpResponse:
    """The seal and the usage of an invoice; a draft has neither."""
    invoice = find_invoice(request, id)
    issued = invoice.status != "draft"
    found = checked(invoice) if issued else None
    lines = rerated(invoice) if issued else None
    different = [line for line in lines or [] if not line.same]
    context = {
        "invoice": invoice,
        "issued": issued,
        "seal": found,
        "parts": part_words(invoice, found.differing) if found else [],
        "rerated": lines is not None,
        "lines": different[:MOST_LINES],
        "more": max(0, len(different) - MOST_LINES),
        "same": len(lines or []) - len(different),
        "difference_minor": sum(line.difference_minor for line in different),
    }
    return render_page(request, "invoicing/explain/verify.html", context, partials=("drawer",))
