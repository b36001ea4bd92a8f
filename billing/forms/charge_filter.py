"""The editor of one filter of a charge: which events it lets through, and their price."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.actions.charge_terms import FilterTerms
from billing.forms.charge_fields import FilterForm
from billing.forms.charge_rows import Row, choice
from billing.forms.price import PriceEditor
from billing.models import Metric
from billing.rules.filters import ALL_VALUES


def choices_of(metric: Metric) -> list[tuple[str, list[tuple[str, str]]]]:
    """[(property, its boxes)] of a metric's filters."""
    return [
        (
            row["key"],
            [(choice(row["key"]), "any"), *((choice(row["key"], value), value) for value in row["values"])],
        )
        for row in metric.filters
    ]


class FilterEditor(PriceEditor):
    """A filter on the page. After the charge's `check` its errors stand at their cells."""

    tier_verb = "filter-tier"

    def __init__(
        self, charge: int, index: int, model: str, row: Row, metric: Metric | None, *, checked: bool
    ) -> None:
        super().__init__(
            f"charges-{charge}-filters-{index}", f"{charge}:{index}", model, row, checked=checked
        )
        self.index = index
        self.groups = choices_of(metric) if metric else []
        boxes = [box for _, some in self.groups for box in some]
        known = {box for box, _ in boxes}
        row["choices"] = [box for box in row.get("choices", []) if box in known]
        flat = {f"{self.prefix}-{name}": value for name, value in row.items() if name != "tiers"}
        self.form = FilterForm(flat if checked else None, initial=row, prefix=self.prefix)
        self.form.fields["choices"].choices = boxes

    @property
    def title(self) -> str:
        """ "Filter 1"."""
        return f"Filter {self.index + 1}"

    @property
    def boxes(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """[(property, its boxes as the page shows them)]."""
        chosen = set(self.row["choices"])
        name = self.form["choices"].html_name
        shown = []
        for at, (key, some) in enumerate(self.groups):
            row = [
                {
                    "id": f"id_{name}_{at}_{n}",
                    "name": name,
                    "value": value,
                    "label": label,
                    "on": value in chosen,
                }
                for n, (value, label) in enumerate(some)
            ]
            shown.append((key, row))
        return shown

    def values(self) -> dict[str, list[str]]:
        """What is ticked, as the action takes it; "any" outweighs single values."""
        found: dict[str, list[str]] = {}
        for key, some in self.groups:
            on = [(box, label) for box, label in some if box in self.row["choices"]]
            if on:
                any_value = on[0][0] == choice(key)
                found[key] = [ALL_VALUES] if any_value else [label for _, label in on]
        return found

    def terms(self) -> FilterTerms:
        """The filter as it is typed."""
        name = str(self.row.get("invoice_display_name") or "")
        return FilterTerms(self.values(), self.properties(), name)

    def check(self) -> None:
        """Look at the fields by themselves."""
        self.check_tiers()
        self.form.is_valid()

    def add_errors(self, errors: list[tuple[str, str]]) -> None:
        """Errors of the action, without their `filters[i].`."""
        plain = [("values" if path.startswith("values") else path, text) for path, text in errors]
        self.put_errors(plain, {"values": "choices", "invoiceDisplayName": "invoice_display_name"})

    @property
    def choice_errors(self) -> forms.utils.ErrorList:
        """What is wrong with the boxes."""
        return self.form["choices"].errors
