"""The form of a plan (its charges are `billing/forms/charge.py`)."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from billing.actions.plans import LOCKED_BY_SUBSCRIPTIONS
from billing.forms.codes import fill_code
from billing.forms.lists import LongSelect, currencies
from billing.models import Organization, Plan, Tax
from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import CURRENCIES, from_minor
from billing.rules.periods import LONG, Interval

PAY = (("arrears", "In arrears"), ("advance", "In advance"))
PAY_HINTS = {
    "arrears": "The fee is billed when the period is over.",
    "advance": "The fee is billed when the period begins; usage still follows at its end.",
}
INTERVALS = tuple((interval.value, interval.value.title()) for interval in Interval)
# The action's column -> the form's field, where they differ.
FIELD_OF = {"amount_minor": "amount", "pay_in_advance": "pay", "commitment_minor": "commitment"}
MONTHLY = ("bill_charges_monthly", "bill_fixed_charges_monthly")


class PlanForm(forms.Form):
    """Fields of a plan. `taxes`: those that can be chosen, by hex id; `locked`: there are subscriptions, so what
    they are built on stays."""

    name = forms.CharField(max_length=100)
    code = forms.SlugField(
        max_length=100,
        required=False,
        help_text="Used by your systems. Left empty, it is made from the name.",
    )
    description = forms.CharField(max_length=500, required=False)
    invoice_display_name = forms.CharField(
        label="Name on invoices", max_length=200, required=False, help_text="Instead of the plan's name."
    )
    interval = forms.ChoiceField(label="Billed", choices=INTERVALS)
    amount = forms.CharField(
        label="Price per period",
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "num"}),
    )
    currency = forms.ChoiceField(choices=currencies, widget=LongSelect)
    pay = forms.ChoiceField(label="The fee is paid", choices=PAY, widget=forms.RadioSelect)
    trial_days = forms.IntegerField(
        label="Free trial",
        required=False,
        min_value=0,
        max_value=3650,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "num"}),
        help_text="Of the fee; usage is billed from the first day.",
    )
    bill_charges_monthly = forms.BooleanField(
        label="Bill usage every month",
        required=False,
        help_text="Each month is priced by itself: its tiers, free units and minimum spends.",
    )
    bill_fixed_charges_monthly = forms.BooleanField(
        label="Bill fixed charges every month",
        required=False,
        help_text="Their price is then the price of a month.",
    )
    commitment = forms.CharField(
        label="Minimum per period",
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "num"}),
    )
    commitment_display_name = forms.CharField(label="Name on invoices", max_length=200, required=False)
    taxes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    features = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One per line; your website can show them.",
    )

    def __init__(
        self,
        *args: Any,
        organization: Organization,
        taxes: dict[str, Tax],
        plan: Plan | None = None,
        copy: bool = False,
        locked: bool = False,
        **kwargs: Any,
    ) -> None:
        initial: dict[str, Any] = {
            "interval": Interval.MONTHLY.value,
            "currency": organization.default_currency,
            "pay": "arrears",
        }
        if plan is not None:
            initial |= initial_of(plan)
        if copy:
            initial |= {"name": f"{initial['name'][:93]} (copy)", "code": ""}
        super().__init__(*args, **(kwargs | {"initial": initial}))
        self.rows = Plan.objects.of(organization).kept()
        self.known_taxes = taxes
        self.fields["taxes"].choices = [(key, str(tax)) for key, tax in taxes.items()]  # type: ignore[attr-defined]
        self.fields["pay"].choice_hints = PAY_HINTS  # type: ignore[attr-defined]
        if locked:
            for name in LOCKED_BY_SUBSCRIPTIONS:
                self.fields[FIELD_OF.get(name, name)].disabled = True
                self.fields[FIELD_OF.get(name, name)].help_text = ""

    @property
    def currency_now(self) -> str:
        """The currency chosen so far, for prefixes and the worked examples."""
        value = str(self["currency"].value() or "")
        return value if value in CURRENCIES else ""

    def clean(self) -> dict[str, Any]:
        """The amounts in minor units, exact in the currency; a code from the name when none was given."""
        data = cast("dict[str, Any]", super().clean())
        fill_code(self, data)
        for name in ("amount", "commitment"):
            data[f"{name}_minor"] = 0
            if data.get(name) and data.get("currency"):
                try:
                    data[f"{name}_minor"] = read_amount(data[name], data["currency"])
                except Invalid as error:
                    self.add_error(name, str(error))
        return data

    def chosen_taxes(self) -> list[Tax]:
        """The rows behind the boxes that are ticked."""
        return [self.known_taxes[key] for key in self.cleaned_data["taxes"]]

    def columns(self) -> dict[str, Any]:
        """The fields of the action."""
        data = self.cleaned_data
        names = (
            "name",
            "code",
            "description",
            "invoice_display_name",
            "interval",
            "currency",
            "amount_minor",
            "commitment_minor",
            "commitment_display_name",
        )
        long = data["interval"] in LONG
        return {name: data[name] for name in names} | {
            **{name: data[name] and long for name in MONTHLY},
            "pay_in_advance": data["pay"] == "advance",
            "trial_days": data["trial_days"] or 0,
            "features": [line.strip() for line in data["features"].splitlines() if line.strip()],
        }


def initial_of(plan: Plan) -> dict[str, Any]:
    """A plan as the form shows it."""
    names = (
        "name",
        "code",
        "description",
        "invoice_display_name",
        "interval",
        "currency",
        "commitment_display_name",
        *MONTHLY,
    )
    return {name: getattr(plan, name) for name in names} | {
        "amount": f"{from_minor(plan.amount_minor, plan.currency):f}",
        "pay": "advance" if plan.pay_in_advance else "arrears",
        "trial_days": plan.trial_days or "",
        "commitment": f"{from_minor(plan.commitment_minor, plan.currency):f}"
        if plan.commitment_minor
        else "",
        "taxes": [tax.pk.hex for tax in plan.taxes.all()],
        "features": "\n".join(plan.features),
    }
