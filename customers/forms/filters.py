"""The filters of the customers list: what the address says, as a form, as values and as removable chips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from typing import Any

from django import forms
from django.http import QueryDict

from billing.forms.lists import LongSelect, countries, country_name, currency_codes, with_empty
from billing.models import BillingEntity, Organization
from billing.web.formats import day_text, units_text
from customers.models import CustomerStatus, CustomerType, CustomField, FieldKind, Mode, VatStatus
from customers.queries.countries import countries_in_use
from customers.queries.tags import tags_by_id

YES_NO = [("yes", "Yes"), ("no", "No")]
SUBSCRIPTIONS = [("", "With or without"), ("yes", "With an active one"), ("no", "Without an active one")]
# Which fields stand under which heading of the panel; those of custom fields follow.
GROUPS = (
    ("", ("status", "customer_type", "country", "currency", "entity")),
    ("Money", ("subscriptions", "overdue", "outstanding_min", "outstanding_max", "mode")),
    ("More", ("vat_status", "created_from", "created_to")),
)
RENAMED = {"customer_type": "type", "vat_status": "vat"}  # shorter in the address


class TagNames(forms.Field):
    """Names of tags, parted by commas or sent one by one."""

    widget = forms.SelectMultiple

    def clean(self, value: Any) -> list[str]:
        names = [name.strip() for part in value or [] for name in str(part)[:500].split(",")]
        return list(dict.fromkeys(name for name in names if name))[:50]


class Day(forms.DateField):
    """A day as the browser's own control sends it."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def amount(label: str, **limits: Any) -> forms.DecimalField:
    """A bound of a range."""
    widget = forms.TextInput(attrs={"inputmode": "decimal"})
    return forms.DecimalField(
        label=label, required=False, max_digits=18, decimal_places=6, widget=widget, **limits
    )


class InUse:
    """The countries that the panel offers; asked for when it is shown. Any country may stand in the address."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization

    def __iter__(self) -> Iterator[tuple[str, str]]:
        named = [(code, country_name(code)) for code in countries_in_use(self.organization)]
        yield from with_empty("Any", sorted(named, key=itemgetter(1)))


class Filters(forms.Form):
    """The filters of the list. A value that means nothing is ignored; a wrong amount or day says so at its field."""

    q = forms.CharField(label="Search", required=False, max_length=100)
    tags = TagNames(required=False)
    status = forms.ChoiceField(choices=with_empty("Any", CustomerStatus.choices), required=False)
    customer_type = forms.ChoiceField(
        label="Type", choices=with_empty("Any", CustomerType.choices), required=False
    )
    country = forms.ChoiceField(choices=with_empty("Any", countries()), required=False, widget=LongSelect)
    currency = forms.ChoiceField(
        choices=with_empty("Any", currency_codes()), required=False, widget=LongSelect
    )
    entity = forms.ChoiceField(label="Billing entity", required=False)
    subscriptions = forms.ChoiceField(choices=SUBSCRIPTIONS, required=False)
    overdue = forms.ChoiceField(label="Overdue invoices", choices=with_empty("Any", YES_NO), required=False)
    outstanding_min = amount("Outstanding from", min_value=0)
    outstanding_max = amount("Outstanding up to", min_value=0)
    mode = forms.ChoiceField(choices=with_empty("Any", Mode.choices), required=False)
    vat_status = forms.ChoiceField(
        label="VAT number", choices=with_empty("Any", VatStatus.choices), required=False
    )
    created_from = Day(label="Created from", required=False)
    created_to = Day(label="Created up to", required=False)

    def __init__(self, data: QueryDict, organization: Organization, fields: Sequence[CustomField]) -> None:
        super().__init__(data, auto_id="filter_%s")
        entities = BillingEntity.objects.of(organization).kept()
        self.fields["country"].widget.choices = InUse(organization)
        self.entities = {row.public_id: row for row in entities}
        named = [(key, row.name) for key, row in self.entities.items()]
        self.fields["entity"].choices = with_empty("Any", named)  # type: ignore[attr-defined]
        if len(self.entities) < 2:
            del self.fields["entity"]
        self.own = list(fields)
        for field in self.own:
            self.fields.update(own_filters(field))
        self.tag_list = list(tags_by_id(organization).values())
        self.is_valid()
        self.values = {
            name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])
        }

    def add_prefix(self, field_name: str) -> str:
        return RENAMED.get(field_name, field_name)

    def conditions(self) -> dict[str, Any]:
        """The values as `queries/narrow.py` reads them."""
        found = dict(self.values)
        if "entity" in found:
            found["entity"] = self.entities[found["entity"]]
        return found

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The panel: headings with their fields."""
        own = [name for name in self.fields if name.startswith("field_")]
        groups = [*GROUPS, ("Your own fields", tuple(own))]
        found = [(title, [self[name] for name in names if name in self.fields]) for title, names in groups]
        return [(title, fields) for title, fields in found if fields]

    def tag_boxes(self) -> list[dict[str, Any]]:
        """Each tag, and whether it is asked for."""
        asked = {name.casefold() for name in self.values.get("tags", [])}
        return [{"tag": tag, "on": tag.name.casefold() in asked} for tag in self.tag_list]

    def chips(self, query: QueryDict) -> list[dict[str, str]]:
        """The filters in force, each with the URL that leaves it out."""
        found = []
        for name, value in self.values.items():
            for one in value if name == "tags" else [value]:
                rest = query.copy()
                for gone in (self.add_prefix(name), "page", "cursor"):
                    rest.pop(gone, None)
                if name == "tags" and (others := [tag for tag in value if tag != one]):
                    rest["tags"] = ",".join(others)
                label = "Tag" if name == "tags" else str(self[name].label)
                url = f"?{rest.urlencode(safe=',')}"
                found.append({"label": label, "value": self.words(name, one), "remove_url": url})
        return found

    def words(self, name: str, value: Any) -> str:
        """A filter's value for people."""
        if name == "country":
            return country_name(value)
        if isinstance(value, Decimal):
            return units_text(value)
        if isinstance(value, date):
            return day_text(value)
        choices = getattr(self.fields[name], "choices", ())
        return str(value if name == "currency" else dict(choices).get(value, value))


def own_filters(field: CustomField) -> dict[str, forms.Field]:
    """The form fields by which a custom field is filtered."""
    name = f"field_{field.code}"
    if field.kind == FieldKind.BOOLEAN:
        choices = with_empty("Any", YES_NO)
        return {name: forms.ChoiceField(label=field.name, choices=choices, required=False)}
    if field.kind == FieldKind.CHOICE:
        choices = with_empty("Any", [(choice, choice) for choice in field.choices])
        return {name: forms.ChoiceField(label=field.name, choices=choices, required=False)}
    if field.kind == FieldKind.NUMBER:
        return {
            f"{name}_min": amount(f"{field.name} from"),
            f"{name}_max": amount(f"{field.name} up to"),
        }
    if field.kind == FieldKind.DATE:
        return {
            f"{name}_min": Day(label=f"{field.name} from", required=False),
            f"{name}_max": Day(label=f"{field.name} up to", required=False),
        }
    return {name: forms.CharField(label=field.name, max_length=100, required=False)}
