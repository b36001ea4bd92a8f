"""Lists of the API: what a query may say, the order, and pages by number or by cursor.

A cursor holds where the page before ended (the values that its last row is ordered by), so rows that come in or go
meanwhile neither repeat nor hide others, and any depth costs the same.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field as Column
from django.db.models import Q
from django.http import HttpRequest
from ninja import Field

from billing.rules.errors import FieldErrors, Invalid
from billing.rules.words import any_of
from billing.web.api import MAX_LIMIT, MAX_PAGE, ApiSchema, camel
from billing.web.shapes import Listing, Meta

T = TypeVar("T")
METADATA = re.compile(r"metadata\[.{1,100}\]")
Term = tuple[str, bool]  # a column, and whether it descends


class ListQuery(ApiSchema):
    """A page of a list and its order. `SORTS`: what can be sorted by, as columns with their signs; the first one is
    the usual order, in the direction of `USUAL`.
    """

    SORTS: ClassVar[Mapping[str, str]] = {"createdAt": "created_at"}
    USUAL: ClassVar[str] = "desc"

    page: int = Field(
        1,
        description="From 1. A page past the end is empty.",
        json_schema_extra={"minimum": 1, "maximum": MAX_PAGE},
    )
    limit: int = Field(
        20, description="Rows of a page, 1 to 100.", json_schema_extra={"minimum": 1, "maximum": MAX_LIMIT}
    )
    cursor: str = Field("", description="`meta.nextCursor` of the page before; goes before `page`.")
    sort_by: str = Field("", description="What the rows are ordered by; ties by id.")
    sort_order: str = Field("", description="`asc` or `desc`.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        """The orders that there are, as words of the schema."""
        schema: dict[str, Any] = handler(core)
        fields = handler.resolve_ref_schema(schema)["properties"]
        for name, words, usual in (
            ("sortBy", list(cls.SORTS), next(iter(cls.SORTS))),
            ("sortOrder", ["asc", "desc"], cls.USUAL),
        ):
            fields[name] |= {"enum": words, "default": usual}
        fields["cursor"].pop("default", None)
        return schema


CATALOGUE_SORTS = {
    "name": "name",
    "code": "code",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}


class OldestFirst(ListQuery):
    """A page of a list that begins with what was made first."""

    USUAL: ClassVar[str] = "asc"


class PlacedQuery(ListQuery):
    """A page of a list whose rows have their places."""

    SORTS: ClassVar[Mapping[str, str]] = {"position": "position", "createdAt": "created_at"}
    USUAL: ClassVar[str] = "asc"


@dataclass(frozen=True)
class Order:
    """What rows are ordered by; the key comes last, so that no two rows are alike."""

    name: str
    terms: tuple[Term, ...]

    @property
    def columns(self) -> list[str]:
        """For `order_by`."""
        return [f"-{column}" if descending else column for column, descending in self.terms]


def order_of(asked: ListQuery) -> Order:
    """The order that was asked for, in camelCase or snake_case."""
    known = {camel(name).lower(): name for name in asked.SORTS}
    wanted = asked.sort_by.strip() or next(iter(asked.SORTS))
    name = known.get(wanted.replace("_", "").lower())
    if name is None:
        raise Invalid(f"Sort by {any_of(asked.SORTS)}.", field="sort_by")
    way = asked.sort_order.strip().lower() or asked.USUAL
    if way not in {"asc", "desc"}:
        raise Invalid("Use asc or desc.", field="sort_order")
    terms = [
        (part.lstrip("-"), part.startswith("-") != (way == "desc")) for part in asked.SORTS[name].split(",")
    ]
    return Order(f"{name}:{way}", (*terms, ("pk", way == "desc")))


def window(request: HttpRequest, rows: Any, asked: ListQuery) -> tuple[list[Any], Meta]:
    """The rows of the page, and where it stands. Raises Invalid for a name, order, page or cursor that is none."""
    check_page(request, asked)
    order = order_of(asked)
    total = rows.count()
    found = rows.order_by(*order.columns)
    skip = (asked.page - 1) * asked.limit
    if asked.cursor:
        found, skip = found.filter(behind(rows.model, order, asked.cursor)), 0
    part = list(found[skip : skip + asked.limit + 1]) if skip < total else []
    more, part = len(part) > asked.limit, part[: asked.limit]
    meta: Meta = {
        "total": total,
        "page": asked.page,
        "limit": asked.limit,
        "totalPages": max(1, -(-total // asked.limit)),
        "nextCursor": cursor_of(part[-1], order) if more else None,
    }
    return part, meta


def window_of(
    request: HttpRequest, rows: Sequence[Any], model: Any, asked: ListQuery
) -> tuple[list[Any], Meta]:
    """As `window`, for rows of a model that the database does not order: few, whose values are never null."""
    check_page(request, asked)
    order = order_of(asked)
    columns = [column for column, _ in order.terms]
    down = order.terms[-1][1]

    def place(row: Any) -> tuple[Any, ...]:
        return tuple(getattr(row, column) for column in columns)

    found = sorted(rows, key=place, reverse=down)
    if asked.cursor:
        after = tuple(values_of(model, order, asked.cursor))
        found = [row for row in found if (place(row) < after if down else place(row) > after)]
    skip = 0 if asked.cursor else (asked.page - 1) * asked.limit
    part = found[skip : skip + asked.limit + 1]
    return part[: asked.limit], {
        "total": len(rows),
        "page": asked.page,
        "limit": asked.limit,
        "totalPages": max(1, -(-len(rows) // asked.limit)),
        "nextCursor": cursor_of(part[asked.limit - 1], order) if len(part) > asked.limit else None,
    }


def listed(request: HttpRequest, rows: Any, payload: Callable[[Any], T], asked: ListQuery) -> Listing[T]:
    """The page that was asked for."""
    part, meta = window(request, rows, asked)
    return {"data": [payload(row) for row in part], "meta": meta}


def check_page(request: HttpRequest, asked: ListQuery) -> None:
    """Raises Invalid for a page that cannot be, and for a name that the list does not know: it would silently narrow
    nothing.
    """
    if not 1 <= asked.limit <= MAX_LIMIT:
        raise Invalid(f"Use a limit from 1 to {MAX_LIMIT}.", field="limit")
    if not 1 <= asked.page <= MAX_PAGE:
        raise Invalid(f"Use a page from 1 to {MAX_PAGE:,}.", field="page")
    fields = type(asked).model_fields
    known = {field.alias or name for name, field in fields.items()}
    strange = [name for name in request.GET if camel(name) not in known and not METADATA.fullmatch(name)]
    if strange:
        raise FieldErrors([(name[:100], "Unknown filter.") for name in strange[:20]])


def cursor_of(row: Any, order: Order) -> str:
    """Where this row stands."""
    values = [order.name]
    for column, _ in order.terms:
        value = getattr(row, column)
        values.append(value.isoformat() if isinstance(value, date | datetime) else as_text(value))
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def as_text(value: Any) -> Any:
    """A value of a column as it goes into a cursor."""
    return value.hex if isinstance(value, UUID) else None if value is None else str(value)


def values_of(model: Any, order: Order, cursor: str) -> list[Any]:
    """Where a cursor stands. Raises Invalid for a text that is none of ours, or of another order."""
    try:
        name, *values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if name != order.name:
            text = "This cursor is of another order: send the sortBy and sortOrder of the page before."
            raise Invalid(text, field="cursor")
        return [
            read_value(model, column, value) for (column, _), value in zip(order.terms, values, strict=True)
        ]
    except (ValueError, TypeError, ValidationError):
        raise Invalid("This is no cursor: send the nextCursor of the page before.", field="cursor") from None


def behind(model: Any, order: Order, cursor: str) -> Q:
    """The rows after the cursor's."""
    found, same = Q(pk__in=[]), Q()
    for (column, descending), value in zip(order.terms, values_of(model, order, cursor), strict=True):
        beyond = past(column, descending, value)
        if beyond is not None:
            found |= same & beyond
        same &= Q(**{f"{column}__isnull": True}) if value is None else Q(**{column: value})
    return found


def past(column: str, descending: bool, value: Any) -> Q | None:
    """Rows whose value comes later; nulls stand at the end, at the start when it descends. None: there are none."""
    if value is None:
        return Q(**{f"{column}__isnull": False}) if descending else None
    if descending:
        return Q(**{f"{column}__lt": value})
    return Q(**{f"{column}__gt": value}) | Q(**{f"{column}__isnull": True})


def read_value(model: Any, column: str, text: Any) -> Any:
    """A value of a cursor as its column has it; ValueError for what is none."""
    if text is None:
        return None
    if not isinstance(text, str) or "\x00" in text or len(text) > 1000:
        raise ValueError(text)
    try:
        field: Column[Any, Any] = model._meta.pk if column == "pk" else model._meta.get_field(column)
    except FieldDoesNotExist:  # computed by the query, as text
        return text
    return field.to_python(text)
