"""Form fields for the fields that an organization adds to its customers, and the form of such a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from billing.forms.codes import fill_code
from billing.forms.lists import with_empty
from billing.models import Organization
from customers.models import Customer, CustomField, FieldKind
from customers.queries.custom_fields import definition
from customers.rules.custom_fields import value_of
from customers.rules.values import Refused

PREFIX = "own_"


class OwnField(forms.CharField):
    """A value as a text, read by the kind of its field."""

    def __init__(self, field: CustomField, **kwargs: Any) -> None:
        self.own = definition(field)
        super().__init__(label=field.name, required=field.required, **kwargs)

    def clean(self, value: Any) -> Any:
        try:
            found = value_of(self.own, value)
        except Refused as error:
            raise forms.ValidationError(str(error)) from None
        if found is None and self.required:
            raise forms.ValidationError("This field is required.")
        return found


def own_field(field: CustomField) -> OwnField:
    """The form field of a custom field."""
    if field.kind == FieldKind.CHOICE:
        choices = with_empty("Choose", [(choice, choice) for choice in field.choices])
        return OwnField(field, widget=forms.Select(choices=choices))
    if field.kind == FieldKind.BOOLEAN:
        choices = with_empty("Not said", [("true", "Yes"), ("false", "No")])
        return OwnField(field, widget=forms.Select(choices=choices))
    attrs = {
        FieldKind.DATE: {"type": "date"},
        FieldKind.NUMBER: {"inputmode": "decimal"},
        FieldKind.URL: {"inputmode": "url"},
    }.get(FieldKind(field.kind), {})
    return OwnField(field, widget=forms.TextInput(attrs=attrs))


def own_initial(customer: Customer | None, fields: list[CustomField]) -> dict[str, str]:
    """The values as the form shows them."""
    values = customer.custom_fields if customer else {}
    return {f"{PREFIX}{field.code}": as_text(values.get(field.code)) for field in fields}


def as_text(value: Any) -> str:
    """A stored value in an input."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def own_values(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a cleaned form by code."""
    return {name.removeprefix(PREFIX): value for name, value in cleaned.items() if name.startswith(PREFIX)}


class CustomFieldForm(forms.Form):
    """A field of the organization's own."""

    name = forms.CharField(max_length=80)
    code = forms.SlugField(
        max_length=50, required=False, help_text="The key in the API. Left empty, it is made from the name."
    )
    kind = forms.ChoiceField(choices=FieldKind.choices, initial=FieldKind.TEXT.value)
    choices = forms.CharField(
        required=False,
        max_length=6000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For one of a list: one choice per line.",
    )
    required = forms.BooleanField(required=False, label="Needed for new customers")
    on_list = forms.BooleanField(required=False, label="Offer as a column of the customers list")
    on_invoice = forms.BooleanField(required=False, label="Print on invoices")

    def __init__(
        self, *args: Any, organization: Organization, field: CustomField | None = None, **kwargs: Any
    ) -> None:
        if field is not None:
            names = ("name", "code", "kind", "required", "on_list", "on_invoice")
            kwargs["initial"] = {name: getattr(field, name) for name in names} | {
                "choices": "\n".join(field.choices)
            }
        super().__init__(*args, **kwargs)
        self.rows = CustomField.objects.of(organization)

    def clean(self) -> dict[str, Any]:
        """A code from the name when none was given."""
        data = dict(super().clean() or self.cleaned_data)
        fill_code(self, data)
        return data

    def values(self) -> dict[str, Any]:
        """For the action."""
        return self.cleaned_data | {"choices": self.cleaned_data["choices"].splitlines()}
