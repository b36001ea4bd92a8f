"""Rows of several tables written in one round trip, for what is written hundreds of times a second.

The ORM compiles and sends a statement for each table. Here the names of a table's columns are put together once, the
values are prepared by the model's own fields (or taken as they are, where the field would prepare nothing), and the
driver writes them into the text, as it does for Django's cursors. The statements go to the database together, in the
order in which they are given. As with `bulk_create` no signals are sent.

Example: `write(inserted(lines), inserted(taxes), updated(invoice))`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol, cast
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.expressions import DatabaseDefault
from psycopg.adapt import Transformer as Adapter

from billing.orm.fields import ExactField

# What the driver writes as it is, in a field whose own class prepares nothing else of it.
PLAIN = frozenset({UUID, str, int, bool, type(None)})
PLAIN_FIELDS = (
    *(models.CharField, models.TextField, models.EmailField, models.URLField),
    *(models.UUIDField, models.BooleanField, models.ForeignKey, models.OneToOneField),
    *(models.IntegerField, models.BigIntegerField, models.SmallIntegerField, models.PositiveIntegerField),
    *(models.PositiveSmallIntegerField, models.PositiveBigIntegerField),
)


class Literals(Protocol):
    """The driver's way of writing a value into a statement."""

    def as_literal(self, value: Any, /) -> bytes | bytearray | memoryview:
        """The value as SQL."""


@dataclass(frozen=True)
class Column:
    """A column that is written: how its value is read from a row, and what stands around it in a statement."""

    name: str
    quoted: bytes
    before: bytes
    after: bytes
    primary: bool
    read: Callable[[models.Model, bool, Any], Any]


@dataclass(frozen=True)
class Part:
    """A statement, complete with its values, and the rows that are stored once it has run."""

    text: bytes
    rows: Sequence[models.Model] = ()


def database() -> Any:
    """The connection itself: `django.db.connection` looks for it at each attribute that is asked for."""
    return connections[DEFAULT_DB_ALIAS]


@cache
def columns(model: type[models.Model]) -> tuple[Column, ...]:
    """Each column that is written."""
    return tuple(described(field) for field in model._meta.local_concrete_fields if not field.generated)


def described(field: Any) -> Column:
    """A column by its field."""
    quote = database().ops.quote_name
    before, after = placeholder(field).encode().split(b"%s")
    return Column(
        field.name, quote(str(field.column)).encode(), before, after, field.primary_key, reader(field)
    )


def placeholder(field: Any) -> str:
    """%s, with the type where the field asks for one."""
    make = getattr(field, "get_placeholder", None)
    return make(None, None, database()) if make else "%s"


def reader(field: Any) -> Callable[[models.Model, bool, Any], Any]:
    """What gives the value of a row in a column; it asks whether the row is added, and for the connection."""
    name = field.attname

    def prepared(row: models.Model, adding: bool, there: Any) -> Any:
        """What is stored. TypeError for an expression, which only the ORM can compile."""
        found = field.pre_save(row, adding)
        if isinstance(found, DatabaseDefault):
            found = found.expression.value  # type: ignore[attr-defined]
            setattr(row, name, found)
        if hasattr(found, "resolve_expression"):
            raise TypeError(f"{field} is an expression")
        return field.get_db_prep_save(found, there)

    def plain(row: models.Model, adding: bool, there: Any) -> Any:
        found = row.__dict__.get(name, field)
        return found if type(found) in PLAIN else prepared(row, adding, there)

    def moment(row: models.Model, adding: bool, there: Any) -> Any:
        found = row.__dict__.get(name, field)
        known = found is None or (type(found) is datetime and found.tzinfo is not None)
        return found if known else prepared(row, adding, there)

    def day(row: models.Model, adding: bool, there: Any) -> Any:
        found = row.__dict__.get(name, field)
        return found if found is None or type(found) is date else prepared(row, adding, there)

    def number(row: models.Model, adding: bool, there: Any) -> Any:
        found = row.__dict__.get(name, field)
        if found is None or (
            type(found) is Decimal and found.is_finite() and places(found) <= field.decimal_places
        ):
            return found
        return prepared(row, adding, there)

    def document(row: models.Model, adding: bool, there: Any) -> Any:
        found = row.__dict__.get(name, field)
        known = type(found) in (dict, list)
        return there.ops.adapt_json_value(found, field.encoder) if known else prepared(row, adding, there)

    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return prepared
    if type(field) in PLAIN_FIELDS:
        return plain
    own = {
        models.DateTimeField: moment,
        models.DateField: day,
        models.DecimalField: number,
        ExactField: number,
    }
    return own.get(type(field), document if type(field) is models.JSONField else prepared)


def places(value: Decimal) -> int:
    """Digits after the point."""
    return -int(value.as_tuple().exponent)


def literals(adapt: Literals, wanted: Iterable[Column], row: models.Model, *, adding: bool) -> list[bytes]:
    """The row's values as they stand in a statement."""
    found, there = [], database()
    for column in wanted:
        value = column.read(row, adding, there)
        text = b"NULL" if value is None else bytes(adapt.as_literal(value))
        found.append(column.before + text + column.after if column.after or column.before else text)
    return found


def adapter() -> Literals:
    """What writes values for the driver, as the cursors of Django have it."""
    there = database()
    there.ensure_connection()
    return cast(Literals, Adapter(there.connection))


def inserted(rows: Iterable[models.Model]) -> Part:
    """New rows of one table; none is fine."""
    given = list(rows)
    if not given:
        return Part(b"")
    model = type(given[0])
    wanted, adapt = columns(model), adapter()
    table = database().ops.quote_name(model._meta.db_table).encode()
    values = [b"(" + b", ".join(literals(adapt, wanted, row, adding=True)) + b")" for row in given]
    head = b"INSERT INTO " + table + b" (" + b", ".join(column.quoted for column in wanted) + b") VALUES "
    return Part(head + b", ".join(values), given)


def updated(row: models.Model, *names: str) -> Part:
    """These fields of a row that is stored and locked; without names all of them. ValueError for no such field."""
    model = type(row)
    known = {column.name: column for column in columns(model) if not column.primary}
    if wrong := set(names) - known.keys():
        raise ValueError(f"{model.__name__} has no column {', '.join(sorted(wrong))} to write")
    wanted, adapt = [known[name] for name in names or known], adapter()
    quote = database().ops.quote_name
    table, key = quote(model._meta.db_table).encode(), quote(str(model._meta.pk.column)).encode()
    pairs = zip(wanted, literals(adapt, wanted, row, adding=False), strict=True)
    text = (
        b"UPDATE " + table + b" SET " + b", ".join(column.quoted + b" = " + value for column, value in pairs)
    )
    return Part(text + b" WHERE " + key + b" = " + bytes(adapt.as_literal(row.pk)))


def stored(row: models.Model) -> Part:
    """A row, whether it is new or not."""
    return inserted([row]) if row._state.adding else updated(row)


def statement(text: str, *values: Any) -> Part:
    """A statement of the caller's, with a %s for each value."""
    adapt, pieces = adapter(), text.encode().split(b"%s")
    given = [bytes(adapt.as_literal(value)) for value in values]
    return Part(b"".join(piece + value for piece, value in zip(pieces, [*given, b""], strict=True)))


def write(*parts: Part) -> None:
    """Run the statements one after the other. Raises as the ORM does; the caller's transaction is then broken."""
    given = [part for part in parts if part.text]
    if not given:
        return
    with database().cursor() as cursor:
        cursor.execute(b"; ".join(part.text for part in given).decode())
    for part in given:
        for row in part.rows:
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
