"""Lists: pages, sorting and filters that live in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.dateparse import parse_date

PER_PAGE = 20
Rows = TypeVar("Rows", bound=QuerySet[Any])


def page_of(request: HttpRequest, rows: QuerySet[Any], per_page: int = PER_PAGE) -> Page[Any]:
    """The page that `?page=` asks for; out of range is clamped to the nearest one."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def day_of(text: str) -> date | None:
    """A day from `2026-11-21`, or None; 9999 and the like are left out, they have no next day."""
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return day if day and 1970 <= day.year < 9000 else None


def address(query: QueryDict, *without: str, **values: str) -> str:
    """The list's address with some parts left out and others set."""
    rest = query.copy()
    for name in without:
        rest.pop(name, None)
    for name, value in values.items():
        rest[name] = value
    return f"?{rest.urlencode()}"


def tidy(query: QueryDict, path: str) -> str:
    """The list's address without empty parameters, for the address bar."""
    rest = query.copy()
    for name in list(rest):
        if not rest[name]:
            del rest[name]
    return f"{path}?{rest.urlencode()}" if rest else path


def sorted_by(request: HttpRequest, rows: Rows, columns: Mapping[str, str], default: str) -> tuple[Rows, str]:
    """Order by `?sort=name` or `?sort=-name`; only the given columns, ties broken by the key.

    Returns the rows and the sort in force.
    """
    wanted = request.GET.get("sort") or default
    name, descending = wanted.lstrip("-"), wanted.startswith("-")
    if name not in columns:
        wanted, name, descending = default, default.lstrip("-"), default.startswith("-")
    sign = "-" if descending else ""
    return rows.order_by(f"{sign}{columns[name]}", f"{sign}pk"), wanted
