"""Forms of what can be done with an invoice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from billing.forms.days import DayField
from billing.rules.money import exponent, from_minor, to_minor
from billing.web.once import OnceForm
from invoicing.models import Invoice, WriteOffKind


class FinalizeForm(forms.Form):
    """The total that the person has seen, in minor units."""

    expected_total = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class VoidForm(forms.Form):
    """Why an invoice or credit note is withdrawn."""

    reason = forms.CharField(
        required=False,
        max_length=500,
        help_text="Kept in the history and printed on the stamped PDF, which the customer can open.",
        widget=forms.TextInput,
    )
    again = forms.BooleanField(
        label="Make it again afterwards",
        required=False,
        help_text="The next page has a copy of its lines, to be corrected before it is issued.",
    )


class WriteOffForm(OnceForm):
    """Why the rest is given up, and what was due when the person looked."""

    kind = forms.ChoiceField(label="Why", choices=WriteOffKind.choices)
    reason = forms.CharField(
        label="Note", required=False, max_length=500, help_text="Kept in the history.", widget=forms.TextInput
    )
    expected = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class PaymentForm(OnceForm):
    """Money received: prefilled with everything that is due, today."""

    amount = forms.DecimalField(
        min_value=Decimal(0), max_digits=30, widget=forms.TextInput(attrs={"inputmode": "decimal"})
    )
    paid_on = DayField(label="Received on", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    reference = forms.CharField(
        required=False, max_length=100, help_text="As on the bank statement, for example."
    )

    def __init__(self, *args: Any, invoice: Invoice, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invoice = invoice
        self.today = today
        digits = exponent(invoice.currency)
        amount = self.fields["amount"]
        amount.initial = f"{from_minor(invoice.due_minor, invoice.currency):f}"
        amount.widget.attrs["placeholder"] = f"{Decimal(0):.{digits}f}"
        self.fields["paid_on"].initial = today
        self.fields["paid_on"].widget.attrs["max"] = f"{today:%Y-%m-%d}"

    def clean_amount(self) -> int:
        """In minor units; more decimals than the currency has are an error, not rounded away."""
        value: Decimal = self.cleaned_data["amount"]
        digits = exponent(self.invoice.currency)
        if value.as_tuple().exponent < -digits and value != value.quantize(Decimal(1).scaleb(-digits)):  # type: ignore[operator]
            raise forms.ValidationError(f"{self.invoice.currency} has {digits or 'no'} decimals.")
        minor = to_minor(value, self.invoice.currency)
        if minor <= 0:
            raise forms.ValidationError("Must be more than 0.")
        return minor

    def clean_paid_on(self) -> date:
        """Money cannot have come tomorrow."""
        value: date = self.cleaned_data["paid_on"]
        if value > self.today:
            raise forms.ValidationError("This day is in the future.")
        return value
