"""Forms of the customer portal: a new link for staff, own data for the customer."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms

from billing.forms.lists import LongSelect, countries, with_empty
from billing.rules.errors import FieldErrors
from customers.models import Customer
from customers.rules.fields import clean_fields

DAYS = [("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "A year")]


class LinkForm(forms.Form):
    """How long a new link works."""

    days = forms.ChoiceField(label="Works for", choices=DAYS, initial="7")


class OwnDataForm(forms.ModelForm):
    """What customers may change of themselves: whom to reach, and what stands as the buyer on later invoices."""

    class Meta:
        model = Customer
        fields: ClassVar = [
            "legal_name",
            "first_name",
            "last_name",
            "email",
            "phone",
            "address_line1",
            "address_line2",
            "postal_code",
            "city",
            "state",
            "country",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].required = True
        self.fields["email"].help_text = "Invoices are sent here."
        self.fields["country"] = forms.ChoiceField(
            choices=with_empty("Choose a country", countries()), widget=LongSelect, required=False
        )

    def clean(self) -> dict[str, Any]:
        """The rules that staff and API follow too."""
        values = dict(super().clean() or self.cleaned_data)
        try:
            values |= clean_fields(values)
        except FieldErrors as error:
            for name, text in error.errors:
                self.add_error(name if name in self.fields else None, text)
        return values
