"""Queries that are asked hundreds of times a second: compiled once, then run with other values.

The query stays the query set that it is elsewhere, with a mark in place of each value that changes; its SQL is kept
with the places of the marks among its parameters.

Example: `OPEN = Compiled(lambda at: Invoice.objects.filter(finalize_at__lte=at), datetime)`, then
`list(OPEN.rows(moment))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models
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
    shape: Shape | None = None


@dataclass(frozen=True)
class Shape:
    """What the columns of an answer are: the model's fields in their order, what turns a stored value into theirs,
    and what the query annotates.
    """

    names: tuple[str, ...]
    order: tuple[int, ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]
    extra: tuple[tuple[int, str], ...]


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
        there = connections[DEFAULT_DB_ALIAS]
        if found.locks and there.get_autocommit():
            raise TransactionManagementError("Rows can be locked within a transaction only.")
        params = list(found.params)
        for at, mark in found.places:
            params[at] = values[mark]
        with there.cursor() as cursor:
            cursor.execute(found.text, params)
            shape = found.shape or self.shaped(found, [column.name for column in cursor.description])
            rows = cursor.fetchall()
        for row in rows:
            yield instance(found.model, shape, row)

    def shaped(self, found: Found, columns: list[str]) -> Shape:
        """The shape of the answer, kept for the next time."""
        shape = shape_of(found.model, columns)
        self.found = replace(found, shape=shape)
        return shape

    def compiled(self) -> Found:
        """The query's SQL, kept for the next time. ValueError when a value is no parameter of its own."""
        rows = self.make(*self.marks)
        text, params = rows.query.sql_with_params()
        places = tuple((at, self.marks.index(one)) for at, one in enumerate(params) if one in self.marks)
        if {mark for _, mark in places} != set(range(len(self.marks))):
            raise ValueError(f"A value of the query is no parameter of it: {text}")
        self.found = Found(rows.model, text, tuple(params), places, rows.query.select_for_update)
        return self.found


def shape_of(model: type[models.Model], columns: list[str]) -> Shape:
    """What these columns are to the model. ValueError when one of its own is missing: its instances are whole."""
    there = connections[DEFAULT_DB_ALIAS]
    places = {name: place for place, name in enumerate(columns)}
    fields = model._meta.concrete_fields
    if missing := [field.column for field in fields if field.column not in places]:
        raise ValueError(f"The query does not answer {missing[0]}.")
    order = tuple(places[str(field.column)] for field in fields)
    converters = []
    for at, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)
        for convert in [*there.ops.get_db_converters(expression), *field.get_db_converters(there)]:
            converters.append((at, partial(converted, convert, expression)))
    own = {field.column for field in fields}
    extra = tuple((place, name) for name, place in places.items() if name not in own)
    return Shape(tuple(field.attname for field in fields), order, tuple(converters), extra)


def converted(convert: Callable[..., Any], expression: Any, value: Any) -> Any:
    """A stored value as the field has it."""
    return convert(value, expression, connections[DEFAULT_DB_ALIAS])


def instance(model: type[models.Model], shape: Shape, row: Sequence[Any]) -> Any:
    """A row of the answer as an instance."""
    values = [row[place] for place in shape.order]
    for at, convert in shape.converters:
        values[at] = convert(values[at])
    found = model.from_db(DEFAULT_DB_ALIAS, shape.names, values)
    for place, name in shape.extra:
        setattr(found, name, row[place])
    return found
