"""The form of an invoice that is made again: each line of the voided one, kept, changed or left out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from billing.web.once import OnceForm
from invoicing.forms.draft_lines import number_field
from invoicing.models import InvoiceLine
from invoicing.rules.adjusting import Correction


class RegenerateForm(OnceForm):
    """Fields `keep-`, `name-`, `units-` and `price-` with the id of each line."""

    def __init__(self, data: QueryDict | None, *, rows: Sequence[InvoiceLine]) -> None:
        super().__init__(data)
        self.rows = rows
        for row in rows:
            key = row.pk.hex
            self.fields[f"keep-{key}"] = forms.BooleanField(label="Keep", required=False, initial=True)
            self.fields[f"name-{key}"] = forms.CharField(
                label="Name", max_length=1000, initial=row.description
            )
            self.fields[f"units-{key}"] = number_field("Units", initial=text(row.units))
            self.fields[f"price-{key}"] = number_field("Unit price", initial=text(row.unit_amount))
            for name in ("units", "price"):
                self.fields[f"{name}-{key}"].required = True

    def clean(self) -> dict[str, Any]:
        """What is left out may say anything."""
        for row in self.rows:
            if not self.cleaned_data.get(f"keep-{row.pk.hex}"):
                for name in ("name", "units", "price"):
                    self.errors.pop(f"{name}-{row.pk.hex}", None)
        return self.cleaned_data

    def lines(self) -> list[dict[str, Any]]:
        """Each line with its fields, for the template."""
        return [
            {
                "row": row,
                **{name: self[f"{name}-{row.pk.hex}"] for name in ("keep", "name", "units", "price")},
            }
            for row in self.rows
        ]

    def wanted(self) -> dict[UUID, Correction]:
        """The lines that stay, each with what differs."""
        data, found = self.cleaned_data, {}
        for row in self.rows:
            key = row.pk.hex
            if not data.get(f"keep-{key}"):
                continue
            units: Decimal = data[f"units-{key}"]
            price: Decimal = data[f"price-{key}"]
            name = data[f"name-{key}"].strip()
            other_price = price != Decimal(text(row.unit_amount))
            other_units = units != row.units
            found[row.pk] = Correction(
                units if other_units or other_price else None,
                price if other_price else None,
                "" if name == row.description else name,
            )
        return found


def text(value: Decimal) -> str:
    """An exact number to type on."""
    return f"{value.normalize():f}"
