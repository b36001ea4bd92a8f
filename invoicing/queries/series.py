"""The proof of numbers: each series from its first number to its last, and where one is missing.

A series is a counter (`Sequence`) and the documents that have a place in it (`Numbered`). It is whole when every
place from the counter's first to its last has a document, and no document stands outside. A voided document keeps its
place; a draft has none, so one that was deleted leaves no gap. `SERIES` has a line for each kind of document.

The figures of all series come from one index-only look at (organization, series, series_number); single documents are
read for the series of a page alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection

from billing.models import AuditEntry, BillingEntity, Organization
from invoicing.models import CreditNote, Invoice, Receipt, Sequence

PER_PAGE = 20


@dataclass(frozen=True)
class Kind:
    """Documents that are numbered: `key` begins the counters' keys ("invoice:"), `day` is the column of the day on
    which one was issued, `total` that of its amount; `status` is SQL that says "voided" of a voided one.
    """

    key: str
    label: str
    model: Any
    day: str = "issuing_on"
    total: str = "total_minor"
    status: str = "status"

    @property
    def voids(self) -> bool:
        """Whether such documents can be voided."""
        return self.status == "status"


SERIES = {
    kind.key: kind
    for kind in (
        Kind("invoice", "Invoices", Invoice),
        Kind("credit_note", "Credit notes", CreditNote),
        Kind("receipt", "Receipts", Receipt, day="issued_at", total="amount_minor", status="''"),
    )
}


@dataclass(frozen=True)
class Series:
    """One series: its counter, and what there is of it. `low` and `high` are the places of its first and last
    document, None without any.
    """

    id: UUID
    key: str
    first: int
    last: int
    count: int
    inside: int
    low: int | None
    high: int | None
    voided: int

    @property
    def missing(self) -> int:
        """Places without a document."""
        return self.last - self.first + 1 - self.inside

    @property
    def outside(self) -> int:
        """Documents that the counter does not know of."""
        return self.count - self.inside

    @property
    def whole(self) -> bool:
        """No gap, and nothing outside."""
        return not self.missing and not self.outside


@dataclass(frozen=True)
class Sums:
    """All series of a kind together. `strays`: numbered documents that have no place, or whose counter is gone."""

    series: int = 0
    documents: int = 0
    voided: int = 0
    missing: int = 0
    outside: int = 0
    broken: int = 0
    strays: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.missing or self.outside or self.strays)


FIGURES = """
WITH places AS (
    SELECT series, series_number AS place, {status} AS status FROM {table}
    WHERE organization_id = %(organization)s AND series <> ''
), found AS (
    SELECT counter.id, counter.key, counter.first, counter.last, count(places.place) AS count,
        count(places.place) FILTER (WHERE places.place BETWEEN counter.first AND counter.last) AS inside,
        min(places.place) AS low, max(places.place) AS high,
        count(places.place) FILTER (WHERE places.status = 'voided') AS voided
    FROM invoicing_sequence counter LEFT JOIN places ON places.series = counter.key
    WHERE counter.organization_id = %(organization)s AND counter.key LIKE %(kind)s
    GROUP BY counter.id
)
"""
PAGE = """
SELECT id, key, first, last, count, inside, low, high, voided FROM found
ORDER BY (count = inside AND inside = last - first + 1), count DESC, key LIMIT %(limit)s OFFSET %(offset)s
"""
SUMS = """
SELECT count(*), coalesce(sum(count), 0), coalesce(sum(voided), 0), coalesce(sum(last - first + 1 - inside), 0),
    coalesce(sum(count - inside), 0),
    count(*) FILTER (WHERE count <> inside OR inside <> last - first + 1)
