"""The customers list: what the URL asks for, as rows and as removable chips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from billing.forms.lists import LongSelect, countries, country_name, currencies, with_empty
from billing.models import BillingEntity, Organization
from billing.orm.search import matching
from customers.models import Customer, CustomerStatus
from customers.queries.overview import SUBSCRIBED

SORTS = {"name": "name", "email": "email", "currency": "currency", "created": "created_at"}
DEFAULT_SORT = "-created"
SUBSCRIPTIONS = [("", "With or without"), ("yes", "With an active one"), ("no", "Without an active one")]


class Filters(forms.Form):
    """The filters of the list; a value that means nothing is ignored."""

    q = forms.CharField(required=False, max_length=100)
    status = forms.ChoiceField(choices=with_empty("Any", CustomerStatus.choices), required=False)
    currency = forms.ChoiceField(choices=with_empty("Any", currencies()), required=False, widget=LongSelect)
    country = forms.ChoiceField(choices=with_empty("Any", countries()), required=False, widget=LongSelect)
    entity = forms.ChoiceField(label="Billing entity", required=False)
    subscriptions = forms.ChoiceField(choices=SUBSCRIPTIONS, required=False)

    def __init__(self, data: QueryDict, organization: Organization) -> None:
        super().__init__(data, auto_id="filter_%s")
        entities = BillingEntity.objects.of(organization).kept()
        self.entities = {row.public_id: row for row in entities}
        named = [(key, row.name) for key, row in self.entities.items()]
        self.fields["entity"].choices = with_empty("Any", named)  # type: ignore[attr-defined]
        if len(self.entities) < 2:
            del self.fields["entity"]
        self.is_valid()
        self.values = {name: value for name, value in self.cleaned_data.items() if value}


@dataclass(frozen=True)
class Listing:
    """Rows without order, the form, and what stands on the chips."""

    rows: QuerySet[Any]
    form: Filters
    chips: list[dict[str, str]]
    narrowed: bool


def listing(organization: Organization, query: QueryDict) -> Listing:
    """Customers that are not deleted, narrowed by the URL."""
    form = Filters(query, organization)
    values = form.values
    rows: QuerySet[Any] = Customer.objects.of(organization).kept()
    for name in ("status", "currency", "country"):
        if name in values:
            rows = rows.filter(**{name: values[name]})
    if "entity" in values:
        rows = rows.filter(billing_entity=form.entities[values["entity"]])
    if "subscriptions" in values:
        rows = rows.filter(SUBSCRIBED) if values["subscriptions"] == "yes" else rows.exclude(SUBSCRIBED)
    if "q" in values:
        rows = matching(rows, values["q"])
    return Listing(rows, form, chips(form, query), bool(values))


def chips(form: Filters, query: QueryDict) -> list[dict[str, str]]:
    """The filters in force, each with the URL that leaves it out."""
    found = []
    for name, value in form.values.items():
        rest = query.copy()
        for gone in (name, "page"):
            rest.pop(gone, None)
        label = "Search" if name == "q" else str(form[name].label)
        url = f"?{rest.urlencode()}"
        found.append({"label": label, "value": words(form, name, value), "remove_url": url})
    return found


def words(form: Filters, name: str, value: str) -> str:
    """A filter's value for people."""
    if name == "country":
        return country_name(value)
    if name in ("q", "currency"):
        return value
    return str(dict(form.fields[name].choices)[value])  # type: ignore[attr-defined]


def tidy(query: QueryDict, path: str) -> str:
    """The list's address without empty parameters, for the address bar."""
    rest = query.copy()
    for name in list(rest):
        if not rest[name]:
            del rest[name]
    return f"{path}?{rest.urlencode()}" if rest else path
