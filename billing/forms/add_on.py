"""The form of an add-on, with its prices in other currencies as rows."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import QueryDict

from billing.forms.codes import fill_code
from billing.forms.lists import LongSelect, currencies, with_empty
from billing.models import AddOn, Organization, Tax
from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor

AMOUNT = {"inputmode": "decimal", "autocomplete": "off", "class": "num", "placeholder": "Price"}


class AddOnForm(forms.Form):
    """Fields of an add-on."""

    name = forms.CharField(max_length=100)
    code = forms.SlugField(max_length=100, required=False, help_text="Left empty, it is made from the name.")
    amount = forms.CharField(label="Price", max_length=30, widget=forms.TextInput(attrs=AMOUNT))
    currency = forms.ChoiceField(choices=currencies, widget=LongSelect)
    invoice_display_name = forms.CharField(
        label="Name on invoices", max_length=200, required=False, help_text="Instead of its name."
    )
    description = forms.CharField(max_length=500, required=False)
    taxes = forms.ModelMultipleChoiceField(
        queryset=Tax.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any, *, organization: Organization, add_on: AddOn | None = None) -> None:
        initial: dict[str, Any] = {"currency": organization.default_currency}
        if add_on is not None:
            names = ("name", "code", "currency", "invoice_display_name", "description")
            initial = {name: getattr(add_on, name) for name in names}
            initial["amount"] = f"{from_minor(add_on.amount_minor, add_on.currency):f}"
            initial["taxes"] = [tax.pk for tax in add_on.taxes.all()]
        super().__init__(data, initial=initial)
        self.rows = AddOn.objects.of(organization).kept()
        taxes = Tax.objects.of(organization).kept().order_by("name")
        self.fields["taxes"].queryset = taxes  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The amount in minor units; a code from the name when none was given."""
        data = cast("dict[str, Any]", super().clean())
        fill_code(self, data)
        if data.get("amount") and data.get("currency"):
            try:
                data["amount_minor"] = read_amount(data["amount"], data["currency"])
            except Invalid as error:
                self.add_error("amount", str(error))
        return data

    def columns(self) -> dict[str, Any]:
        """The columns of the action."""
        names = ("name", "code", "currency", "amount_minor", "invoice_display_name", "description")
        return {name: self.cleaned_data[name] for name in names}


class PriceRow(forms.Form):
    """What it costs in one more currency. A row without an amount is none."""

    code = forms.ChoiceField(
        label="Currency",
        choices=lambda: with_empty("Currency", currencies()),
        widget=LongSelect,
        required=False,
    )
    amount = forms.CharField(
        label="Price", max_length=30, required=False, widget=forms.TextInput(attrs=AMOUNT)
    )

    def clean(self) -> dict[str, Any]:
        """Both or neither, and an amount that the currency knows."""
        data = super().clean() or {}
        code, amount = data.get("code"), data.get("amount")
        if amount and not code:
            self.add_error("code", "Choose the currency.")
        elif code and not amount:
            self.add_error("amount", "Enter a price; 0 is allowed.")
        elif code and amount:
            try:
                data["minor"] = read_amount(amount, code)
            except Invalid as error:
                self.add_error("amount", str(error))
        return data


class PriceRows(forms.BaseFormSet):
    """The other currencies."""

    def clean(self) -> None:
        """No currency twice."""
        seen: set[str] = set()
        for row in self.given():
            code = row.cleaned_data["code"]
            if code in seen:
                row.add_error("code", f"There are two prices in {code}.")
            seen.add(code)

    def given(self) -> list[PriceRow]:
        """Rows with a price that stay."""
        rows = [row for row in self.forms if row.is_valid() and row.cleaned_data.get("code")]
        return [row for row in rows if not row.cleaned_data.get("DELETE")]

    def prices(self) -> dict[str, int]:
        """{currency: minor units}."""
        return {row.cleaned_data["code"]: row.cleaned_data["minor"] for row in self.given()}


PriceFormSet = forms.formset_factory(
    PriceRow, formset=PriceRows, extra=1, can_delete=True, max_num=50, validate_max=True
)


def price_rows(data: QueryDict | None, add_on: AddOn | None) -> PriceRows:
    """The rows of an add-on's other currencies."""
    known = [] if add_on is None else list(add_on.prices.all())
    initial = [
        {"code": row.currency, "amount": f"{from_minor(row.amount_minor, row.currency):f}"} for row in known
    ]
    return PriceFormSet(data, prefix="prices", initial=initial)  # type: ignore[return-value]
