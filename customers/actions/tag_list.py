"""The tags of an organization: adding, renaming, recolouring, deleting. Which customer has which: `tags.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Func, Value
from django.db.models.functions import Lower

from billing.actions import audit, later
from billing.models import Job, Organization
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors, Invalid
from customers.models import Customer, Tag, TagColor
from customers.queries.index import search_values
from customers.queries.tags import tag_names
from customers.rules.fields import tag_name
from customers.rules.values import Refused

TASK = "customers.index_tag"
BATCH = 500


def clean_name(name: Any) -> str:
    """The name in its one spelling, or FieldErrors."""
    try:
        return tag_name(name)
    except Refused as error:
        raise FieldErrors([("name", str(error))]) from None


def named(organization: Organization, name: str) -> Tag | None:
    """The tag of that name, without case."""
    rows = Tag.objects.of(organization).alias(lowered=Lower("name"))
    return rows.filter(lowered=Lower(Value(name))).first()


@transaction.atomic
def create_tag(
    organization: Organization, name: str, color: str = TagColor.GREY.value, *, by: Actor, at: datetime
) -> Tag:
    """A new tag. Raises FieldErrors for the name, Conflict (duplicate_tag) for one that exists without case."""
    tag = Tag(organization=organization, name=clean_name(name), color=checked_color(color))
    if named(organization, tag.name):
        raise taken(tag.name)
    write(tag)
    changes = {"name": (None, tag.name), "color": (None, tag.color)}
    audit.record(organization, "tag.created", tag, by=by, at=at, changes=changes)
    return tag


@transaction.atomic
def ensure_tags(organization: Organization, names: Iterable[str], *, by: Actor, at: datetime) -> list[UUID]:
    """The ids of the tags of these names, in their order; those that nobody has made yet are made."""
    found = []
    for name in names:
        tag = named(organization, name)
        if tag is None:
            try:
                with transaction.atomic():
                    tag = create_tag(organization, name, by=by, at=at)
            except Conflict:  # somebody else made it meanwhile
                tag = named(organization, name)
                if tag is None:
                    raise
        if tag.pk not in found:
            found.append(tag.pk)
    return found


@transaction.atomic
def update_tag(
    tag: Tag, *, name: str | None = None, color: str | None = None, by: Actor, at: datetime
) -> Tag:
    """Rename or recolour. A new name is new on every customer at once; the search learns it in the background."""
    tag = Tag.objects.select_for_update().get(pk=tag.pk)
    before = audit.snapshot(tag, ("name", "color"))
    tag.name = tag.name if name is None else clean_name(name)
    tag.color = tag.color if color is None else checked_color(color)
    different = audit.differences(before, tag)
    if not different:
        return tag
    other = named(tag.organization, tag.name)
    if other is not None and other.pk != tag.pk:
        raise taken(tag.name)
    write(tag)
    audit.record(tag.organization, "tag.updated", tag, by=by, at=at, changes=different)
    if "name" in different:
        index_later(tag, Customer.objects.of(tag.organization).filter(tag_ids__contains=[tag.pk]))
    return tag


@transaction.atomic
def delete_tag(tag: Tag, *, by: Actor, at: datetime) -> int:
    """Delete a tag and take it off every customer. Returns how many had it."""
    rows = Customer.objects.of(tag.organization).filter(tag_ids__contains=[tag.pk])
    ids = list(rows.locked().values_list("pk", flat=True))
    Customer.objects.filter(pk__in=ids).update(
        tag_ids=Func(F("tag_ids"), Value(tag.pk), function="array_remove")
    )
    changes = {"name": (tag.name, None), "customers": (len(ids), 0)}
    audit.record(tag.organization, "tag.deleted", tag, by=by, at=at, changes=changes)
    index_later(tag, Customer.objects.filter(pk__in=ids))
    tag.delete()
    return len(ids)


def index_later(tag: Tag, rows: Any) -> None:
    """Let a worker renew the search of these customers; nothing to do for none."""
    ids = [str(pk) for pk in rows.values_list("pk", flat=True)]
    if ids:
        later.enqueue(
            tag.organization,
            TASK,
            key=f"index:{tag.pk}:{len(ids)}:{tag.name}",
            label=f"Search of customers with the tag {tag.name}",
            subject_id=tag.pk,
            args=ids,
        )


def index(job: Job) -> None:
    """Renew the search columns of the job's customers. Harmless when repeated."""
    names = tag_names(job.organization)
    for start in range(0, len(job.args), BATCH):
        ids = job.args[start : start + BATCH]
        with transaction.atomic():
            rows = list(Customer.objects.of(job.organization).filter(pk__in=ids).locked())
            for row in rows:
                tags = [names[key] for key in row.tag_ids if key in names]
                for column, value in search_values(row, tags).items():
                    setattr(row, column, value)
            Customer.objects.bulk_update(rows, ["search_text", "search_grams"])


def checked_color(color: str) -> str:
    """One of our colours."""
    if color not in TagColor.values:
        raise Invalid(f"Use {', '.join(TagColor.values)}.", field="color")
    return color


def taken(name: str) -> Conflict:
    """The 409 for a name that exists."""
    return Conflict(f"There is a tag {name} already.", code="duplicate_tag", field="name")


def write(tag: Tag) -> None:
    """Save; a race that the check missed ends at the unique index."""
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError as error:
        raise taken(tag.name) from error
