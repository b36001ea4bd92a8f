"""What all objects of the API have in common."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Generic,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Type,
    TypeVar,
    Union,
    cast,
    overload,
)

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr, ValidationError, model_validator
from typing_extensions import Annotated, Self

from .._wire import VERBATIM, attributes, own, snake

logger = logging.getLogger("novabilling")


def as_amount(value: Any) -> Any:
    """An int where the amount is whole, else a Decimal; what is no number stays as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return value
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except ArithmeticError:
        return value
    if not number.is_finite():
        return value
    return int(number) if number == number.to_integral_value() else number


# Exact: an int where it is whole, else a Decimal. Major units: 15000 NGN, Decimal("29.99") USD.
Amount = Annotated[Union[int, Decimal], BeforeValidator(as_amount)]
# The caller's own JSON, with its keys and numbers as they were sent.
Json = Annotated[Dict[str, Any], BeforeValidator(own)]


class Model(BaseModel):
    """An object as the API answered it. Attributes are in snake_case; those that this version does not know are kept
    and read like the others. `object.data` is the object itself, so that `customer.data.id` is `customer.id`.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=(), arbitrary_types_allowed=True)

    _etag: Optional[str] = PrivateAttr(default=None)
    _request_id: Optional[str] = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _by_attribute(cls, value: Any) -> Any:
        return attributes(value) if isinstance(value, Mapping) else value

    @property
    def data(self) -> Self:
        """The object itself."""
        return self

    @property
    def etag(self) -> Optional[str]:
        """The version that was answered, for `if_match`; None where the API gives none."""
        return self._etag

    @property
    def request_id(self) -> Optional[str]:
        """The id of the request that answered this object, for questions to the operator."""
        return self._request_id

    @classmethod
    def read(cls, value: Any) -> Self:
        """The object behind an answer. One that is not as this version expects it is taken as it is, not refused."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            if not isinstance(value, Mapping):
                raise
            fields = sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]})
            logger.warning("%s: unexpected values of %s", cls.__name__, ", ".join(fields))
            known: Dict[str, Any] = {
                name: None for name, field in cls.model_fields.items() if field.is_required()
            }
            return cast("Self", cls.model_construct(**{**known, **attributes(value)}))


def record(value: Any, name: str = "") -> Any:
    """Nested objects of a `Record` as Records, too; what is the caller's own stays."""
    if name in VERBATIM:
        return own(value)
    if isinstance(value, dict):
        return Record.model_validate(value)
    if isinstance(value, list):
        return [record(item) for item in value]
    return as_amount(value) if isinstance(value, Decimal) else value


class Record(Model):
    """An object whose attributes are those of the answer: `record.amount_due`, `record["amount_due"]`."""

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: record(item, snake(name)) for name, item in value.items()}

    def __getitem__(self, name: str) -> Any:
        return (self.__pydantic_extra__ or {})[name]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


T = TypeVar("T")
M = TypeVar("M", bound=Model)


class Meta(Model):
    """Where a page stands in its list."""

    total: int = 0
    page: int = 1
    limit: int = 20
    total_pages: int = 1
    next_cursor: Optional[str] = None


class PaginatedResponse(Sequence[T], Generic[T]):
    """A page: `page.data`, `page.meta.total` or `page.total`; iterate over it, index it, ask its length."""

    def __init__(self, data: List[T], meta: Meta, request_id: Optional[str] = None) -> None:
        self.data = data
        self.meta = meta
        self.request_id = request_id

    @classmethod
    def read(cls, model: Type[M], answer: Mapping[str, Any]) -> "PaginatedResponse[M]":
        """The page behind an answer. A list without paging counts as one page."""
        rows = [model.read(row) for row in answer.get("data") or []]
        found: Dict[str, Any] = {"total": len(rows), "limit": max(len(rows), 1), **(answer.get("meta") or {})}
        return PaginatedResponse(rows, Meta.read(found))

    @property
    def total(self) -> int:
        """How many rows the whole list has."""
        return self.meta.total

    @property
    def page(self) -> int:
        """Which page this is, from 1."""
        return self.meta.page

    @property
    def limit(self) -> int:
        """How many rows a page has at most."""
        return self.meta.limit

    @property
    def total_pages(self) -> int:
        """How many pages the list has."""
        return self.meta.total_pages

    @property
    def next_cursor(self) -> Optional[str]:
        """Where the next page begins, for lists that go on by cursor."""
        return self.meta.next_cursor

    @property
    def has_more(self) -> bool:
        """Whether rows follow after this page."""
        return self.meta.next_cursor is not None or self.meta.page < self.meta.total_pages

    def following(self) -> Optional[Dict[str, Any]]:
        """What the query of the next page says instead; None after the last."""
        if not self.data:
            return None
        if self.meta.next_cursor is not None:
            return {"cursor": self.meta.next_cursor, "page": None, "offset": None}
        return {"page": self.meta.page + 1} if self.meta.page < self.meta.total_pages else None

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> List[T]: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[T, List[T]]:
        return self.data[index]

    def __repr__(self) -> str:
        return "<page {} of {}: {} of {} rows>".format(self.page, self.total_pages, len(self), self.total)
