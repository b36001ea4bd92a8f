"""The form of a fixed charge: an add-on, its units, and what they cost."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.http import QueryDict

from billing.actions.charge_terms import stored_properties
from billing.actions.fixed_charges import FixedTerms
from billing.forms.charge_fields import TierForm, text_field
from billing.forms.charge_rows import TIERS, WORDS, from_values
from billing.models import AddOn, FixedCharge, Plan, Tax
from billing.models.fixed_charge import FixedModel
from billing.rules.charges.reading import bound_out
from billing.rules.errors import BillingError, FieldErrors

_TIER = re.compile(r"properties\.\w+\[(\d+)\]\.(\w+)$")
_TYPED = re.compile(r"tiers-(\d{1,3})-(to_value|price|flat)$")
CELLS = {"fromValue": "to_value", "toValue": "to_value", "perUnitAmount": "price", "flatAmount": "flat"}
PAY = (("arrears", "In arrears"), ("advance", "In advance"))
PAY_HINTS = {
    "arrears": "Billed when the period is over, for the units that stood.",
    "advance": "Billed when the period begins; added units at once, fewer give nothing back.",
}
MODEL_HINTS = {
    "standard": "Every unit costs the same.",
    "graduated": "Each unit costs the price of the tier it falls in.",
    "volume": "The number of units picks one tier, and every unit costs that tier's price.",
}
# The action's field -> the form's, where they differ.
FIELD_OF = {
    "addOn": "add_on",
    "chargeModel": "charge_model",
    "payInAdvance": "pay",
    "properties.amount": "amount",
}
FIELD_OF |= {"invoiceDisplayName": "invoice_display_name"}


class FixedChargeForm(forms.Form):
    """Everything but the tiers."""

    add_on = forms.ModelChoiceField(
        label="Add-on", queryset=AddOn.objects.none(), empty_label="Choose an add-on"
    )
    units = forms.DecimalField(
        min_value=0,
        max_digits=27,
        decimal_places=15,
        initial=1,
        widget=forms.TextInput(attrs={"class": "num"}),
    )
    charge_model = forms.ChoiceField(label="Price model", choices=FixedModel.choices, initial="standard")
    amount = text_field("Price per unit")
    pay = forms.ChoiceField(label="Paid", choices=PAY, initial="arrears", widget=forms.RadioSelect)
    prorated = forms.BooleanField(
        label="By days",
        required=False,
        help_text="Units that stood for a part of the period cost that part; otherwise the full price.",
    )
    invoice_display_name = forms.CharField(
        label="Name on invoices", max_length=200, required=False, help_text="Instead of the add-on's name."
    )
    taxes = forms.ModelMultipleChoiceField(
        queryset=Tax.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any, *, plan: Plan, row: FixedCharge | None = None) -> None:
        initial: dict[str, Any] = {}
        if row is not None:
            initial = {
                "add_on": row.add_on_id,
                "units": f"{row.units.normalize():f}",
                "charge_model": row.charge_model,
                "amount": row.properties.get("amount", ""),
                "pay": "advance" if row.pay_in_advance else "arrears",
                "prorated": row.prorated,
                "invoice_display_name": row.invoice_display_name,
                "taxes": [tax.pk for tax in row.taxes.all()],
            }
        super().__init__(data, initial=initial)
        self.plan, self.row = plan, row
        add_ons = AddOn.objects.of(plan.organization_id).kept().order_by("name")
        if row is not None:
            add_ons = add_ons.filter(pk=row.add_on_id)
            self.fields["add_on"].disabled = True
        else:
            add_ons = add_ons.exclude(pk__in=plan.fixed_charges.kept().values("add_on_id"))
        self.fields["add_on"].queryset = add_ons  # type: ignore[attr-defined]
        self.fields["taxes"].queryset = (  # type: ignore[attr-defined]
            Tax.objects.of(plan.organization_id).kept().order_by("name")
        )
        self.fields["pay"].choice_hints = PAY_HINTS  # type: ignore[attr-defined]

    @property
    def model(self) -> str:
        """The model chosen so far."""
        value = str(self["charge_model"].value() or "")
        return value if value in FixedModel else "standard"

    @property
    def model_hint(self) -> str:
        """What it does, in a sentence."""
        return MODEL_HINTS[self.model]


class TierRows(forms.BaseFormSet):
    """The tiers: where each begins follows from the one before, the last is open."""

    def filled(self) -> list[TierForm]:
        """Those with anything in them that stay; one at least."""
        rows = [
            row
            for row in cast("list[TierForm]", self.forms)
            if row.is_valid() and not row.cleaned_data.get("DELETE") and any(self.cells(row))
        ]
        return rows or cast("list[TierForm]", self.forms[:1])

    @staticmethod
    def cells(row: TierForm) -> list[str]:
        """What is typed in a tier."""
        return [str(row.cleaned_data.get(name) or "") for name in ("to_value", "price", "flat")]

    def ranges(self, model: str) -> dict[str, Any]:
        """The properties of a tiered model."""
        name, price = TIERS[model]
        rows = [row.cleaned_data for row in self.filled()]
        last = len(rows) - 1
        return {
            name: [
                {
                    "fromValue": bound_out(start),
                    "toValue": None if number == last else row.get("to_value"),
                    price: row.get("price") or ("0" if row.get("flat") else ""),
                    "flatAmount": row.get("flat"),
                }
                for number, (start, row) in enumerate(zip(from_values(rows), rows, strict=True))
            ]
        }


TierFormSet = forms.formset_factory(TierForm, formset=TierRows, extra=2, can_delete=True, max_num=200)


def tier_rows(data: QueryDict | None, row: FixedCharge | None) -> TierRows:
    """The tiers as typed, else as stored."""
    initial = []
    if row is not None and row.charge_model in TIERS:
        name, price = TIERS[row.charge_model]
        initial = [
            {
                "to_value": "" if tier["toValue"] is None else str(tier["toValue"]),
                "price": tier[price],
                "flat": "" if tier["flatAmount"] == "0" else tier["flatAmount"],
            }
            for tier in row.properties[name]
        ]
    found = TierFormSet(data, prefix="tiers", initial=initial)
    if initial:
        found.extra = 0
    return found  # type: ignore[return-value]


def typed_tiers(data: QueryDict) -> TierRows:
    """The tiers as typed so far, to be shown without a judgement; two rows at least."""
    rows: dict[int, dict[str, str]] = {}
    for key, value in data.items():
        if found := _TYPED.match(key):
            rows.setdefault(int(found[1]), {})[found[2]] = str(value)
    initial = [rows[number] for number in sorted(rows)]
    found_rows = TierFormSet(prefix="tiers", initial=initial)
    found_rows.extra = max(0, 2 - len(initial))
    return found_rows  # type: ignore[return-value]


def read(form: FixedChargeForm, tiers: TierRows) -> FixedTerms | None:
    """What was typed as terms; None when something is wrong, which then stands at its field."""
    if not all([form.is_valid(), tiers.is_valid() or form.model == "standard"]):
        return None
    data = form.cleaned_data
    tiered = form.model in TIERS
    properties = tiers.ranges(form.model) if tiered else {"amount": data["amount"]}
    try:
        stored_properties(form.model, properties)
    except BillingError as error:
        place(form, tiers, error)
        return None
    return FixedTerms(
        add_on=data["add_on"],
        charge_model=form.model,
        properties=properties,
        units=Decimal(data["units"]),
        pay_in_advance=data["pay"] == "advance",
        prorated=data["prorated"],
        invoice_display_name=data["invoice_display_name"],
        taxes=list(data["taxes"]),
        id=form.row.pk if form.row else None,
    )


def place(form: FixedChargeForm, tiers: TierRows, error: BillingError) -> None:
    """Put errors of the rule or the action at their fields."""
    pairs = error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
    rows = tiers.filled() if tiers.is_bound and form.model in TIERS else []
    for path, text in pairs:
        found = _TIER.match(path)
        if found and int(found[1]) < len(rows):
            rows[int(found[1])].add_error(CELLS.get(found[2], "price"), WORDS.get(text, text))
        else:
            name = FIELD_OF.get(path, path)
            form.add_error(name if name in form.fields else None, WORDS.get(text, text))
