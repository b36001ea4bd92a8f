"""The form of a tax."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from billing.actions.taxes import WHY
from billing.forms.codes import fill_code
from billing.models import Organization, Tax
from billing.rules.tax_category import LABELS, Category


class TaxForm(forms.Form):
    """Fields of a tax; the rate in percent with up to four decimals."""

    name = forms.CharField(max_length=100, help_text="Stands on invoices, for instance VAT.")
    code = forms.SlugField(max_length=50, required=False, help_text="Left empty, it is made from the name.")
    rate = forms.DecimalField(
        min_value=0,
        max_value=100,
        max_digits=7,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    description = forms.CharField(max_length=255, required=False)
    category = forms.ChoiceField(
        label="VAT category",
        required=False,
        choices=[("", "As the rate says"), *((kind.value, f"{LABELS[kind]} ({kind})") for kind in Category)],
        help_text="What e-invoices say about it. At 0 % it is zero rated unless you say otherwise.",
    )
    exemption_code = forms.CharField(
        label="Reason code",
        max_length=60,
        required=False,
        help_text="Of the VATEX list, such as VATEX-EU-132-1I.",
    )
    exemption_reason = forms.CharField(label="Reason in words", max_length=255, required=False)
    applied_by_default = forms.BooleanField(
        label="Charge it by default",
        required=False,
        help_text="Wherever neither the charge, the plan nor the customer names a tax. "
        "Several defaults are added up.",
    )

    def __init__(self, *args: Any, organization: Organization, tax: Tax | None = None, **kwargs: Any) -> None:
        if tax is not None:
            names = ("name", "code", "description", "applied_by_default", *WHY)
            initial = {name: getattr(tax, name) for name in names}
            kwargs["initial"] = initial | {"rate": f"{tax.rate.normalize():f}"}
        super().__init__(*args, **kwargs)
        self.rows = Tax.objects.of(organization).kept()

    @property
    def why_given(self) -> bool:
        """Whether the part about e-invoices shows: something stands in it."""
        return any(self[name].value() or self[name].errors for name in WHY)

    def clean(self) -> dict[str, Any]:
        """A code from the name when none was given."""
        data = cast("dict[str, Any]", super().clean())
        fill_code(self, data)
        return data
