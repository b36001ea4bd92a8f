"""Which lists the API exports, with the schema that reads their filters: each app's API registers its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.web.api import ApiRequest
from billing.web.api_lists import ListQuery

PAGING = frozenset(ListQuery.model_fields)


@dataclass(frozen=True)
class Exportable:
    """The filters of a list, and the rows that they leave."""

    schema: type[ListQuery]
    narrow: Callable[[ApiRequest, Any], Any]


EXPORTABLE: dict[str, Exportable] = {}


def exportable(schema: type[ListQuery], narrow: Callable[[ApiRequest, Any], Any], *contents: str) -> None:
    """These contents are narrowed as this list is."""
    EXPORTABLE.update(dict.fromkeys(contents, Exportable(schema, narrow)))
