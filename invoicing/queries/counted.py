"""The events behind a line of usage: exactly those that it counted, those that came too late for it, and what was in
use before its period began.

Laws. A line counts the events of its charge's metric in its period [start, end) that fall into its filter and group
and have what the metric measures; events noted as late (`LateEvent`) stand apart. Lines of charges in advance count
the events whose fees they ask for. Pages are walked by (moment, id), so that none is slower than another; where a
line is one part of many, the hourly roll-ups say in which hours its events are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from billing.models import AdvanceFee, Aggregation, Charge, Metric
from billing.queries.usage_advance import name_of
from billing.queries.usage_carried import BEGINNING, line_of, stays_in_use
from billing.queries.usage_facets import added, facet_json, facet_totals, unique_items
from billing.queries.usage_totals import hour_of, measure, tidy
from billing.queries.versions import book_of
from billing.rules.filters import Bucket, Facet
from invoicing.models import InvoiceLine

PART, FEES = "part", "fees"
COLUMNS = """e.id, e.transaction_id, e."timestamp", e.received_at, e.value, e.text_value, e.removes, e.amount,
    e.properties"""
WINDOW = 'e.subscription_id = %s AND e.metric_id = %s AND e."timestamp" >= %s AND e."timestamp" < %s'
LATE = "EXISTS (SELECT 1 FROM billing_lateevent late WHERE late.event_id = e.id)"
# What an event must have to be counted.
MEASURED = {
    Aggregation.COUNT.value: "",
    Aggregation.UNIQUE_COUNT.value: " AND e.text_value IS NOT NULL",
}
FACETS = """
    SELECT DISTINCT facet FROM billing_usagehour
    WHERE subscription_id = %s AND metric_id = %s AND hour >= %s AND hour < %s AND facet @> %s::jsonb
"""
FACETS_OF_EVENTS = """
    SELECT DISTINCT usage_facet(properties, %s) FROM billing_event
    WHERE subscription_id = %s AND metric_id = %s AND "timestamp" >= %s AND "timestamp" < %s
    AND usage_facet(properties, %s) @> %s::jsonb
"""
# The hours in which a part has events, the newest first, so that a page reads no hour more than it needs.
HOURS = """
    (SELECT DISTINCT hour FROM billing_usagehour WHERE subscription_id = %s AND metric_id = %s
     AND hour >= %s AND hour <= %s AND facet = ANY(%s::jsonb[]) ORDER BY hour DESC) AS filled
    CROSS JOIN LATERAL (SELECT * FROM billing_event one WHERE one.subscription_id = %s AND one.metric_id = %s
     AND one."timestamp" >= greatest(filled.hour, %s)
     AND one."timestamp" < least(filled.hour + interval '1 hour', %s) OFFSET 0) AS e
"""
LATE_ONES = """
    billing_lateevent late JOIN billing_event e ON e.id = late.event_id
    WHERE late.subscription_id = %s AND e.metric_id = %s AND late."timestamp" >= %s AND late."timestamp" < %s
"""
CHUNK = 2_000


@dataclass(frozen=True)
class CountedEvent:
    """An event as its line saw it."""

    id: UUID
    transaction_id: str
    timestamp: datetime
    received_at: datetime
    value: Decimal | None
    text_value: str | None
    removes: bool
    amount: Decimal | None
    properties: dict[str, Any]

    @property
    def json(self) -> str:
        """What came with it, as it was sent."""
        return orjson.dumps(self.properties).decode()


@dataclass(frozen=True)
class Source:
    """Where a line's events are: those of a metric in [start, end), in the `facets` of its part (None: all of them);
    or those of its fees (`kind`).
    """

    line: InvoiceLine
    charge: Charge
    kind: str
    start: datetime
    end: datetime
    facets: tuple[Facet, ...] | None = None

    @property
    def metric(self) -> Metric:
        """What is measured."""
        return self.charge.metric


def charge_then(line: InvoiceLine) -> Charge:
    """The line's charge at the prices of the version that it was billed at; as it is now if that is not known."""
    assert line.charge is not None  # noqa: S101 - asked for lines of usage alone
    if line.subscription is None or line.period_start is None:
        return line.charge
    terms = book_of(line.subscription, line.period_start).terms(line.invoice.currency)
    return next((row for row in terms.charges if row.pk == line.charge_id), line.charge)


