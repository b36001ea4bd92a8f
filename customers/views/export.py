"""The customers list as CSV: what is filtered or selected, with the columns that are shown or all."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.rules.ids import decode
from billing.web.access import access
from billing.web.csv_files import BOM, csv_answer
from billing.web.requests import StaffRequest
from billing.web.saved_lists import columns_of, essence
from customers.actions.export import record_export
from customers.models import Customer
from customers.queries.custom_fields import custom_fields
from customers.queries.export import export_rows, header
from customers.views.listing import SAVED, list_columns, listing, sort_of


@require_safe
@access("customers.view")
def export(request: StaffRequest) -> HttpResponse:
    """Streams the file. `?id=` (several) for a selection, `?all=1&query=` for all that match, else the filters of the
    address; `every=1` for all columns, `bom=1` for programs that need a mark to read UTF-8.
    """
    organization, asked = request.organization, request.GET
    query = QueryDict(asked.get("query", "")[:2000]) if "query" in asked else asked
    fields = custom_fields(organization)
    known = list_columns(organization, fields)
    columns = known[0] if asked.get("every") else columns_of(request.member, SAVED, asked, known)
    if asked.getlist("id") and not asked.get("all"):
        keys = [decode(Customer.PREFIX, text) for text in asked.getlist("id")[:1000]]
        rows: QuerySet[Any] = (
            Customer.objects.of(organization).kept().filter(pk__in=[key for key in keys if key])
        )
    else:
        rows = listing(organization, query).found.rows
    at = now(organization)
    today = timezone.localtime(at).date()
    rows = rows.order_by(*sort_of(query).terms())
    record_export(
        organization,
        essence(query, SAVED.several),
        [column.key for column in columns],
        by=request.actor,
        at=at,
    )
    lines = export_rows(organization, rows, columns, fields, today)
    start = BOM if asked.get("bom") else ""
    return csv_answer(f"customers-{today.isoformat()}", header(columns), lines, start=start)
