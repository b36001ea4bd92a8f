"""The usage behind an invoice's lines, by day: the table at the end of the document, for issuers that want it.

The events are exactly those that the line counted (`counted.py`), by the customer's calendar. Long periods, and
invoices with very many lines, are shown by month: nobody reads thousands of days. Days without events are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import connection

from billing.models import Aggregation
from billing.queries.usage_totals import tidy
from invoicing.documents.data import UsageRow, UsageTable
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.counted import FEES, Source, fees_of_line, query_of, source_of

MOST_DAYS = timedelta(days=62)
MOST_LINES = 100
# What a day's units are; where single days say nothing about the whole, events alone are shown.
UNITS = {
    Aggregation.COUNT.value: "count(*)",
    Aggregation.SUM.value: "sum(value)",
    Aggregation.MAX.value: "max(value)",
}


def usage_tables(
    invoice: Invoice, lines: Sequence[InvoiceLine], names: Sequence[str]
) -> tuple[UsageTable, ...]:
    """A table for each line of usage that counted events; `names` are the lines' printed descriptions."""
    sources = [
        (source_of(line), name) for line, name in zip(lines, names, strict=True) if line.events_count != 0
    ]
    found = [(source, name) for source, name in sources if source is not None]
    many = len(found) > MOST_LINES
    tables = []
    for source, name in found:
        monthly = many or source.end - source.start > MOST_DAYS
        rows = rows_of(source, "month" if monthly else "day", invoice.timezone or "UTC")
        if rows:
            tables.append(UsageTable(name, monthly, rows))
    return tuple(tables)


def rows_of(source: Source, grain: str, zone: str) -> tuple[UsageRow, ...]:
    """The counted events by local day or month."""
    units = UNITS.get(source.metric.aggregation, "NULL::numeric")
    inner, values = events_of(source)
    text = (
        f'SELECT date_trunc(%s, "timestamp" AT TIME ZONE %s)::date AS begin, count(*), {units} '  # noqa: S608
        f"FROM ({inner}) AS counted GROUP BY begin ORDER BY begin"
    )
    with connection.cursor() as cursor:
        cursor.execute(text, [grain, zone, *values])
        rows: list[tuple[date, int, Any]] = cursor.fetchall()
    return tuple(UsageRow(day, events, None if value is None else tidy(value)) for day, events, value in rows)


def events_of(source: Source) -> tuple[str, list[Any]]:
    """SQL of the events, and its parameters."""
    if source.kind != FEES:
        return query_of(source)
    keys = list(fees_of_line(source).order_by().values_list("event_id", flat=True))
    return "SELECT * FROM billing_event WHERE id = ANY(%s)", [keys]
