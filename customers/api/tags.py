"""/api/tags: the words that customers are grouped by. Which customer has which is a field of the customer."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models.functions import Lower
from django.http import HttpRequest
from ninja import Query, Router, Status

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.actions.tag_list import create_tag, delete_tag, update_tag
from customers.models import Tag, TagColor
from customers.queries.shapes import TagOut, TakenOffOut
from customers.queries.tags import tag_uses

router = Router(tags=["Tags"])


class TagIn(ApiSchema):
    """A new tag."""

    name: str
    color: str = TagColor.GREY.value


class TagChanges(ApiSchema):
    """What PATCH takes."""

    name: str | None = None
    color: str | None = None


def payload(tag: Tag, count: int) -> TagOut:
    """A tag with the number of customers that have it."""
    return {
        "id": tag.public_id,
        "name": tag.name,
        "color": tag.color,
        "customersCount": count,
        "createdAt": tag.created_at,
        "updatedAt": tag.updated_at,
    }


def find(request: HttpRequest, id: str) -> Tag:
    """The organization's tag, or 404."""
    return cast(Tag, Tag.objects.of(cast(ApiRequest, request).organization).by_public_id(id))


class TagsQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"name": "folded", "createdAt": "created_at"}
    USUAL: ClassVar = "asc"


@router.get("")
def list_tags(request: HttpRequest, filters: Query[TagsQuery]) -> Listing[TagOut]:
    """By name."""
    organization = cast(ApiRequest, request).organization
    uses = tag_uses(organization)
    rows = Tag.objects.of(organization).annotate(folded=Lower("name"))
    return listed(request, rows, lambda tag: payload(tag, uses.get(tag.pk, 0)), filters)


@router.post("", response={201: dict[str, Any]})
def add_tag(request: HttpRequest, body: TagIn) -> Status[Object[TagOut]]:
    """A new tag; 409 when there is one of that name without case."""
    staff = cast(ApiRequest, request)
    at = now(staff.organization)
    tag = create_tag(staff.organization, body.name, body.color, by=staff.actor, at=at)
    return Status(201, envelope(payload(tag, 0)))


@router.get("/{id}")
def get_tag(request: HttpRequest, id: str) -> Object[TagOut]:
    """One tag."""
    tag = find(request, id)
    return envelope(payload(tag, tag_uses(tag.organization).get(tag.pk, 0)))


@router.patch("/{id}")
def patch_tag(request: HttpRequest, id: str, body: TagChanges) -> Object[TagOut]:
    """Rename or recolour."""
    staff, tag = cast(ApiRequest, request), find(request, id)
    tag = update_tag(tag, name=body.name, color=body.color, by=staff.actor, at=now(staff.organization))
    return envelope(payload(tag, tag_uses(staff.organization).get(tag.pk, 0)))


@router.delete("/{id}")
def remove_tag(request: HttpRequest, id: str) -> Object[TakenOffOut]:
    """Delete the tag and take it off every customer."""
    staff, tag = cast(ApiRequest, request), find(request, id)
    count = delete_tag(tag, by=staff.actor, at=now(staff.organization))
    return envelope({"id": id, "deleted": True, "customersCount": count})
