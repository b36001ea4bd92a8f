"""The one-off invoice: items typed by hand, taxes, dates and texts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict

from billing.forms.days import DayField
from billing.models import AddOn, Organization, Tax
from billing.rules.money import from_minor
from billing.web.once import OnceForm
from invoicing.actions.one_off import MOST_ITEMS, Item

DECIMAL = {"inputmode": "decimal", "autocomplete": "off"}
TAX_MODES = [("default", "As usual for this customer"), ("chosen", "Choose"), ("none", "No tax")]


class ItemForm(forms.Form):
    """One line: what, how many, at what price each. The action checks the limits, so that the API has them too."""

    description = forms.CharField(
        error_messages={"required": "Say what is billed."},
        widget=forms.TextInput(attrs={"maxlength": 1000, "placeholder": "Description"}),
    )
    units = forms.DecimalField(
        label="Quantity",
        initial=1,
        max_digits=60,
        widget=forms.TextInput(attrs=DECIMAL | {"placeholder": "Quantity"}),
    )
    unit_amount = forms.DecimalField(
        label="Unit price",
        max_digits=60,
        error_messages={"required": "Enter a price."},
        widget=forms.TextInput(attrs=DECIMAL | {"placeholder": "Unit price"}),
    )

    add_on = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def clean_units(self) -> Decimal:
        """Here as well as in the action, so that it shows together with the other faults."""
        value: Decimal = self.cleaned_data["units"]
        if value <= 0:
            raise forms.ValidationError("Must be more than 0.")
        return value

    def clean_unit_amount(self) -> Decimal:
        """As for the quantity."""
        value: Decimal = self.cleaned_data["unit_amount"]
        if value < 0:
            raise forms.ValidationError("Must not be negative.")
        return value


class ItemRows(forms.BaseFormSet):
    """The rows. An untouched row is no item; without JavaScript three of them wait."""

    def __init__(self, data: QueryDict | None, add_ons: Mapping[str, AddOn] | None = None) -> None:
        super().__init__(data, prefix="items")
        self.add_ons = add_ons or {}

    def given(self) -> list[tuple[ItemForm, Item]]:
        """The rows that can be read, with what they say; rows with faults and removed ones are left out."""
        found = []
        for row in self.forms:
            if not row.is_valid() or not row.has_changed() or row.cleaned_data.get("DELETE"):
                continue
            data = row.cleaned_data
            add_on = self.add_ons.get(data["add_on"])
            found.append((row, Item(data["description"], data["unit_amount"], data["units"], add_on)))
        return found

    def unread(self) -> int:
        """How many rows somebody has begun that cannot be read yet."""
        begun = [row for row in self.forms if row.has_changed() and not row.is_valid()]
        return sum(not row.cleaned_data.get("DELETE") for row in begun)


def picked(data: QueryDict, add_on: AddOn, minor: int | None, currency: str) -> QueryDict:
    """What was typed with one more row, that of an add-on: in the first row that is empty, else at the end."""
    rows = data.copy()
    count = (
        int(rows.get("items-TOTAL_FORMS") or 0)
        if str(rows.get("items-TOTAL_FORMS") or "0").isdecimal()
        else 0
    )
    free = (
        index
        for index in range(count)
        if not any(rows.get(f"items-{index}-{name}") for name in ("description", "unit_amount", "DELETE"))
    )
    index = next(free, count)
    rows["items-TOTAL_FORMS"] = str(max(count, index + 1))
    rows[f"items-{index}-description"] = add_on.invoice_name
    rows[f"items-{index}-units"] = "1"
    rows[f"items-{index}-unit_amount"] = "" if minor is None else f"{from_minor(minor, currency):f}"
    rows[f"items-{index}-add_on"] = add_on.pk.hex
    return rows


ItemFormSet = forms.formset_factory(
    ItemForm,
    formset=ItemRows,
    extra=3,
    can_delete=True,
    max_num=MOST_ITEMS,
    absolute_max=MOST_ITEMS + 1,
    validate_max=True,
)


class TaxedForm(OnceForm):
    """Which taxes apply to what is typed."""

    tax_mode = forms.ChoiceField(
        label="Tax", choices=TAX_MODES, initial="default", required=False, widget=forms.RadioSelect
    )
    taxes = forms.ModelMultipleChoiceField(
        label="Taxes to apply",
        queryset=Tax.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: QueryDict | None, *, organization: Organization, usual: str) -> None:
        super().__init__(data)
        self.fields["taxes"].queryset = Tax.objects.of(organization).kept()  # type: ignore[attr-defined]
        self.fields["tax_mode"].choice_hints = {"default": usual}  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("tax_mode") == "chosen" and not cleaned.get("taxes") and "taxes" not in self.errors:
            self.add_error("taxes", "Choose at least one, or say that there is no tax.")
        return cleaned

    def chosen_taxes(self) -> list[Tax] | None:
        """The taxes to apply: None for the usual ones, an empty list for none. Also while other fields err."""
        mode = self.cleaned_data.get("tax_mode") or "default"
        if mode == "default":
            return None
        return list(self.cleaned_data.get("taxes") or []) if mode == "chosen" else []


class OneOffForm(TaxedForm):
    """Everything of a one-off invoice besides its items."""

    due_on = DayField(
        label="Due date", required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    purchase_order = forms.CharField(label="Purchase order number", required=False, max_length=255)
    notes = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Printed below the totals.",
    )

    def __init__(self, data: QueryDict | None, *, organization: Organization, usual: str, term: int) -> None:
        super().__init__(data, organization=organization, usual=usual)
        days = f"{term} day{'' if term == 1 else 's'} after issue" if term else "on the day of issue"
        self.fields["due_on"].help_text = f"Left empty it is due {days}."


def percent(rate: Decimal) -> str:
    """`Decimal("20.0000")` -> "20 %"."""
    return f"{rate.normalize():f} %"