def source_of(line: InvoiceLine, charge: Charge | None = None) -> Source | None:
    """Where the events of a line are; None for lines that count none."""
    if line.kind != "charge" or line.charge is None or line.period_start is None or line.period_end is None:
        return None
    if line.subscription is None:
        return None
    charge = charge or charge_then(line)
    if charge.pay_in_advance:
        return Source(line, charge, FEES, line.period_start, line.period_end)
    facets = None if charge.sorting.plain else facets_of(line, charge)
    return Source(line, charge, PART, line.period_start, line.period_end, facets)


def facets_of(line: InvoiceLine, charge: Charge) -> tuple[Facet, ...]:
    """The values of the metric's dimensions that fall into the part of a charge that a line bills."""
    metric, start, end = charge.metric, line.period_start, line.period_end
    assert start is not None and end is not None  # noqa: S101 - `source_of` has looked
    keys, wanted = metric.dimensions, bucket_of(line, charge)
    group = {key: value for key, value in zip(charge.group_keys, wanted.group, strict=True) if key in keys}
    within = orjson.dumps(group).decode()
    with connection.cursor() as cursor:
        if metric.rolled:
            cursor.execute(FACETS, [line.subscription_id, metric.pk, hour_of(start), end, within])
        else:
            bounds = [line.subscription_id, metric.pk, start, end]
            cursor.execute(FACETS_OF_EVENTS, [keys, *bounds, keys, within])
        found = [orjson.loads(row[0]) if isinstance(row[0], str) else row[0] for row in cursor.fetchall()]
    facets = (tuple(facet.get(key) for key in keys) for facet in found)
    return tuple(
        facet for facet in facets if charge.sorting.bucket_of(dict(zip(keys, facet, strict=True))) == wanted
    )


def bucket_of(line: InvoiceLine, charge: Charge) -> Bucket:
    """The part of a charge that a line bills, by the values of its filter and group."""
    group = line.charge_group or {}
    values = (line.charge_filter or {}).get("values")
    places = [at for at, row in enumerate(charge.filters) if row["values"] == values]
    place = places[0] if values is not None and places else None
    return Bucket(place, tuple(group.get(key) for key in charge.group_keys))


def counted_events(
    source: Source,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
    late: bool = False,
) -> list[CountedEvent]:
    """A page of the events that the line counted (or that came too late for it), the newest first; `before` is the
    last of the page before.
    """
    if source.kind == FEES:
        return [] if late else fee_events(source, before, limit)
    text, values = query_of(source, before=before, late=late)
    with connection.cursor() as cursor:
        cursor.execute(f"{text} LIMIT %s", [*values, limit])
        return [event_of(row) for row in cursor.fetchall()]


def all_events(source: Source, *, late: bool = False) -> Iterator[CountedEvent]:
    """All of them, the newest first, a few thousand at a time: pages that follow each other, so that neither memory
    nor a transaction grows with their number.
    """
    last: tuple[datetime, UUID] | None = None
    while rows := counted_events(source, before=last, limit=CHUNK, late=late):
        yield from rows
        last = (rows[-1].timestamp, rows[-1].id)


