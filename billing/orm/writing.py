"""Rows of several tables written in one round trip, for what is written hundreds of times a second.

The ORM compiles and sends a statement for each table. Here the text for a table is made once, the values are prepared
by the model's own fields, and the statements go to the database together, in the order in which they are given.
As with `bulk_create` no signals are sent. The cursor must bind its parameters itself, as Django's does by default:
the protocol of server-side parameters takes one statement at a time.

Example: `write(inserted(lines), inserted(taxes), updated(invoice))`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.expressions import DatabaseDefault


@dataclass(frozen=True)
class Part:
    """A statement, its parameters, and the rows that are stored once it has run."""

    text: str
    params: Sequence[Any]
    rows: Sequence[models.Model] = ()


@cache
def columns(model: type[models.Model]) -> tuple[tuple[Any, str, str], ...]:
    """(field, quoted column, placeholder) of each column that is written."""
    quote = connection.ops.quote_name
    return tuple(
        (column, quote(str(column.column)), placeholder(column))
        for column in model._meta.local_concrete_fields
        if not column.generated
    )


def placeholder(column: Any) -> str:
    """%s, with the type where the field asks for one."""
    make = getattr(column, "get_placeholder", None)
    return make(None, None, connection) if make else "%s"


def value(row: models.Model, column: Any, *, adding: bool) -> Any:
    """What is stored of a row in a column. TypeError for an expression, which only the ORM can compile."""
    found = column.pre_save(row, adding)
    if isinstance(found, DatabaseDefault):
        found = found.expression.value  # type: ignore[attr-defined]
        setattr(row, column.attname, found)
    if hasattr(found, "resolve_expression"):
        raise TypeError(f"{column} is an expression")
    return column.get_db_prep_save(found, connection)


def inserted(rows: Iterable[models.Model]) -> Part:
    """New rows of one table; none is fine."""
    given = list(rows)
    if not given:
        return Part("", ())
    model = type(given[0])
    wanted = columns(model)
    one = f"({', '.join(mark for _, _, mark in wanted)})"
    text = (
        f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)}"  # noqa: S608 - names of our own models
        f" ({', '.join(name for _, name, _ in wanted)}) VALUES {', '.join([one] * len(given))}"
    )
    params = [value(row, column, adding=True) for row in given for column, _, _ in wanted]
    return Part(text, params, given)


def updated(row: models.Model, *names: str) -> Part:
    """These fields of a row that is stored and locked; without names all of them. ValueError for no such field."""
    model = type(row)
    known = {item[0].name: item for item in columns(model) if not item[0].primary_key}
    if wrong := set(names) - known.keys():
        raise ValueError(f"{model.__name__} has no column {', '.join(sorted(wrong))} to write")
    wanted = [known[name] for name in names or known]
    text = (
        f"UPDATE {connection.ops.quote_name(model._meta.db_table)}"  # noqa: S608 - names of our own models
        f" SET {', '.join(f'{name} = {mark}' for _, name, mark in wanted)}"
        f" WHERE {connection.ops.quote_name(str(model._meta.pk.column))} = %s"
    )
    return Part(text, [*(value(row, column, adding=False) for column, _, _ in wanted), row.pk])


def stored(row: models.Model) -> Part:
    """A row, whether it is new or not."""
    return inserted([row]) if row._state.adding else updated(row)


def write(*parts: Part) -> None:
    """Run the statements one after the other. Raises as the ORM does; the caller's transaction is then broken."""
    given = [part for part in parts if part.text]
    if not given:
        return
    with connection.cursor() as cursor:
        cursor.execute("; ".join(part.text for part in given), [one for part in given for one in part.params])
    for part in given:
        for row in part.rows:
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
