"""Queries that are asked hundreds of times a second: compiled once, then run with other values.

The query stays the query set that it is elsewhere, with a mark in place of each value that changes; its SQL is kept
with the places of the marks among its parameters.

Example: `OPEN = Compiled(lambda at: Invoice.objects.filter(finalize_at__lte=at), datetime)`, then
`list(OPEN.rows(moment))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.transaction import TransactionManagementError

# What no query of ours asks for itself.
MARKS: dict[type, Callable[[int], Any]] = {
    datetime: lambda place: datetime(1, 1, 2, tzinfo=UTC) + timedelta(microseconds=place),
    UUID: lambda place: UUID(int=place + 1),
    str: lambda place: f"\N{PILCROW SIGN}{place}\N{PILCROW SIGN}",
}


@dataclass(frozen=True)
class Found:
    """A compiled query: its parameters, and at which of them which value goes. `locks`: only within a transaction."""

    model: type[models.Model]
    text: str
    params: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]
    locks: bool


class Compiled:
    """A query with values of these types. Every value must be a parameter of its own, as it was given: one that the
    ORM looks into (a list, an empty set) would change the text.
    """

    def __init__(self, make: Callable[..., models.QuerySet[Any]], *types: type) -> None:
        self.make = make
        self.marks = [MARKS[kind](place) for place, kind in enumerate(types)]
        self.found: Found | None = None

    def rows(self, *values: Any) -> Iterator[Any]:
        """The rows, each a model's instance with what the query annotates. Raises TransactionManagementError for rows
        to lock outside of a transaction, as the query set does.
        """
        found = self.found or self.compiled()
        if found.locks and connection.get_autocommit():
            raise TransactionManagementError("Rows can be locked within a transaction only.")
        params = list(found.params)
        for at, mark in found.places:
            params[at] = values[mark]
        yield from found.model._default_manager.raw(found.text, params)

    def compiled(self) -> Found:
        """The query's SQL, kept for the next time. ValueError when a value is no parameter of its own."""
        rows = self.make(*self.marks)
        text, params = rows.query.sql_with_params()
        places = tuple((at, self.marks.index(one)) for at, one in enumerate(params) if one in self.marks)
        if {mark for _, mark in places} != set(range(len(self.marks))):
            raise ValueError(f"A value of the query is no parameter of it: {text}")
        self.found = Found(rows.model, text, tuple(params), places, rows.query.select_for_update)
        return self.found