FROM found
"""
STRAYS = """
SELECT count(*) FROM {table} document
WHERE organization_id = %(organization)s AND number <> '' AND NOT EXISTS (
    SELECT FROM invoicing_sequence counter
    WHERE counter.organization_id = document.organization_id AND counter.key = document.series
        AND document.series <> ''
)
"""
GAPS = """
WITH taken AS (
    SELECT series_number AS place FROM {table}
    WHERE organization_id = %(organization)s AND series = %(key)s AND series <> ''
        AND series_number BETWEEN %(first)s AND %(last)s
    UNION ALL SELECT %(first)s - 1 UNION ALL SELECT %(last)s + 1
)
SELECT place + 1, following - 1
FROM (SELECT place, lead(place) OVER (ORDER BY place) AS following FROM taken) steps
WHERE following > place + 1 ORDER BY place LIMIT %(limit)s
"""


def rows_of(sql: str, kind: Kind, organization: Organization, **values: Any) -> list[Any]:
    """The rows of a statement over the table of a kind."""
    table = kind.model._meta.db_table
    given: dict[str, Any] = {"organization": organization.pk, "kind": f"{kind.key}:%"} | values
    with connection.cursor() as cursor:
        cursor.execute(sql.format(table=table, status=kind.status), given)
        return cursor.fetchall()


def sums_of(organization: Organization, kind: Kind) -> Sums:
    """What there is of a kind, and what is wrong with it."""
    (found,) = rows_of(FIGURES + SUMS, kind, organization)
    ((strays,),) = rows_of(STRAYS, kind, organization)
    return Sums(*(int(value) for value in (*found, strays)))


def series_page(organization: Organization, kind: Kind, page: int) -> list[Series]:
    """The series of a page, those with something wrong first, then those with most documents."""
    values = {"limit": PER_PAGE, "offset": (page - 1) * PER_PAGE}
    return [Series(*row) for row in rows_of(FIGURES + PAGE, kind, organization, **values)]


def all_series(organization: Organization, kind: Kind) -> list[Series]:
    """All of them in the same order, for a file."""
    values = {"limit": None, "offset": 0}
    return [Series(*row) for row in rows_of(FIGURES + PAGE, kind, organization, **values)]


def one_series(organization: Organization, counter: Sequence, kind: Kind) -> Series:
    """The series of a counter."""
    sql = FIGURES.replace("counter.key LIKE %(kind)s", "counter.id = %(counter)s").replace(
        "series <> ''", "series = %(key)s AND series <> ''", 1
    )
    values = {"counter": counter.pk, "key": counter.key, "limit": 1, "offset": 0}
    (found,) = rows_of(sql + PAGE, kind, organization, **values)
    return Series(*found)


def gaps_of(
    organization: Organization, kind: Kind, series: Series, limit: int = 100
) -> list[tuple[int, int]]:
    """Where numbers are missing: (first, last) of each gap, the lowest first."""
    values = {"key": series.key, "first": series.first, "last": series.last, "limit": limit}
    return [(int(low), int(high)) for low, high in rows_of(GAPS, kind, organization, **values)]


def kind_of(counter: Sequence) -> Kind | None:
    """The kind whose documents a counter numbers; None for counters of other things."""
    return SERIES.get(counter.key.partition(":")[0])


def documents_of(organization: Organization, kind: Kind, key: str) -> Any:
    """The documents of a series in the order of their places."""
    return kind.model.objects.of(organization).filter(series=key).exclude(series="").order_by("series_number")


def ends_of(organization: Organization, kind: Kind, found: list[Series]) -> dict[tuple[str, int], str]:
    """{(key, place): number} of the first and last document of these series. One query."""
    places = {place for row in found for place in (row.low, row.high) if place is not None}
    rows = kind.model.objects.of(organization).filter(
        series__in=[row.key for row in found], series_number__in=places
    )
    return {
        (key, place): number for key, place, number in rows.values_list("series", "series_number", "number")
    }


def titles_of(organization: Organization, kind: Kind, keys: list[str]) -> dict[str, tuple[str, str]]:
    """{key: (billing entity, whose)} of some series: of a billing entity alone, of one of its customers, or of the
    invoice that credit notes belong to. Two queries.
    """
    parts = {key: key.split(":")[1:] for key in keys}
    entities = {row.pk.hex: row.name for row in BillingEntity.objects.of(organization)}
    if kind.key == "credit_note":
        invoices = Invoice.objects.of(organization).filter(pk__in=[ids[0] for ids in parts.values()])
        known = {row.pk.hex: row for row in invoices.only("number", "billing_entity_id", "customer_name")}
        return {
            key: (entities.get(known[ids[0]].billing_entity_id.hex, ""), f"of {known[ids[0]].number}")
            if ids[0] in known
            else ("", "")
            for key, ids in parts.items()
        }
    customers = apps.get_model("customers", "Customer").objects.of(organization)
    wanted = [ids[1] for ids in parts.values() if len(ids) > 1]
    names = {row.pk.hex: row.display_name for row in customers.filter(pk__in=wanted)} if wanted else {}
    return {
        key: (entities.get(ids[0], ""), names.get(ids[1], "") if len(ids) > 1 else "")
        for key, ids in parts.items()
    }


def deleted_drafts(organization: Organization) -> int:
    """Drafts that were deleted: they had no number."""
    return AuditEntry.objects.of(organization).filter(action="invoice.deleted").count()


def every_place(organization: Organization, kind: Kind, series: Series) -> Iterator[tuple[int, Any]]:
    """(place, document) for every place of a series, None where one is missing; streamed."""
    expected = series.first
    for document in documents_of(organization, kind, series.key).iterator(500):
        place = int(document.series_number)
        for gap in range(expected, place):
            yield gap, None
        yield place, document
        expected = max(expected, place + 1)
    for gap in range(expected, series.last + 1):
        yield gap, None
