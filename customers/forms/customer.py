"""The form of a customer: one for adding and editing, in the drawer and as a page."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.forms import BaseFormSet, formset_factory

from billing.forms.lists import LongSelect, countries, currencies, languages, timezones, with_empty
from billing.models import BillingEntity, Organization, Tax
from billing.rules.errors import FieldErrors
from customers.models import Customer, CustomerType, Provider
from customers.rules.fields import MAX_METADATA_KEYS, clean_fields

BILLING = ("address_line1", "address_line2", "postal_code", "city", "state", "country")
SHIPPING = tuple(f"shipping_{name.removeprefix('address_')}" for name in BILLING)
PAIRS = tuple(zip(BILLING, SHIPPING, strict=True))


def shipping_is_billing(customer: Customer) -> bool:
    """Whether goods go to the billing address: no shipping address of its own, or the same one."""
    pairs = [(getattr(customer, one), getattr(customer, other)) for one, other in PAIRS]
    return not any(other for _, other in pairs) or all(one == other for one, other in pairs)


class CustomerForm(forms.ModelForm):
    """All fields of a customer. `changes()` is what the action gets: on an edit only what was changed.

    Locked fields are shown read-only with `lock` as the reason; a value that is sent for one is refused.
    """

    url = forms.CharField(label="Website", required=False, max_length=200)
    shipping_same = forms.BooleanField(label="Same as the billing address", required=False)

    class Meta:
        model = Customer
        fields: ClassVar = [
            "name",
            "external_id",
            "customer_type",
            "first_name",
            "last_name",
            "status",
            "billing_entity",
            "timezone",
            "currency",
            "legal_name",
            "legal_number",
            "tax_id",
            "email",
            "url",
            "phone",
            *BILLING,
            *SHIPPING,
            "preferred_provider",
            "net_payment_term_days",
            "grace_period_days",
            "locale",
            "taxes",
        ]

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        organization: Organization,
        customer: Customer | None = None,
        lock: str = "",
    ) -> None:
        self.customer, self.lock = customer, lock
        row = copy.copy(customer) if customer else Customer(currency=organization.default_currency)
        initial: dict[str, Any] = {"shipping_same": shipping_is_billing(row)}
        entities = BillingEntity.objects.of(organization).kept()
        if customer is None:
            initial["billing_entity"] = entities.filter(is_default=True).first()
        super().__init__(data, instance=row, initial=initial, auto_id="customer_%s")
        self.fields["name"].required = True
        self.fields["name"].error_messages["required"] = "Enter a name."
        self.fields["external_id"].error_messages["required"] = "Enter the ID that your own system uses."
        self.fields["email"].error_messages["invalid"] = "Enter an e-mail address such as name@example.com."
        issuer = cast(forms.ModelChoiceField, self.fields["billing_entity"])
        issuer.queryset, issuer.empty_label = entities, None
        if len(entities) < 2:
            del self.fields["billing_entity"]
        self.fields["taxes"] = forms.ModelMultipleChoiceField(
            Tax.objects.of(organization).kept(),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text="None chosen: the taxes of the plan or the organization.",
        )
        self.choose_lists()
        self.describe()
        if lock:
            for name in ("external_id", "currency"):
                self.fields[name].disabled = True
                self.fields[name].help_text = lock
        if customer is None:
            del self.fields["status"]

    def choose_lists(self) -> None:
        """Fields whose values come from a list."""
        lists = {
            "currency": currencies(),
            "timezone": with_empty("Same as the billing entity", timezones()),
            "country": with_empty("Choose a country", countries()),
            "shipping_country": with_empty("Choose a country", countries()),
            "locale": with_empty("Same as the billing entity", languages()),
        }
        for name, choices in lists.items():
            old = self.fields[name]
            known = {key for key, _ in choices}
            kept = getattr(self.instance, name)
            offered = [*choices, (kept, kept)] if kept and kept not in known else choices
            self.fields[name] = forms.ChoiceField(
                choices=offered, widget=LongSelect, required=old.required, label=old.label
            )
        self.fields["customer_type"] = forms.ChoiceField(
            choices=CustomerType.choices, widget=forms.RadioSelect, label="Type"
        )
        provider = cast(forms.ChoiceField, self.fields["preferred_provider"])
        provider.choices = with_empty("None", Provider.choices)

    def describe(self) -> None:
        """Hints, and attributes that help the browser to help."""
        hints = {
            "external_id": "The customer's ID in your own system.",
            "email": "Invoices are sent here.",
            "timezone": "Sets when billing periods begin.",
        }
        for name, hint in hints.items():
            self.fields[name].help_text = hint
        self.fields["timezone"].label = "Time zone"
        for name, field in self.fields.items():
            if isinstance(field.widget, forms.TextInput):
                field.widget.attrs.setdefault("autocomplete", "off")
            if name in ("net_payment_term_days", "grace_period_days"):
                field.widget.attrs["min"] = 0
                field.widget.attrs["placeholder"] = "Same as the billing entity"
        self.fields["url"].widget.attrs["inputmode"] = "url"

    def clean(self) -> dict[str, Any]:
        """The rules that the API follows too, so that every bad field shows at once."""
        values = dict(super().clean() or self.cleaned_data)
        if values.get("shipping_same"):
            values |= dict.fromkeys(SHIPPING, "")  # an empty one follows the billing address
        if self.lock:
            self.refuse_locked()
        if self.customer and self.data.get("version", self.version) != self.version:
            self.add_error(
                None, "Somebody else changed this customer meanwhile. Save again to keep your values."
            )
        try:
            values |= clean_fields({name: values[name] for name in values if name in self.columns()})
        except FieldErrors as error:
            for name, text in error.errors:
                self.add_error(name, text)
        return values

    def refuse_locked(self) -> None:
        """The browser sends no locked field, but a form that was opened before the lock does."""
        for name in ("external_id", "currency"):
            sent = self.data.get(name)
            if sent is not None and sent.strip() != getattr(self.customer, name):
                self.add_error(name, "This can no longer change. Nothing was saved.")

    @property
    def version(self) -> str:
        """Which state of the customer the form shows; sent back so that a stale form is noticed."""
        return self.customer.updated_at.isoformat() if self.customer else ""

    def columns(self) -> list[str]:
        """The fields that are columns of the customer."""
        return [name for name in self.fields if name != "shipping_same"]

    def changes(self) -> dict[str, Any]:
        """Values for the action: all that were filled in for a new customer, else what differs."""
        values = {name: self.cleaned_data[name] for name in self.columns()}
        if self.customer is None:
            return {name: value for name, value in values.items() if value not in (None, "")}
        stored = self.customer
        chosen = set(stored.taxes.values_list("pk", flat=True))
        taxes = values.pop("taxes")
        changed = {name: value for name, value in values.items() if getattr(stored, name) != value}
        if {tax.pk for tax in taxes} != chosen:
            changed["taxes"] = taxes
        return changed


class MetadataRow(forms.Form):
    """A key and its value; an empty row is left out."""

    key = forms.CharField(max_length=100, required=False)
    value = forms.CharField(max_length=2000, required=False)

    def clean(self) -> dict[str, Any]:
        """A value needs its key."""
        values = dict(super().clean() or self.cleaned_data)
        if values.get("value") and not values.get("key"):
            self.add_error("key", "Give the value a key.")
        return values


class MetadataRows(BaseFormSet):
    """The key and value pairs of a customer. Values that are not text are shown as JSON and kept as they are
    until somebody changes them.
    """

    def clean(self) -> None:
        """Each key once."""
        keys = [row.cleaned_data.get("key") for row in self.kept_rows()]
        twice = sorted({key for key in keys if key and keys.count(key) > 1})
        if twice:
            raise forms.ValidationError(f"The key {twice[0]} stands there twice.")

    def kept_rows(self) -> list[forms.Form]:
        """Rows that are valid, have a key and are not marked for removal."""
        rows = [row for row in self.forms if row.is_valid() and row.cleaned_data.get("key")]
        return [row for row in rows if not row.cleaned_data.get("DELETE")]

    def value(self, old: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata object; `old` is what the customer has now."""
        pairs = {row.cleaned_data["key"]: row.cleaned_data["value"] for row in self.kept_rows()}
        return {
            key: old[key] if key in old and shown(old[key]) == text else text for key, text in pairs.items()
        }


def shown(value: Any) -> str:
    """A metadata value as the form shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def metadata_rows(
    data: Mapping[str, Any] | None = None, *, metadata: Mapping[str, Any] | None = None
) -> MetadataRows:
    """The bound or unbound formset. One empty row is there for people without JavaScript."""
    factory = formset_factory(
        MetadataRow,
        formset=MetadataRows,
        extra=1,
        can_delete=True,
        max_num=MAX_METADATA_KEYS,
        validate_max=True,
    )
    pairs = [{"key": key, "value": shown(value)} for key, value in (metadata or {}).items()]
    return factory(data, initial=pairs, prefix="metadata", auto_id="customer_%s")  # type: ignore[return-value]
