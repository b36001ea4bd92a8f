"""Queries that are asked hundreds of times a second: compiled once, then run with other values.

The query stays the query set that it is elsewhere, with a mark in place of each value that changes; its SQL is kept
with the places of the marks among its parameters.

Example: `OPEN = Compiled(lambda at: Invoice.objects.filter(finalize_at__lte=at), datetime)`, then
`list(OPEN.rows(moment))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models

# What no query of ours asks for itself.
MARKS: dict[type, Callable[[int], Any]] = {
    datetime: lambda place: datetime(1, 1, 2, tzinfo=UTC) + timedelta(microseconds=place),
    UUID: lambda place: UUID(int=place + 1),
    str: lambda place: f"\N{PILCROW SIGN}{place}\N{PILCROW SIGN}",
}


class Compiled:
    """A query with values of these types. Every value must be a parameter of its own, as it was given: one that the
    ORM looks into (a list, an empty set) would change the text.
    """

    def __init__(self, make: Callable[..., models.QuerySet[Any]], *types: type) -> None:
        self.make = make
        self.marks = [MARKS[kind](place) for place, kind in enumerate(types)]
        self.found: tuple[type[models.Model], str, list[Any], list[tuple[int, int]]] | None = None

    def rows(self, *values: Any) -> Iterator[Any]:
        """The rows, each a model's instance with what the query annotates."""
        model, text, params = self.asked(values)
        yield from model._default_manager.raw(text, params)

    def tuples(self, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query of values, as the driver gives them."""
        _, text, params = self.asked(values)
        with connection.cursor() as cursor:
            cursor.execute(text, params)
            return cursor.fetchall()

    def asked(self, values: tuple[Any, ...]) -> tuple[type[models.Model], str, list[Any]]:
        """The model, the SQL, and its parameters."""
        if self.found is None:
            query = self.make(*self.marks)
            text, params = query.query.sql_with_params()
            places = [(at, self.marks.index(one)) for at, one in enumerate(params) if one in self.marks]
            if {mark for _, mark in places} != set(range(len(self.marks))):
                raise ValueError(f"A value of the query is no parameter of it: {text}")
            self.found = query.model, text, list(params), places
        model, text, kept, places = self.found
        given = list(kept)
        for at, mark in places:
            given[at] = values[mark]
        return model, text, given
