"""Filters of the lists of invoices, payments and credit notes. A value that means nothing is ignored."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.apps import apps
from django.http import QueryDict

from billing.forms.days import DayField
from billing.forms.lists import LongSelect, currency_codes, with_empty
from billing.models import BillingEntity, Organization
from billing.rules.ids import decode
from billing.web.formats import day_text, units_text
from invoicing.models import InvoiceType, ProviderType
from invoicing.queries.listing import PAYMENT_TABS
from invoicing.rules.crediting import CreditReason

YES_NO = [("", "Any"), ("yes", "Yes"), ("no", "No")]


def amount(label: str) -> forms.DecimalField:
    """A bound of a range, in major units."""
    widget = forms.TextInput(attrs={"inputmode": "decimal"})
    return forms.DecimalField(
        label=label, required=False, min_value=0, max_digits=18, decimal_places=6, widget=widget
    )


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
        self.prepare()
        self.is_valid()
        self.values: dict[str, Any] = {
            name: value for name, value in self.cleaned_data.items() if value not in (None, "")
        }

    def prepare(self) -> None:
        """Fill in choices that depend on the organization, before the values are read."""

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
        if isinstance(value, Decimal):
            return units_text(value)
        if isinstance(field, forms.ChoiceField) and name != "currency":
            return str(dict(field.choices)[value])  # type: ignore[arg-type]
        return str(value)


class DocumentFilters(ListFilters):
    """What lists of documents can be narrowed by besides: number, amount, billing entity."""

    GROUPS: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()

    number = forms.CharField(required=False, max_length=80)
    amount_min = amount("Amount from")
    amount_max = amount("Amount up to")
    entity = forms.ChoiceField(label="Billing entity", required=False)

    def __init__(self, data: QueryDict, organization: Organization, *, of_one: bool = False) -> None:
        self.organization = organization
        self.entities = {row.public_id: row for row in BillingEntity.objects.of(organization).kept()}
        super().__init__(data, of_one=of_one)

    def prepare(self) -> None:
        named = [(key, row.name) for key, row in self.entities.items()]
        self.fields["entity"].choices = with_empty("Any", named)  # type: ignore[attr-defined]
        if len(self.entities) < 2:
            del self.fields["entity"]

    def conditions(self) -> dict[str, Any]:
        """The values as `invoicing/queries/narrow.py` reads them."""
        found = dict(self.values)
        if "entity" in found:
            found["entity"] = self.entities[found["entity"]]
        return found

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The panel: headings with their fields."""
        found = [
            (title, [self[name] for name in names if name in self.fields]) for title, names in self.GROUPS
        ]
        return [(title, fields) for title, fields in found if fields]


class InvoiceFilters(DocumentFilters):
    """The invoices list."""

    GROUPS = (
        ("", ("status", "payment", "type", "currency", "entity", "tag")),
        ("Money", ("amount_min", "amount_max", "overdue", "disputed")),
        ("Days", ("issued_from", "issued_to", "due_from", "due_to", "paid_from", "paid_to")),
        ("More", ("number", "po", "metadata", "review")),
    )

    status = forms.ChoiceField(
        choices=[("", "Any"), ("draft", "Draft"), ("finalized", "Finalized"), ("voided", "Voided")],
        required=False,
    )
    payment = forms.ChoiceField(
        choices=[
            ("", "Any"),
            ("unpaid", "Nothing paid"),
            ("partially_paid", "Partially paid"),
            ("paid", "Paid"),
            ("failed", "Payment failed"),
            ("written_off", "Written off"),
        ],
        required=False,
    )
    type = forms.ChoiceField(choices=with_empty("Any", InvoiceType.choices), required=False)
    tag = forms.ChoiceField(label="Customer tag", required=False)
    overdue = forms.ChoiceField(choices=YES_NO, required=False)
    disputed = forms.ChoiceField(choices=YES_NO, required=False)
    issued_from = day_field("Issued from")
    issued_to = day_field("Issued up to")
    due_from = day_field("Due from")
    due_to = day_field("Due up to")
    paid_from = day_field("Paid from")
    paid_to = day_field("Paid up to")
    po = forms.CharField(label="Purchase order", required=False, max_length=100)
    metadata = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput(attrs={"placeholder": "key or key=value"})
    )
    review = forms.ChoiceField(
        label="Review", choices=[("", "Any"), ("waiting", "Tax to look at again")], required=False
    )

    def prepare(self) -> None:
        super().prepare()
        tags = apps.get_model("customers", "Tag").objects.of(self.organization)
        named = [(tag.public_id, tag.name) for tag in tags]
        self.fields["tag"].choices = with_empty("Any", named)  # type: ignore[attr-defined]
        if not named:
            del self.fields["tag"]

    def conditions(self) -> dict[str, Any]:
        found = super().conditions()
        if "tag" in found:
            found["tag"] = decode("tag", found["tag"])
        return found


class PaymentFilters(ListFilters):
    """The payments list: the days are those on which the money came."""

    method = forms.ChoiceField(
        label="Method",
        choices=[("", "Any"), ("online", "Online"), *ProviderType.choices, ("other", "Other")],
        required=False,
    )
    state = forms.ChoiceField(
        required=False,
        choices=[*PAYMENT_TABS.items(), ("pending", "Pending"), ("failed", "Failed")],
        widget=forms.HiddenInput,
    )

    def chips(self, query: QueryDict, names: dict[str, str]) -> list[dict[str, str]]:
        """Without the state, which is a tab."""
        stated = self.values.pop("state", None)
        found = super().chips(query, names)
        if stated is not None:
            self.values["state"] = stated
        return found

    def tabs(self, query: QueryDict) -> list[dict[str, Any]]:
        """The quick tabs; each keeps the filters and begins at its first page."""
        items = []
        for name, label in PAYMENT_TABS.items():
            rest = query.copy()
            for gone in ("page", "state"):
                rest.pop(gone, None)
            if name:
                rest["state"] = name
            active = name == self.values.get("state", "")
            items.append({"label": label, "url": f"?{rest.urlencode()}", "active": active})
        return items


class CreditNoteFilters(DocumentFilters):
    """The credit notes list."""

    GROUPS = (
        ("", ("state", "kind", "refund", "reason", "currency", "entity")),
        ("Money", ("amount_min", "amount_max")),
        ("More", ("issued_from", "issued_to", "number", "invoice")),
    )

    state = forms.ChoiceField(
        label="Balance",
        choices=[
            ("", "Any"),
            ("available", "Available"),
            ("consumed", "Used up"),
            ("refunded", "Refunded"),
            ("voided", "Voided"),
        ],
        required=False,
    )
    kind = forms.ChoiceField(
        label="Given as",
        choices=[("", "Any"), ("credit", "Credit"), ("refund", "Refund"), ("offset", "Off its invoice")],
        required=False,
    )
    refund = forms.ChoiceField(
        label="Money back",
        choices=[("", "Any"), ("succeeded", "Went back"), ("pending", "On its way"), ("failed", "Failed")],
        required=False,
    )
    reason = forms.ChoiceField(
        choices=[
            ("", "Any"),
            *((one.value, one.value.replace("_", " ").capitalize()) for one in CreditReason),
        ],
        required=False,
    )
    issued_from = day_field("Issued from")
    issued_to = day_field("Issued up to")
    invoice = forms.CharField(label="Invoice number", required=False, max_length=80)
