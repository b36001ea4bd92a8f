"""Queries that are asked hundreds of times a second: compiled once, then run with other values.

The query stays the query set that it is elsewhere, with a mark in place of each value that changes; its SQL is kept
with the places of the marks among its parameters.

Example: `OPEN = Compiled(lambda at: Invoice.objects.filter(finalize_at__lte=at), datetime)`, then
`list(OPEN.rows(moment))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError

from billing.orm.planned import planned

# What no query of ours asks for itself.
MARKS: dict[type, Callable[[int], Any]] = {
    datetime: lambda place: datetime(1, 1, 2, tzinfo=UTC) + timedelta(microseconds=place),
    UUID: lambda place: UUID(int=place + 1),
    str: lambda place: f"\N{PILCROW SIGN}{place}\N{PILCROW SIGN}",
}


@dataclass(frozen=True)
class Found:
    """A compiled query: its text and parameters, and at which of them which value goes. `locks`: only within a
    transaction. The rest is what the ORM knows of the answer's columns: which are the model's own, what turns stored
    values into theirs, which belong to related rows, what is annotated.
    """

    text: str
    params: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]
    locks: bool
    model: type[models.Model]
    names: tuple[str, ...]
    own: slice
    converters: tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]
    related: Sequence[Any]
    annotations: Mapping[str, int]


class Compiled:
    """A query with values of these types. Every value must be a parameter of its own, as it was given: one that the
    ORM looks into (a list, an empty set) would change the text.
    """

    def __init__(self, make: Callable[..., models.QuerySet[Any]], *types: type) -> None:
        self.make = make
        self.marks = [MARKS[kind](place) for place, kind in enumerate(types)]
        self.found: Found | None = None

    def rows(self, *values: Any) -> Iterator[Any]:
        """The rows, each a model's instance with what the query joins and annotates. Raises
        TransactionManagementError for rows to lock outside of a transaction, as the query set does.
        """
        found = self.found or self.compiled()
        there = connections[DEFAULT_DB_ALIAS]
        if found.locks and there.get_autocommit():
            raise TransactionManagementError("Rows can be locked within a transaction only.")
        params = list(found.params)
        for at, mark in found.places:
            params[at] = values[mark]
        with planned() as cursor:
            cursor.execute(found.text, params)
            answer = cursor.fetchall()
        for row in answer:
            yield instance(found, list(row), there)

    def get(self, *values: Any) -> Any:
        """The first row; the model's DoesNotExist when there is none."""
        row = next(self.rows(*values), None)
        if row is None:
            model: Any = (self.found or self.compiled()).model
            raise model.DoesNotExist(f"{model.__name__} matching query does not exist.")
        return row

    def compiled(self) -> Found:
        """The query's SQL, kept for the next time. ValueError when a value is no parameter of its own, or one of the
        model's own columns is missing: its instances are whole.
        """
        query = self.make(*self.marks).query
        compiler = query.get_compiler(using=DEFAULT_DB_ALIAS)
        text, params = compiler.as_sql()
        places = tuple((at, self.marks.index(one)) for at, one in enumerate(params) if one in self.marks)
        if {mark for _, mark in places} != set(range(len(self.marks))):
            raise ValueError(f"A value of the query is no parameter of it: {text}")
        select, info = compiler.select, compiler.klass_info
        own = slice(info["select_fields"][0], info["select_fields"][-1] + 1)
        names = tuple(column.target.attname for column, _, _ in select[own])
        wanted = [one.attname for one in info["model"]._meta.concrete_fields]
        if missing := [name for name in wanted if name not in names]:
            raise ValueError(f"The query does not answer {missing[0]}.")
        converters = compiler.get_converters([column for column, _, _ in select])
        self.found = Found(
            text,
            tuple(params),
            places,
            query.select_for_update,
            info["model"],
            names,
            own,
            tuple((at, convert, column) for at, (convert, column) in converters.items()),
            get_related_populators(info, select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]  # of a later Django
            compiler.annotation_col_map or {},
        )
        return self.found


def instance(found: Found, row: list[Any], there: Any) -> Any:
    """A row of the answer as the query set would give it."""
    for at, converters, column in found.converters:
        for convert in converters:
            row[at] = convert(row[at], column, there)
    made = found.model.from_db(DEFAULT_DB_ALIAS, found.names, row[found.own])
    for populator in found.related:
        populator.populate(row, made)
    for name, at in found.annotations.items():
        setattr(made, name, row[at])
    return made
