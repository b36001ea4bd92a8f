"""Which lists the API exports, with the schema that reads their filters: each app's API registers its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing.rules.scopes import READ
from billing.web.api import ApiRequest
from billing.web.api_lists import ListQuery

PAGING = frozenset(ListQuery.model_fields)


@dataclass(frozen=True)
class Exportable:
    """The filters of a list, the rows that they leave, and the scope that reading the list needs: a file of it needs
    the same.
    """

    schema: type[ListQuery]
    narrow: Callable[[ApiRequest, Any], Any]
    scope: str


EXPORTABLE: dict[str, Exportable] = {}


def exportable(
    resource: str, schema: type[ListQuery], narrow: Callable[[ApiRequest, Any], Any], *contents: str
) -> None:
    """These contents are narrowed as the list of this resource is."""
    EXPORTABLE.update(dict.fromkeys(contents, Exportable(schema, narrow, f"{resource}:{READ}")))
