"""Lists whose filters, order and columns a person may keep: as a view with a name, or as one's own choice of columns.

Each such list registers itself (`register`) where its view is written; the pages that save are `billing/views/
saved_views.py`, the same for all. The state of a list stands in its address: filters and order are its `essence`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, QueryDict
from django.urls import reverse

from billing.models import Member, Organization, SavedView
from billing.queries.saved_views import views_of
from billing.rules.ids import decode
from billing.rules.list_columns import Column, chosen
from billing.web.access import may
from billing.web.requests import StaffRequest

# Parts of an address that say nothing of what the list shows: of forms, files and pages.
NOT_SAVED = frozenset(
    {"page", "cursor", "view", "columns", "id", "all", "act", "once", "of", "bom", "every", "query"}
    | {"csrfmiddlewaretoken"}
)
Columns = tuple[Sequence[Column], Sequence[str]]  # all of a list, and the keys of the usual ones


@dataclass(frozen=True)
class SavedList:
    """A list: `noun` in the address and in the database, `title` for people, `page` the name of its URL, `first` what
    always stands first ("The name"), `share` the permission that shared views need, and its columns. Parameters in
    `several` may stand more than once, and are written with commas.
    """

    noun: str
    title: str
    page: str
    first: str
    share: str
    columns: Callable[[Organization], Columns]
    several: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Where the list stands."""
        return reverse(self.page)


LISTS: dict[str, SavedList] = {}


def register(kept: SavedList) -> SavedList:
    """Make a list known to the pages that save views and columns."""
    LISTS[kept.noun] = kept
    return kept


def list_named(noun: str) -> SavedList:
    """A registered list; else 404."""
    if noun not in LISTS:
        raise Http404("No such list.")
    return LISTS[noun]


def columns_of(
    member: Member, kept: SavedList, query: QueryDict, known: Columns | None = None
) -> list[Column]:
    """The columns in the address (of a saved view), else those that the person chose, else the usual ones. `known`:
    the list's, when they have been read.
    """
    columns, usual = known or kept.columns(member.organization)
    if asked := query.get("columns"):
        return chosen(str(asked).split(","), columns, usual)
    mine = member.preferences.get("columns", {}).get(kept.noun)
    return chosen(mine or usual, columns, usual)


def saved_view(member: Member, kept: SavedList, text: str) -> SavedView | None:
    """The view that `?view=` names; 404 for another person's private one."""
    if not text:
        return None
    key = decode(SavedView.PREFIX, text)
    if key is None:
        raise Http404("No such view.")
    found: SavedView = views_of(member, kept.noun).get_or_404(pk=key)
    return found


def views_bar(
    request: StaffRequest, kept: SavedList, view: SavedView | None, query: QueryDict
) -> dict[str, Any]:
    """The saved views as tabs, and what can be done with the one that is open."""
    views = list(views_of(request.member, kept.noun))
    tabs = [{"label": f"All {kept.title.lower()}", "url": kept.path, "active": view is None}] if views else []
    tabs += [
        {
            "label": row.name,
            "url": f"{kept.path}{address_of(row)}",
            "active": view is not None and row.pk == view.pk,
        }
        for row in views
    ]
    mine = view is not None and may_change(request.member, view)
    same = view is not None and (essence(query, kept.several), query.get("columns", "")) == (
        view.query,
        ",".join(view.columns),
    )
    return {
        "saved_list": kept,
        "view_tabs": tabs,
        "view": view,
        "view_is_mine": mine,
        "view_changed": bool(view) and not same,
    }


def may_change(member: Member, view: SavedView) -> bool:
    """One's own private views, and shared ones with the right to change what the list shows."""
    return may(member, list_named(view.noun).share) if view.shared else view.owner_id == member.user_id


def address_of(view: SavedView) -> str:
    """The query string that opens a view."""
    found = QueryDict(view.query, mutable=True)
    if view.columns:
        found["columns"] = ",".join(view.columns)
    found["view"] = view.public_id
    return f"?{found.urlencode(safe=',')}"


def essence(query: QueryDict, several: frozenset[str] = frozenset()) -> str:
    """Filters and order alone, in one spelling: what a view saves, and what a bulk act goes by."""
    rest = QueryDict(mutable=True)
    for name in sorted(query):
        values = [value for value in query.getlist(name) if value]
        if values and name not in NOT_SAVED:
            rest.setlist(name, [",".join(values)] if name in several else values[:1])
    return rest.urlencode(safe=",")


def place(query: QueryDict, changes: Any) -> str:
    """The address of another window of the same list; empty without changes."""
    if not changes:
        return ""
    rest = query.copy()
    for name in ("page", "cursor"):
        rest.pop(name, None)
    for name, value in changes.items():
        rest[name] = str(value)
    return f"?{rest.urlencode(safe=',')}"


def tidy(query: QueryDict, path: str, several: frozenset[str] = frozenset()) -> str:
    """The list's address without empty parameters, for the address bar."""
    rest = query.copy()
    for name in list(rest):
        if not rest[name]:
            del rest[name]
    for name in several & set(rest):
        rest[name] = ",".join(rest.getlist(name))
    return f"{path}?{rest.urlencode(safe=',')}" if rest else path
