"""Which documents of a list are meant: those that were ticked, or all that the list's address lets through."""

from __future__ import annotations

from typing import Any, cast

from django.http import QueryDict

from billing.orm.scoped import ScopedQuerySet
from billing.rules.ids import decode
from billing.web.requests import StaffRequest
from billing.web.saved_lists import essence
from invoicing.forms.lists import CreditNoteFilters, InvoiceFilters
from invoicing.models import Invoice
from invoicing.queries.listing import credit_note_list, invoices_found, tab_of
from invoicing.queries.lists import visible
from invoicing.views.frame import today_of

MOST_TICKED = 1000


def state_of(data: QueryDict) -> QueryDict:
    """The list's address: from a form's field `query`, else the address itself."""
    return QueryDict(str(data["query"])) if "query" in data else data


def ticked(data: QueryDict) -> list[str]:
    """The ids that were ticked; none when all that match are meant."""
    return [] if data.get("all") else data.getlist("id")[:MOST_TICKED]


def chosen_invoices(request: StaffRequest, data: QueryDict) -> ScopedQuerySet:
    """Invoices that can be seen."""
    if ids := ticked(data):
        keys = [key for text in ids if (key := decode(Invoice.PREFIX, text))]
        return cast(ScopedQuerySet, visible(Invoice.objects.of(request.organization)).filter(pk__in=keys))
    query = state_of(data)
    today = today_of(request)
    filters = InvoiceFilters(query, request.organization)
    found = invoices_found(request.organization, filters.conditions(), today)
    return found.filter(tab_of(query.get("tab", "all"), today))


def chosen_credit_notes(request: StaffRequest, data: QueryDict) -> ScopedQuerySet:
    """Credit notes that the list's address lets through."""
    filters = CreditNoteFilters(state_of(data), request.organization)
    return credit_note_list(request.organization, filters.conditions())


def kept_selection(data: QueryDict) -> list[tuple[str, Any]]:
    """The fields that carry a selection on to the next form."""
    ids = ticked(data)
    if ids:
        return [("id", one) for one in ids]
    return [("all", "1"), ("query", essence(state_of(data)))]
