"""The fields that an organization adds to its customers: definitions, and a customer's values in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from billing.models import Organization
from customers.models import Customer, CustomField, FieldKind
from customers.rules.custom_fields import Definition, plain_value


@dataclass(frozen=True)
class Shown:
    """A field with a customer's value: as it is stored, and in words (empty for none)."""

    field: CustomField
    value: Any
    text: str

    @property
    def day(self) -> date | None:
        """The value of a date."""
        return date.fromisoformat(self.text) if self.field.kind == FieldKind.DATE and self.text else None


def custom_fields(organization: Organization) -> list[CustomField]:
    """All fields in their order."""
    return list(CustomField.objects.of(organization))


def definition(field: CustomField) -> Definition:
    """What the rules read of a field."""
    return Definition(field.code, field.name, field.kind, tuple(field.choices), field.required)


def definitions(organization: Organization) -> list[Definition]:
    """All fields as the rules read them."""
    return [definition(field) for field in custom_fields(organization)]


def shown(customer: Customer, fields: list[CustomField]) -> list[Shown]:
    """The customer's values of these fields, in their order."""
    values = [(field, customer.custom_fields.get(field.code)) for field in fields]
    return [Shown(field, value, plain_value(definition(field), value)) for field, value in values]


def field_use(field: CustomField) -> int:
    """How many customers that are not deleted have a value."""
    rows = Customer.objects.of(field.organization_id).kept()
    return rows.filter(custom_fields__has_key=field.code).count()
