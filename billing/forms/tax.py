"""The form of a tax."""

from __future__ import annotations

from typing import Any, cast

from django import forms

from billing.forms.codes import fill_code
from billing.models import Organization, Tax


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
    applied_by_default = forms.BooleanField(
        label="Charge it by default",
        required=False,
        help_text="Wherever neither the charge, the plan nor the customer names a tax. "
        "Several defaults are added up.",
    )

    def __init__(self, *args: Any, organization: Organization, tax: Tax | None = None, **kwargs: Any) -> None:
        if tax is not None:
            names = ("name", "code", "description", "applied_by_default")
            initial = {name: getattr(tax, name) for name in names}
            kwargs["initial"] = initial | {"rate": f"{tax.rate.normalize():f}"}
        super().__init__(*args, **kwargs)
        self.rows = Tax.objects.of(organization).kept()

    def clean(self) -> dict[str, Any]:
        """A code from the name when none was given."""
        data = cast("dict[str, Any]", super().clean())
        fill_code(self, data)
        return data
