"""What a person keeps of a list: saved views, and which columns to show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from billing.actions import audit
from billing.models import Member, SavedView
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid

MOST_VIEWS = 50
MAX_QUERY = 2000


@transaction.atomic
def save_view(
    member: Member,
    noun: str,
    name: str,
    query: str,
    columns: Sequence[str],
    *,
    shared: bool,
    by: Actor,
    at: datetime,
) -> SavedView:
    """Keep filters, order and columns of a list under a name. Conflict (name) for a name that the person has."""
    Member.objects.select_for_update(of=("self",)).get(pk=member.pk)
    rows = SavedView.objects.of(member.organization_id).filter(noun=noun, owner=member.user_id)
    if rows.count() >= MOST_VIEWS:
        raise Conflict(f"You have {MOST_VIEWS} views already: delete one first.", code="too_many_views")
    if len(query) > MAX_QUERY:
        raise Invalid("These filters are too long to be saved.", code="too_long")
    view = SavedView(
        organization=member.organization,
        owner=member.user,
        noun=noun,
        name=name,
        query=query,
        columns=list(columns),
        shared=shared,
    )
    write(view)
    if shared:
        audit.record(member.organization, "saved_view.created", view, by=by, at=at)
    return view


@transaction.atomic
def rename_view(view: SavedView, name: str, *, shared: bool, by: Actor, at: datetime) -> SavedView:
    """Another name, and whether everybody sees it."""
    view = SavedView.objects.locked().get(pk=view.pk)
    return changed(view, {"name": name, "shared": shared}, by=by, at=at)


@transaction.atomic
def update_view(view: SavedView, query: str, columns: Sequence[str], *, by: Actor, at: datetime) -> SavedView:
    """The view stands for these filters, this order and these columns from now on."""
    if len(query) > MAX_QUERY:
        raise Invalid("These filters are too long to be saved.", code="too_long")
    view = SavedView.objects.locked().get(pk=view.pk)
    return changed(view, {"query": query, "columns": list(columns)}, by=by, at=at)


@transaction.atomic
def delete_view(view: SavedView, *, by: Actor, at: datetime) -> None:
    """The view is gone; what it showed stays."""
    if view.shared:
        audit.record(view.organization, "saved_view.deleted", view, by=by, at=at)
    view.delete()


def changed(view: SavedView, values: dict[str, object], *, by: Actor, at: datetime) -> SavedView:
    """Write what differs; views that others see leave an audit line."""
    seen = view.shared
    before = audit.snapshot(view, values)
    for name, value in values.items():
        setattr(view, name, value)
    different = audit.differences(before, view)
    if different:
        write(view)
        if seen or view.shared:
            audit.record(view.organization, "saved_view.updated", view, by=by, at=at, changes=different)
    return view


def write(view: SavedView) -> None:
    """Save; a name that the owner has already is a Conflict."""
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        text = "You have a view of this name already."
        raise Conflict(text, code="duplicate_name", field="name") from error


@transaction.atomic
def choose_columns(member: Member, noun: str, columns: Sequence[str]) -> Member:
    """Remember which columns of a list a person wants to see; none means the usual ones."""
    member = Member.objects.select_for_update(of=("self",)).get(pk=member.pk)
    mine = dict(member.preferences.get("columns", {}))
    if columns:
        mine[noun] = list(columns)
    else:
        mine.pop(noun, None)
    member.preferences = member.preferences | {"columns": mine}
    member.save(update_fields=["preferences", "updated_at"])
    return member
