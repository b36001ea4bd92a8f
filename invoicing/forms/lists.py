"""Filters of the lists of invoices, payments and credit notes. A value that means nothing is ignored."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from billing.forms.days import DayField
from billing.forms.lists import LongSelect, currency_codes, with_empty
from billing.web.formats import day_text
from invoicing.models import InvoiceType


def day_field(label: str) -> DayField:
    """A day, chosen in the browser's own calendar."""
    return DayField(
        label=label, required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )


class ListFilters(forms.Form):
    """What every list of documents can be narrowed by: words, currency, days, one customer."""

    q = forms.CharField(required=False, max_length=100)
    currency = forms.ChoiceField(
        choices=with_empty("Any", currency_codes()), required=False, widget=LongSelect
    )
    issued_from = day_field("From")
    issued_to = day_field("To")
    customer = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, *, of_one: bool = False) -> None:
        """`of_one`: the list is a tab of one customer's page, another customer cannot be asked for."""
        super().__init__(data, auto_id="filter_%s")
        if of_one:
            del self.fields["customer"]
        self.is_valid()
        self.values: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}

    def chips(self, query: QueryDict, names: dict[str, str]) -> list[dict[str, str]]:
        """The filters in force, each with the URL that leaves it out; `names` says values otherwise."""
        found = []
        for name in self.values:
            rest = query.copy()
            for gone in (name, "page"):
                rest.pop(gone, None)
            label = "Search" if name == "q" else str(self[name].label)
            url = f"?{rest.urlencode()}"
            found.append({"label": label, "value": names.get(name) or self.words(name), "remove_url": url})
        return found

    def words(self, name: str) -> str:
        """A filter's value for people."""
        value = self.values[name]
        field = self.fields[name]
        if isinstance(field, forms.DateField):
            return day_text(value)
        if isinstance(field, forms.ChoiceField) and name != "currency":
            return str(dict(field.choices)[value])  # type: ignore[arg-type]
        return str(value)


class InvoiceFilters(ListFilters):
    """The invoices list."""

    type = forms.ChoiceField(choices=with_empty("Any", InvoiceType.choices), required=False)
    review = forms.ChoiceField(
        label="Review", choices=[("", "Any"), ("waiting", "Tax to look at again")], required=False
    )
    due_from = day_field("Due from")
    due_to = day_field("Due to")


class PaymentFilters(ListFilters):
    """The payments list: the days are those on which the money came."""

    state = forms.ChoiceField(
        label="Status",
        choices=[
            ("", "Any"),
            ("successful", "Successful"),
            ("refunded", "Money given back"),
            ("pending", "Pending"),
            ("failed", "Failed"),
        ],
        required=False,
    )


class CreditNoteFilters(ListFilters):
    """The credit notes list."""

    state = forms.ChoiceField(
        label="Balance",
        choices=[("", "Any"), ("available", "Available"), ("consumed", "Used up"), ("voided", "Voided")],
        required=False,
    )
