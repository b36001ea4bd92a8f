"""The fields that an organization adds to its customers: adding, changing, ordering, deleting.

Code and kind stand still once a customer has a value, since values are kept in the JSON type of the kind under the
code; a choice that a customer has cannot be taken out of the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from billing.actions import audit
from billing.models import Organization
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors
from customers.models import Customer, CustomField, FieldKind
from customers.rules.values import Refused, text

FIELDS = ("name", "code", "kind", "choices", "required", "on_list", "on_invoice")
FIXED = ("code", "kind")
MAX_FIELDS, MAX_CHOICES = 40, 60


@transaction.atomic
def create_custom_field(
    organization: Organization, values: Mapping[str, Any], *, by: Actor, at: datetime
) -> CustomField:
    """A new field at the end. `values` by FIELDS. Raises FieldErrors, Conflict (`duplicate_code`)."""
    rows = CustomField.objects.of(organization)
    if rows.count() >= MAX_FIELDS:
        raise Conflict(f"An organization has at most {MAX_FIELDS} fields of its own.", code="too_many")
    last = rows.aggregate(last=Max("position"))["last"]
    field = CustomField(organization=organization, position=0 if last is None else last + 1)
    assign(field, values)
    write(field)
    changes = {name: (None, value) for name, value in audit.snapshot(field, FIELDS).items() if value}
    audit.record(organization, "custom_field.created", field, by=by, at=at, changes=changes)
    return field


@transaction.atomic
def update_custom_field(
    field: CustomField, changes: Mapping[str, Any], *, by: Actor, at: datetime
) -> CustomField:
    """Change some of FIELDS. No difference writes nothing. Raises Conflict (`custom_field_in_use`) for what customers
    have values of.
    """
    field = CustomField.objects.select_for_update().get(pk=field.pk)
    before = audit.snapshot(field, FIELDS)
    assign(field, changes)
    different = audit.differences(before, field)
    if not different:
        return field
    refuse_used(field, different)
    write(field)
    audit.record(field.organization, "custom_field.updated", field, by=by, at=at, changes=different)
    return field


@transaction.atomic
def move_custom_field(field: CustomField, *, up: bool, by: Actor, at: datetime) -> None:
    """Change places with the neighbour; the first one does not move up, the last one not down."""
    rows = list(
        CustomField.objects.of(field.organization_id).select_for_update().order_by("position", "name")
    )
    here = next(index for index, row in enumerate(rows) if row.pk == field.pk)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(rows):
        return
    before = [row.name for row in rows]
    rows[here], rows[there] = rows[there], rows[here]
    for position, row in enumerate(rows):
        row.position = position
    CustomField.objects.bulk_update(rows, ["position"])
    changes = {"order": (before, [row.name for row in rows])}
    audit.record(field.organization, "custom_field.moved", field, by=by, at=at, changes=changes)


@transaction.atomic
def delete_custom_field(field: CustomField, *, by: Actor, at: datetime) -> int:
    """Delete the field and its values. Returns how many customers had one; issued invoices keep what they show."""
    rows = Customer.objects.of(field.organization).filter(custom_fields__has_key=field.code)
    ids = list(rows.locked().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_customer SET custom_fields = custom_fields - %s WHERE id = ANY(%s)",
            [field.code, ids],
        )
    changes = {"name": (field.name, None), "customers": (len(ids), 0)}
    audit.record(field.organization, "custom_field.deleted", field, by=by, at=at, changes=changes)
    field.delete()
    return len(ids)


def assign(field: CustomField, values: Mapping[str, Any]) -> None:
    """Set the given columns, checked, as errors by field."""
    unknown = sorted(set(values) - set(FIELDS))
    errors = [(name, "Unknown field.") for name in unknown]
    for name in set(FIELDS) & set(values):
        try:
            setattr(field, name, clean_choices(values[name]) if name == "choices" else spelled(name, values))
        except Refused as error:
            errors.append((name, str(error)))
    if field.kind == FieldKind.CHOICE and not field.choices and not errors:
        errors.append(("choices", "List what can be chosen."))
    if field.kind != FieldKind.CHOICE:
        field.choices = []
    try:
        field.clean_fields(exclude={"organization", "position"})
    except ValidationError as error:
        found = error.message_dict.items()
        errors += [(name, message) for name, messages in found for message in messages]
    if errors:
        raise FieldErrors(errors)


def spelled(name: str, values: Mapping[str, Any]) -> Any:
    """Texts on one line; flags as they are."""
    return text(values[name]) if name in ("name", "code", "kind") else values[name]


def clean_choices(value: Any) -> list[str]:
    """Each choice once, in the given order."""
    if not isinstance(value, Iterable) or isinstance(value, str):
        raise Refused("Send a list of texts.")
    found = list(dict.fromkeys(word for item in value if (word := text(item))))
    if len(found) > MAX_CHOICES:
        raise Refused(f"At most {MAX_CHOICES} choices are kept.")
    return found


def refuse_used(field: CustomField, different: Mapping[str, tuple[Any, Any]]) -> None:
    """What customers have values of stays as it is."""
    old_code = different["code"][0] if "code" in different else field.code
    rows = Customer.objects.of(field.organization).kept()
    for name in FIXED:
        if name in different and (count := rows.filter(custom_fields__has_key=old_code).count()):
            word = "customer has" if count == 1 else "customers have"
            message = f"{count} {word} a value: this can no longer change."
            raise Conflict(message, code="custom_field_in_use", field=name)
    if "choices" in different and field.kind == FieldKind.CHOICE and "kind" not in different:
        for choice in set(different["choices"][0]) - set(field.choices):
            if rows.filter(custom_fields__contains={old_code: choice}).exists():
                message = f"Customers have {choice}: it cannot be taken out."
                raise Conflict(message, code="custom_field_in_use", field="choices")


def write(field: CustomField) -> None:
    """Save; a code that exists is a 409."""
    try:
        with transaction.atomic():
            field.save()
    except IntegrityError as error:
        message = f"There is a field with the code {field.code} already."
        raise Conflict(message, code="duplicate_code", field="code") from error
