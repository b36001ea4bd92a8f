"""Looking at a long list through a window of a few rows, however long it is.

Laws. No row is counted beyond a cap ("10,000+"). A list below the cap has page numbers; a longer one is walked by
cursors: the rows after (or before) a row in the list's order, ties broken by the key, so that the millionth row costs
as much as the first. Few matches are found by the filters' own indexes and sorted; many are found by walking along
the index of the order, which meets enough of them soon.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, DateTimeField, F, Func, QuerySet, TextField, UUIDField, Value
from django.db.models.lookups import GreaterThan, LessThan

CAP = 10_000


@dataclass(frozen=True)
class Order:
    """By one column, then by the key."""

    column: str
    descending: bool = False

    def terms(self, *, indexed: bool = True, backwards: bool = False) -> list[Any]:
        """For `order_by`. Not `indexed`: written so that no index has this order, and the matches are sorted."""
        down = self.descending != backwards
        terms: list[Any] = [F(self.column), F("pk")]
        if not indexed:
            terms[0] = Func(F(self.column), F(self.column), function="GREATEST")
        return [term.desc() if down else term.asc() for term in terms]


@dataclass(frozen=True)
class Window:
    """Some rows' keys, and how to go on. `count` is at most the cap; `more` says that there are further ones."""

    keys: list[Any]
    count: int
    more: bool
    number: int = 1
    last: int = 1
    start: int = 0  # of the first row, from 1; 0 when the place is unknown
    previous: Mapping[str, Any] = field(default_factory=dict)  # what the address says instead
    following: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The place of the last row, from 1."""
        return self.start + len(self.keys) - 1


def capped_count(rows: QuerySet[Any], most: int = CAP) -> int:
    """How many rows there are; `most + 1` stands for more."""
    return rows.order_by().values("pk")[: most + 1].count()


def numbered(
    rows: QuerySet[Any], order: Order, count: int, page: Any, *, size: int, indexed: bool, more: bool = False
) -> Window:
    """The window that a page number asks for; out of range is the nearest one."""
    last = max(1, -(-count // size))
    number = min(max(1, int(page)), last) if str(page or "").isdecimal() else 1
    start = (number - 1) * size
    found = rows.order_by(*order.terms(indexed=indexed)).values_list("pk", flat=True)
    return placed(list(found[start : start + size]), count, number, last, size, more=more)


AT_ONCE = """
WITH found (id, value) AS MATERIALIZED ({rows}), counted AS (SELECT count(*) AS n FROM found)
SELECT n, ARRAY(
    SELECT id FROM found WHERE (SELECT n FROM counted) <= %s ORDER BY value {way}, id {way}
    LIMIT %s OFFSET (SELECT least(%s, (greatest(n, 1) - 1) / %s * %s) FROM counted)
) FROM counted
"""


def found_at_once(
    rows: QuerySet[Any], order: Order, page: Any, *, size: int, most: int = CAP
) -> Window | None:
    """The window that a page number asks for, counted and sorted in one look at the matches, where finding them is
    what costs: as `capped_count` and `numbered`. None when there are more than `most`.
    """
    wanted = max(1, int(page[:9])) if str(page or "").isdecimal() else 1
    try:
        sql, values = rows.order_by().values_list("pk", order.column)[: most + 1].query.sql_with_params()
    except EmptyResultSet:
        return Window([], 0, False, start=1)
    start = (wanted - 1) * size
    with connection.cursor() as cursor:
        cursor.execute(
            AT_ONCE.format(rows=sql, way="DESC" if order.descending else "ASC"),
            [*values, most, size, start, size, size],
        )
        count, keys = cursor.fetchone()
    if count > most:
        return None
    last = max(1, -(-count // size))
    return placed(keys, count, min(wanted, last), last, size)


def placed(keys: list[Any], count: int, number: int, last: int, size: int, *, more: bool = False) -> Window:
    """The window of a page with its neighbours."""
    return Window(
        keys,
        count,
        more,
        number,
        last,
        (number - 1) * size + 1,
        previous={"page": number - 1} if number > 1 else {},
        following={"page": number + 1} if number < last else {},
    )


def walked(rows: QuerySet[Any], order: Order, cursor: str, *, size: int, count: int) -> Window:
    """The window after (or before) the row of the cursor; an empty or broken cursor is the beginning."""
    read = read_cursor(cursor)
    moments = isinstance(rows.model._meta.get_field(order.column), DateTimeField)
    if read and isinstance(read[1], datetime) != moments:
        read = None  # of another order
    backwards = bool(read and read[0] == "before")
    if read:
        rows = beyond(rows, order, read[1], read[2], backwards=backwards)
    terms = order.terms(backwards=backwards)
    found = list(rows.order_by(*terms).values_list("pk", order.column)[: size + 1])
    further, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    first, final = (found[0], found[-1]) if found else (None, None)
    has_previous = further if backwards else bool(read)
    has_next = True if backwards else further
    return Window(
        [key for key, _ in found],
        count,
        True,
        start=0 if read else 1,
        previous={"cursor": cursor_of("before", first)} if first and has_previous else {},
        following={"cursor": cursor_of("after", final)} if final and has_next else {},
    )


def beyond(rows: QuerySet[Any], order: Order, value: Any, key: UUID, *, backwards: bool) -> QuerySet[Any]:
    """The rows on one side of a row: one comparison of (column, key), which an index answers."""
    kind = DateTimeField() if isinstance(value, datetime) else TextField()
    here = Func(F(order.column), F("pk"), function="ROW", output_field=BooleanField())
    there = Func(
        Value(value, output_field=kind),
        Value(key, output_field=UUIDField()),
        function="ROW",
        output_field=BooleanField(),
    )
    upwards = order.descending == backwards
    return rows.filter(GreaterThan(here, there) if upwards else LessThan(here, there))


def cursor_of(side: str, row: tuple[Any, Any]) -> str:
    """The cursor that goes on after, or before, this (key, value)."""
    key, value = row
    text = ["t", value.isoformat()] if isinstance(value, datetime) else ["s", value]
    written = json.dumps([side, *text, key.hex], separators=(",", ":"))
    return urlsafe_b64encode(written.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, Any, UUID] | None:
    """(side, value, key), or None for a text that is no cursor of ours."""
    try:
        side, kind, text, key = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value: Any = datetime.fromisoformat(text) if kind == "t" else str(text)
        if side not in ("after", "before") or (kind == "t" and value.tzinfo is None) or "\0" in str(value):
            return None
        return side, value, UUID(key)
    except (ValueError, TypeError, AttributeError):
        return None
