"""The envelopes of the REST API as types: what a route says that it answers is what the OpenAPI document says."""

from __future__ import annotations

from typing import Generic, NotRequired, TypeVar

from typing_extensions import TypedDict

T = TypeVar("T")


class Object(TypedDict, Generic[T]):
    """One object."""

    data: T


class Meta(TypedDict):
    """Where a page stands in its list; `nextCursor` goes on after its last row, null: there is none. `offset`
    where one was asked for.
    """

    total: int
    page: int
    limit: int
    totalPages: int
    nextCursor: str | None
    offset: NotRequired[int]


class Listing(TypedDict, Generic[T]):
    """A page of a list."""

    data: list[T]
    meta: Meta


class Count(TypedDict):
    """How many there are."""

    total: int


class Counted(TypedDict, Generic[T]):
    """A whole list."""

    data: list[T]
    meta: Count


class FieldError(TypedDict):
    """What is wrong with one field; `field` is its path in the body or the name in the query."""

    field: str
    message: str


class ErrorBody(TypedDict):
    """What was refused and why. `code` is for programs and stays, `message` for people."""

    code: str
    message: str
    errors: list[FieldError]
    requestId: str


class Error(TypedDict):
    """The one shape of all errors."""

    message: str
    error: ErrorBody