def query_of(
    source: Source, *, before: tuple[datetime, UUID] | None = None, late: bool = False
) -> tuple[str, list[Any]]:
    """SQL of the events of a part, newest first, and its parameters."""
    metric, facets = source.metric, source.facets
    own: list[Any] = [source.line.subscription_id, metric.pk]
    window = [*own, source.start, source.end]
    texts = [facet_json(metric, facet) for facet in facets or ()]
    order = 'e."timestamp" DESC, e.id DESC'
    if late:
        begin, values = LATE_ONES, list(window)
    elif facets is not None and metric.rolled:
        until = hour_of(before[0]) if before else hour_of(source.end)
        begin, values = f"{HOURS} WHERE TRUE", [*own, hour_of(source.start), until, texts, *window]
        order = f"filled.hour DESC, {order}"
    else:
        begin, values = f"billing_event e WHERE {WINDOW}", list(window)
    wanted = MEASURED.get(metric.aggregation, " AND e.value IS NOT NULL")
    if not late:
        wanted += f" AND NOT {LATE}"
    if facets is not None:
        wanted += " AND usage_facet(e.properties, %s) = ANY(%s::jsonb[])"
        values += [metric.dimensions, texts]
    if before:
        wanted += ' AND e."timestamp" <= %s AND (e."timestamp" < %s OR e.id < %s)'
        values += [before[0], before[0], before[1]]
    return f"SELECT {COLUMNS} FROM {begin}{wanted} ORDER BY {order}", values  # noqa: S608 - our own texts


def fee_events(source: Source, before: tuple[datetime, UUID] | None, limit: int) -> list[CountedEvent]:
    """The events of a charge in advance whose fees the line asks for."""
    fees = fees_of_line(source)
    if before:
        fees = fees.filter(timestamp__lte=before[0]).exclude(timestamp=before[0], event_id__gte=before[1])
    keys = list(fees.order_by("-timestamp", "-event_id").values_list("event_id", flat=True)[:limit])
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT {COLUMNS} FROM billing_event e WHERE e.id = ANY(%s) ORDER BY e."timestamp" DESC, e.id DESC',  # noqa: S608
            [keys],
        )
        return [event_of(row) for row in cursor.fetchall()]


def fees_of_line(source: Source) -> Any:
    """The fees that a line of a charge in advance asks for: of an invoice of its own, or gathered in its window."""
    line = source.line
    rows = AdvanceFee.objects.filter(subscription=line.subscription, charge=source.charge)
    if line.invoice.type == "advance_charges":
        invoice = line.invoice
        while invoice.voided_invoice is not None:  # made again from it: the fees stayed there
            invoice = invoice.voided_invoice
        mine = rows.filter(invoice=invoice)
    else:
        mine = rows.filter(invoice=None, counts_at__gte=source.start, counts_at__lt=source.end)
    part = name_of(line.charge_filter, line.charge_group)
    parts = {
        fee["part"]
        for fee in mine.order_by().values("part", "charge_filter", "charge_group").distinct()
        if name_of(fee["charge_filter"], fee["charge_group"]) == part
    }
    return mine.filter(part__in=parts)


def event_of(row: Sequence[Any]) -> CountedEvent:
    """A row of COLUMNS."""
    key, transaction_id, timestamp, received, value, text, removes, amount, properties = row
    return CountedEvent(
        key,
        transaction_id,
        timestamp,
        received,
        None if value is None else tidy(value),
        text,
        removes,
        None if amount is None else tidy(amount),
        orjson.loads(properties) if isinstance(properties, str) else properties,
    )


def late_count(source: Source) -> int:
    """How many events of the line's part came too late for it."""
    if source.kind == FEES:
        return 0
    text, values = query_of(source, late=True)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({text}) AS late_ones", values)  # noqa: S608
        return int(cursor.fetchone()[0])


def carried_over(source: Source) -> Decimal | None:
    """The units that were in use when the line's period began; None where nothing is carried over."""
    metric, line = source.metric, source.line
    if source.kind == FEES or not stays_in_use(metric):
        return None
    assert line.subscription is not None  # noqa: S101 - `source_of` has looked
    owners = line_of(line.subscription)
    if source.charge.sorting.plain:
        return measure(owners, [metric], BEGINNING, source.start)[metric.pk].units
    wanted = bucket_of(line, source.charge)
    found = facet_totals(owners, metric, BEGINNING, source.start)
    facets = source.charge.sorting.spread(found, metric.dimensions).get(wanted, [])
    if metric.aggregation == Aggregation.UNIQUE_COUNT.value:
        items = unique_items(owners, metric, {wanted: facets}, BEGINNING, source.start)
        return items.get(wanted, (0, Decimal(0)))[1]
    return added(found[facet] for facet in facets).measured(metric.aggregation).units
