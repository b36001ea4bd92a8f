"""/api/custom-fields: the fields that an organization adds to its customers."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Field, Query, Router, Status
from pydantic import StrictBool

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.api_lists import ListQuery, listed
from billing.web.shapes import Listing, Object
from customers.actions.custom_fields import create_custom_field, delete_custom_field, update_custom_field
from customers.models import CustomField, FieldKind
from customers.queries.shapes import CustomFieldOut, TakenOffOut

router = Router(tags=["Custom fields"])


class CustomFieldIn(ApiSchema):
    """A new field: `kind` is text, number, date, boolean, choice (with `choices`) or url."""

    name: str
    code: str
    kind: str = FieldKind.TEXT.value
    choices: list[str] = Field(default_factory=list)
    required: StrictBool = False
    on_list: StrictBool = False
    on_invoice: StrictBool = False


class CustomFieldChanges(ApiSchema):
    """What PATCH takes; null is refused, since every part of a field has a value."""

    name: str = ""
    code: str = ""
    kind: str = ""
    choices: list[str] = Field(default_factory=list)
    required: StrictBool = False
    on_list: StrictBool = False
    on_invoice: StrictBool = False


def payload(field: CustomField) -> CustomFieldOut:
    """A field's definition."""
    return {
        "id": field.public_id,
        "code": field.code,
        "name": field.name,
        "kind": field.kind,
        "choices": field.choices,
        "required": field.required,
        "onList": field.on_list,
        "onInvoice": field.on_invoice,
        "position": field.position,
        "createdAt": field.created_at,
        "updatedAt": field.updated_at,
    }


def find(request: HttpRequest, id: str) -> CustomField:
    """The organization's field, or 404."""
    rows = CustomField.objects.of(cast(ApiRequest, request).organization)
    return cast(CustomField, rows.by_public_id(id))


class FieldsQuery(ListQuery):
    """A page of the list."""

    SORTS: ClassVar = {"position": "position,name", "name": "name", "createdAt": "created_at"}
    USUAL: ClassVar = "asc"


@router.get("")
def list_fields(request: HttpRequest, filters: Query[FieldsQuery]) -> Listing[CustomFieldOut]:
    """In the order of the form."""
    rows = CustomField.objects.of(cast(ApiRequest, request).organization)
    return listed(request, rows, payload, filters)


@router.post("", response={201: dict[str, Any]})
def add_field(request: HttpRequest, body: CustomFieldIn) -> Status[Object[CustomFieldOut]]:
    """A new field; 409 for a code that exists."""
    staff = cast(ApiRequest, request)
    at = now(staff.organization)
    field = create_custom_field(staff.organization, body.model_dump(), by=staff.actor, at=at)
    return Status(201, envelope(payload(field)))


@router.get("/{id}")
def get_field(request: HttpRequest, id: str) -> Object[CustomFieldOut]:
    """One field."""
    return envelope(payload(find(request, id)))


@router.patch("/{id}")
def patch_field(request: HttpRequest, id: str, body: CustomFieldChanges) -> Object[CustomFieldOut]:
    """Change the given parts; 409 for a code, kind or choice that customers have values of."""
    staff, field = cast(ApiRequest, request), find(request, id)
    changes = body.model_dump(exclude_unset=True)
    field = update_custom_field(field, changes, by=staff.actor, at=now(staff.organization))
    return envelope(payload(field))


@router.delete("/{id}")
def remove_field(request: HttpRequest, id: str) -> Object[TakenOffOut]:
    """Delete the field and its values on all customers. Issued invoices keep what they show."""
    staff, field = cast(ApiRequest, request), find(request, id)
    count = delete_custom_field(field, by=staff.actor, at=now(staff.organization))
    return envelope({"id": id, "deleted": True, "customersCount": count})
