"""Changing the units of a subscription's fixed charges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from billing.models import FixedCharge
from billing.web.once import OnceForm

FROM = (("now", "From now on"), ("next_period", "From the next period on"))


class UnitsForm(OnceForm):
    """A number per fixed charge, and from when on it holds."""

    start = forms.ChoiceField(label="From", choices=FROM, initial="now", widget=forms.RadioSelect)

    def __init__(
        self, data: Any, *, rows: list[FixedCharge], held: dict[Any, Decimal], next_on: str, pending: bool
    ) -> None:
        super().__init__(data)
        self.rows = rows
        for row in rows:
            self.fields[self.name_of(row)] = forms.DecimalField(
                label=row.invoice_name,
                min_value=0,
                max_digits=27,
                decimal_places=15,
                initial=f"{held[row.pk].normalize():f}",
                widget=forms.TextInput(attrs={"class": "num", "inputmode": "decimal", "autocomplete": "off"}),
            )
        self.fields["start"].choice_hints = {  # type: ignore[attr-defined]
            "now": "Added units that are paid in advance are billed at once.",
            "next_period": f"It begins on {next_on}." if next_on else "",
        }
        if pending:
            del self.fields["start"]

    @staticmethod
    def name_of(row: FixedCharge) -> str:
        """The input of a fixed charge."""
        return f"units-{row.pk.hex}"

    @property
    def numbers(self) -> list[tuple[FixedCharge, forms.BoundField]]:
        """(fixed charge, its input)."""
        return [(row, self[self.name_of(row)]) for row in self.rows]

    def units(self) -> dict[FixedCharge, Decimal]:
        """What was typed."""
        return {row: self.cleaned_data[self.name_of(row)] for row in self.rows}
