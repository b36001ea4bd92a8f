"""Tags of an organization, and which of them a customer has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, Func, IntegerField, OuterRef, UUIDField
from django.db.models.functions import JSONObject

from billing.models import Organization
from customers.models import Customer, Tag


def tags_by_id(organization: Organization) -> dict[UUID, Tag]:
    """All tags by id, in the order of their names. One query; a page that shows many customers asks once."""
    return {tag.pk: tag for tag in Tag.objects.of(organization)}


def tag_names(organization: Organization) -> dict[UUID, str]:
    """The names by id."""
    return dict(Tag.objects.of(organization).values_list("pk", "name"))


def tag_rows() -> ArraySubquery:
    """The tags as a column of the customers' query, `tag_rows`: {id, name, color} in the order of the names."""
    place = Func(OuterRef("tag_ids"), F("pk"), function="array_position", output_field=IntegerField())
    rows = Tag.objects.filter(organization=OuterRef("organization")).annotate(place=place)
    rows = rows.filter(place__isnull=False)
    return ArraySubquery(rows.values(row=JSONObject(id="pk", name="name", color="color")))


def tags_of(customer: Customer) -> list[Tag]:
    """The customer's tags in the order of their names; no query when they came with it (`tag_rows`)."""
    if not customer.tag_ids:
        return []
    if (rows := vars(customer).get("tag_rows")) is not None:
        return [Tag(id=UUID(row["id"]), name=row["name"], color=row["color"]) for row in rows]
    return list(Tag.objects.of(customer.organization_id).filter(pk__in=customer.tag_ids))


def names_of(ids: Iterable[UUID]) -> list[str]:
    """The names of these tags, in the order of the names."""
    wanted = list(ids)
    return list(Tag.objects.filter(pk__in=wanted).values_list("name", flat=True)) if wanted else []


def tag_uses(organization: Organization) -> dict[UUID, int]:
    """How many customers that are not deleted have each tag. One query."""
    rows = Customer.objects.of(organization).kept().exclude(tag_ids=[]).order_by()
    each = Func("tag_ids", function="unnest", output_field=UUIDField())
    return dict(rows.annotate(tag=each).values_list("tag").annotate(n=Count("pk")))


def tagged_with_all(rows: Any, organization: Organization, names: Iterable[str]) -> Any:
    """Customers that have every one of these tags (names without case); an unknown name finds nobody."""
    known = {name.casefold(): key for key, name in tag_names(organization).items()}
    wanted = [known.get(name.strip().casefold()) for name in names if name.strip()]
    if None in wanted:
        return rows.none()
    return rows.filter(tag_ids__contains=wanted) if wanted else rows
