"""The form of a customer: one for adding and editing, in the drawer and as a page."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django import forms

from billing.forms.lists import LongSelect, countries, currencies, languages_with, timezones, with_empty
from billing.models import BillingEntity, Organization, Tax
from billing.rules.errors import FieldErrors
from customers.forms.addresses import BILLING, SHIPPING, shipping_is_billing
from customers.forms.customer_words import HINTS, LABELS, YES_OR_NO
from customers.forms.inherited import Inherited, inherited_word
from customers.forms.own_fields import PREFIX, own_field, own_initial, own_values
from customers.forms.tags import NewTags, TagChoice, tag_choices
from customers.forms.wallet_defaults import amount_fields, amount_of, read_amounts
from customers.models import BillingModel, Customer, CustomerType, Mode, Provider
from customers.queries.custom_fields import custom_fields
from customers.rules.fields import AMOUNTS, clean_fields, contradictions

NOT_COLUMNS = frozenset({"shipping_same", "tags", "new_tags", *AMOUNTS})


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
            "disabled_providers",
            "net_payment_term_days",
            "grace_period_days",
            "zero_amount_invoices",
            "email_invoices",
            "usage_annex",
            "locale",
            "taxes",
            "einvoice_email",
            "peppol_id",
            "prefer_einvoice",
            "vat_validation_disabled",
            "vat_validation_disabled_reason",
            "billing_model",
            "mode",
            "default_auto_top_up_enabled",
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
        row.phone = row.phone_shown
        self.own = custom_fields(organization)
        initial: dict[str, Any] = {"shipping_same": shipping_is_billing(row)} | own_initial(
            customer, self.own
        )
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
        self.fields["tags"] = TagChoice(organization, row.tag_ids, label="Tags")
        self.fields["new_tags"] = NewTags(label="New tags")
        self.fields.update(amount_fields(row))
        for field in self.own:
            self.fields[f"{PREFIX}{field.code}"] = own_field(field)
        self.choose_lists()
        self.describe()
        if lock:
            for name in ("external_id", "currency"):
                self.fields[name].disabled = True
                self.fields[name].help_text = lock
        for name in ("status",) if customer is None else ("customer_type", "mode"):
            del self.fields[name]

    def choose_lists(self) -> None:
        """Fields whose values come from a list."""
        lists = {
            "currency": currencies(),
            "timezone": with_empty("Same as the billing entity", timezones()),
            "country": with_empty("Choose a country", countries()),
            "shipping_country": with_empty("Choose a country", countries()),
            "locale": with_empty("Same as the billing entity", languages_with(self.instance.locale)),
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
        self.fields["disabled_providers"] = forms.MultipleChoiceField(
            choices=Provider.choices,
            required=False,
            widget=forms.CheckboxSelectMultiple,
            label="Never use",
            help_text="These are left out when a payment is tried.",
        )
        for name, label in YES_OR_NO.items():
            self.fields[name] = Inherited(label=label)
            self.initial[name] = inherited_word(getattr(self.instance, name))
        self.fields["billing_model"] = forms.ChoiceField(
            choices=BillingModel.choices,
            required=False,
            initial=BillingModel.POSTPAID.value,
            help_text="How charges are meant to be paid.",
        )
        self.fields["mode"] = forms.ChoiceField(
            choices=Mode.choices,
            required=False,
            initial=Mode.PREPAID.value,
            help_text="Prepaid: wallets spend what is there. Postpaid: down to the credit limit.",
        )

    def describe(self) -> None:
        """Hints, and attributes that help the browser to help."""
        for name, hint in HINTS.items():
            self.fields[name].help_text = hint
        for name, label in LABELS.items():
            self.fields[name].label = label
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
        values |= read_amounts(self, values, values.get("currency") or self.instance.currency)
        if not self.errors:
            for name, text in contradictions(self.together(values)):
                self.add_error(name, text)
        return values

    def together(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that may contradict each other; amounts in one unit, whichever it is."""
        names = ("preferred_provider", "disabled_providers", "vat_validation_disabled")
        row = {name: values[name] for name in (*names, "vat_validation_disabled_reason")}
        row["default_auto_top_up_enabled"] = values["default_auto_top_up_enabled"]
        return row | {column: values.get(name) for name, column in AMOUNTS.items()}

    def clean_billing_model(self) -> str:
        """A form without it leaves it as it is."""
        return self.cleaned_data["billing_model"] or self.instance.billing_model

    def clean_mode(self) -> str:
        """A form without it leaves it as it is."""
        return self.cleaned_data["mode"] or self.instance.mode

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
        return [name for name in self.fields if name not in NOT_COLUMNS and not name.startswith(PREFIX)]

    def changes(self) -> dict[str, Any]:
        """Values for the action: all that were filled in for a new customer, else what differs."""
        cleaned = self.cleaned_data
        values = {name: cleaned[name] for name in self.columns()}
        values |= {name: cleaned[name] for name in AMOUNTS if name in cleaned}
        values["tags"] = self.tag_names()
        values["custom_fields"] = own_values(cleaned)
        if self.customer is None:
            return {name: value for name, value in values.items() if value not in (None, "", [])}
        stored = self.customer
        before: dict[str, Any] = {name: getattr(stored, name) for name in self.columns() if name != "taxes"}
        before |= {name: amount_of(stored, name) for name in AMOUNTS}
        before["custom_fields"] = {code: stored.custom_fields.get(code) for code in values["custom_fields"]}
        before["tags"] = self.stored_tags()
        before["taxes"] = list(stored.taxes.all())
        kept = {"tags": sorted, "taxes": lambda rows: {row.pk for row in rows}}
        changed = {}
        for name, value in values.items():
            compare: Any = kept.get(name, lambda same: same)
            if compare(value) != compare(before[name]):
                changed[name] = value
        return changed

    def tag_names(self) -> list[str]:
        """The tags that were chosen and written."""
        choice = cast(TagChoice, self.fields["tags"])
        return [choice.names[key] for key in self.cleaned_data["tags"]] + self.cleaned_data["new_tags"]

    def stored_tags(self) -> list[str]:
        """The names of the stored customer's tags."""
        names = cast(TagChoice, self.fields["tags"]).names
        ids = self.customer.tag_ids if self.customer else []
        return [names[str(key)] for key in ids if str(key) in names]

    @property
    def tag_choices(self) -> list[dict[str, Any]]:
        """Each tag with its checkbox, for the template."""
        return tag_choices(self)

    @property
    def own_bound(self) -> list[forms.BoundField]:
        """The organization's own fields, for the template."""
        return [self[f"{PREFIX}{field.code}"] for field in self.own]

    @property
    def amount_currency(self) -> str:
        """The currency that stands before the amounts: of the customer that exists, else to be chosen above."""
        return self.customer.currency if self.customer else ""
