"""Usage thresholds as a form: rows of amounts, and one that repeats. A plan's, and the base of a subscription's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from billing.actions.thresholds import MOST, ThresholdTerms
from billing.models import UsageThreshold
from billing.rules.amounts import read_amount
from billing.rules.errors import Invalid
from billing.rules.money import from_minor

DECIMAL = {"inputmode": "decimal", "autocomplete": "off"}


class ThresholdRow(forms.Form):
    """One threshold."""

    amount = forms.CharField(
        max_length=40, widget=forms.TextInput(attrs=DECIMAL | {"placeholder": "Amount"}), label="Amount"
    )
    name = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"placeholder": "Name", "autocomplete": "off"}),
        label="Name",
    )

    def __init__(self, *args: Any, currency: str = "EUR", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency

    def clean_amount(self) -> int:
        """Minor units."""
        return minor(self.cleaned_data["amount"], self.currency)


ThresholdRows = forms.formset_factory(
    ThresholdRow, extra=1, can_delete=True, max_num=MOST, absolute_max=MOST + 1, validate_max=True
)


class ThresholdsForm(forms.Form):
    """The thresholds `own` in a currency."""

    recurring = forms.CharField(
        label="And then every",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs=DECIMAL),
        help_text="After the largest one, each time that much more has been used.",
    )

    def __init__(
        self,
        data: QueryDict | None,
        *,
        currency: str,
        own: Iterable[UsageThreshold],
        initial: dict[str, Any] | None = None,
    ) -> None:
        self.currency = currency
        rows = list(own)
        again = [row for row in rows if row.recurring]
        recurring = amount_text(again[0].amount_minor, currency) if again else ""
        super().__init__(data, initial={"recurring": recurring} | (initial or {}))
        self.rows = ThresholdRows(
            data,
            prefix="rows",
            initial=[
                {"amount": amount_text(row.amount_minor, currency), "name": row.name}
                for row in rows
                if not row.recurring
            ],
            form_kwargs={"currency": currency},
        )

    def is_valid(self) -> bool:
        """With the rows."""
        return all([super().is_valid(), self.rows.is_valid()])

    def clean_recurring(self) -> int | None:
        """Minor units, or None."""
        text = self.cleaned_data["recurring"]
        return minor(text, self.currency) if text else None

    def terms(self) -> list[ThresholdTerms]:
        """The thresholds that were entered."""
        found = [
            ThresholdTerms(row["amount"], row.get("name", ""))
            for row in self.rows.cleaned_data
            if row.get("amount") and not row.get("DELETE")
        ]
        if again := self.cleaned_data["recurring"]:
            found.append(ThresholdTerms(again, recurring=True))
        return found


def minor(text: str, currency: str) -> int:
    """A person's amount to minor units; forms.ValidationError says what is wrong."""
    try:
        return read_amount(text, currency)
    except Invalid as error:
        raise forms.ValidationError(str(error)) from error


def amount_text(minor_units: int, currency: str) -> str:
    """Minor units as they are typed."""
    value = from_minor(minor_units, currency)
    return f"{value:f}"
