"""The forms that change a customer's type and mode."""

from __future__ import annotations

from typing import Any

from django import forms

from customers.models import Customer, CustomerType, Mode

HINTS = {
    "business": "Prices without tax; reverse charge with a valid VAT number.",
    "consumer": "Prices with tax; what the law wants consumers to read is printed.",
    "unknown": "Billed as a business, without reverse charge.",
    "prepaid": "Wallets spend what is there.",
    "postpaid": "Wallets may go below zero, down to their credit limit.",
}


class FlipForm(forms.Form):
    """What it will be, and why. `NAME` is the column."""

    NAME = ""
    CHOICES: Any = ()

    reason = forms.CharField(
        max_length=500, help_text="Kept in the log. Say what the change rests on.", required=False
    )

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = forms.ChoiceField(
            choices=self.CHOICES, widget=forms.RadioSelect, initial=getattr(customer, self.NAME)
        )
        field.choice_hints = HINTS  # type: ignore[attr-defined]
        field.label = "New type" if self.NAME == "customer_type" else "New mode"
        self.fields[self.NAME] = field

    @property
    def chosen(self) -> str:
        """What is chosen now, also before the form is sent."""
        value = self[self.NAME].value()
        return str(value) if value in dict(self.CHOICES) else str(self[self.NAME].initial)


class TypeForm(FlipForm):
    """Business, consumer or unknown."""

    NAME = "customer_type"
    CHOICES = CustomerType.choices


class ModeForm(FlipForm):
    """Prepaid or postpaid."""

    NAME = "mode"
    CHOICES = Mode.choices
