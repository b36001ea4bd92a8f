"""The editor of one charge in the plan form: its fields, its tiers, and how they become terms.

Errors of the charge model carry a path (`properties.graduatedRanges[1].toValue`), which leads to the exact cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.utils.safestring import SafeString

from billing.actions.charges import ChargeTerms, checked_properties
from billing.forms.charge_fields import ChargeForm, Shelf, TierForm
from billing.forms.charge_rows import (
    MODEL_FIELDS,
    MODEL_HINTS,
    PROPERTIES,
    TIERS,
    WORDS,
    Row,
    example_number,
    from_values,
    readable,
)
from billing.queries.charge_preview import Example, work_out
from billing.rules.amounts import read_amount
from billing.rules.charges.base import plain
from billing.rules.charges.reading import bound_out
from billing.rules.charges.registry import CHARGE_MODELS
from billing.rules.errors import BillingError, FieldErrors, Invalid

_ERROR = re.compile(r"properties\.\w+\[(\d+)\]\.(\w+)$")
_CELLS = {"fromValue": "to_value", "toValue": "to_value", "perUnitAmount": "price", "rate": "price"}


class ChargeEditor:
    """One charge on the page: `form`, `tiers` [(from, TierForm)], and after `check()` its errors or `terms`."""

    def __init__(self, index: int, row: Row, shelf: Shelf, *, currency: str, checked: bool = False) -> None:
        self.index, self.row, self.shelf, self.currency = index, row, shelf, currency
        self.prefix = f"charges-{index}"
        self.model = row.get("charge_model") if row.get("charge_model") in CHARGE_MODELS else "standard"
        self.metric = shelf.metrics.get(str(row.get("metric") or ""))
        if self.model in TIERS and not row.get("tiers"):
            row["tiers"] = [{}, {}]
        flat = {f"{self.prefix}-{name}": value for name, value in row.items() if name != "tiers"}
        self.form = ChargeForm(flat if checked else None, initial=row, prefix=self.prefix)
        metrics = [(key, f"{metric.name} ({metric.code})") for key, metric in shelf.metrics.items()]
        self.form.fields["metric"].choices = [("", "Choose a metric"), *metrics]  # type: ignore[attr-defined]
        self.form.fields["taxes"].choices = [  # type: ignore[attr-defined]
            (key, str(tax)) for key, tax in shelf.taxes.items()
        ]
        self.tier_forms = [
            self.tier_form(number, tier, checked) for number, tier in enumerate(self.tier_rows)
        ]
        self.terms: ChargeTerms | None = None

    def tier_form(self, number: int | str, tier: Row, checked: bool) -> TierForm:
        """The form of one tier."""
        prefix = f"{self.prefix}-tiers-{number}"
        data = {f"{prefix}-{name}": value for name, value in tier.items()} if checked else None
        form = TierForm(data, initial=tier, prefix=prefix)
        if self.model == "graduated_percentage":
            form.fields["price"].label = "Rate"
        if tier.get("autofocus"):
            form.fields["to_value"].widget.attrs["autofocus"] = True
        return form

    @property
    def tier_rows(self) -> list[Row]:
        """The tiers as typed; none for models without."""
        return self.row.get("tiers", []) if self.model in TIERS else []

    @property
    def tiers(self) -> list[tuple[str, TierForm]]:
        """(where it starts, form) of each tier."""
        shown, known = [], True
        for start, form, row in zip(
            from_values(self.tier_rows), self.tier_forms, self.tier_rows, strict=True
        ):
            shown.append((plain(start) if known else "…", form))
            known = readable(str(row.get("to_value") or ""))
        return shown

    @property
    def empty_tier(self) -> TierForm:
        """The row that is added on the page."""
        return self.tier_form("__prefix__", {}, False)

    @property
    def title(self) -> str:
        """The metric's name, once it is chosen."""
        return self.metric.name if self.metric else "New charge"

    @property
    def model_title(self) -> str:
        """ "Graduated"."""
        return CHARGE_MODELS[self.model].title  # type: ignore[index]

    @property
    def model_hint(self) -> str:
        """What the model does, in a sentence."""
        return MODEL_HINTS[self.model]  # type: ignore[index]

    @property
    def fields(self) -> list[forms.BoundField]:
        """The fields of the model, in order."""
        return [self.form[name] for name in MODEL_FIELDS.get(str(self.model), ())]

    @property
    def refresh(self) -> str:
        """What a select sends when its choice changes which fields there are (hx-vals)."""
        return f'{{"do": "model:{self.index}"}}'

    @property
    def has_extras(self) -> bool:
        """Whether the folded part has something to show."""
        names = ("invoice_display_name", "min_amount", "taxes")
        return any(self.row.get(name) or self.form[name].errors for name in names)

    @property
    def units_input(self) -> SafeString:
        """The number of units of the worked example."""
        attrs: dict[str, str | bool] = {"class": "input", "aria-label": "Units of the example"}
        return self.example_form["example_units"].as_widget(attrs=attrs)

    @property
    def events_input(self) -> SafeString:
        """The number of events of the worked example."""
        attrs: dict[str, str | bool] = {"class": "input is-short", "aria-label": "Events of the example"}
        return self.example_form["example_events"].as_widget(attrs=attrs)

    @property
    def example_form(self) -> ChargeForm:
        """The fields of the worked example, filled in whether the charge is checked or not."""
        initial = {"example_units": self.example_units, "example_events": self.example_events}
        return ChargeForm(initial=initial, prefix=self.prefix)

    @property
    def rated(self) -> bool:
        """Whether tiers hold percentages."""
        return self.model == "graduated_percentage"

    def properties(self) -> dict[str, Any]:
        """What is typed, as the charge model takes it."""
        if self.model in TIERS:
            ranges, price = TIERS[self.model]
            rows, last = self.tier_rows, len(self.tier_rows) - 1
            return {
                ranges: [
                    {
                        "fromValue": bound_out(start),
                        "toValue": None if number == last else tier.get("to_value"),
                        price: tier.get("price"),
                        "flatAmount": tier.get("flat"),
                    }
                    for number, (start, tier) in enumerate(zip(from_values(rows), rows, strict=True))
                ]
            }
        names = MODEL_FIELDS.get(str(self.model), ())
        return {PROPERTIES[name]: self.row.get(name) for name in names}

    def check(self) -> bool:
        """Whether this charge is in order; else its cells carry the errors. Needs `checked=True`."""
        for form in self.tier_forms:
            form.is_valid()
            if not (form["price"].value() or form["flat"].value()):
                form.add_error("price", "Enter a price; 0 is allowed.")
        if not self.form.is_valid() or self.metric is None:
            return False
        terms = ChargeTerms(
            metric=self.metric,
            charge_model=str(self.model),
            properties=self.properties(),
            invoice_display_name=self.form.cleaned_data["invoice_display_name"],
            min_amount_minor=self.minimum(),
            taxes=[self.shelf.taxes[key] for key in self.form.cleaned_data["taxes"]],
            id=self.id,
        )
        try:
            checked_properties(terms)
        except BillingError as error:
            self.add_errors(
                error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
            )
        self.terms = terms
        return self.is_valid()

    @property
    def id(self) -> UUID | None:
        """The stored charge that this edits."""
        try:
            return UUID(str(self.row.get("id") or ""))
        except ValueError:
            return None

    def minimum(self) -> int:
        """The minimum spend in minor units; an error stands at its field."""
        typed = str(self.row.get("min_amount") or "")
        try:
            return read_amount(typed, self.currency) if typed.strip() and self.currency else 0
        except Invalid as error:
            self.form.add_error("min_amount", str(error))
            return 0

    def is_valid(self) -> bool:
        """No error anywhere."""
        return not self.form.errors and not any(form.errors for form in self.tier_forms)

    def add_errors(self, errors: Sequence[tuple[str, str]]) -> None:
        """Put errors of the rule or the action at their cells; the rest stands above the charge."""
        fields = {f"properties.{prop}": name for name, prop in PROPERTIES.items()}
        fields |= {"chargeModel": "charge_model", "metric": "metric", "minAmount": "min_amount"}
        fields["invoiceDisplayName"] = "invoice_display_name"
        for path, message in errors:
            text = WORDS.get(message, message)
            tier = _ERROR.match(path)
            if tier and int(tier[1]) < len(self.tier_forms):
                form, cell = self.tier_forms[int(tier[1])], _CELLS.get(tier[2], "flat")
                if text not in form.errors.get(cell, []):
                    form.add_error(cell, text)
            else:
                name = fields.get(path)
                if name is None or text not in self.form.errors.get(name, []):
                    self.form.add_error(name, text)

    def place(self, path: str, text: str) -> str:
        """An error of the rule in words: "Tier 2: Must be more than 1,000."."""
        text = WORDS.get(text, text)
        if tier := _ERROR.match(f"properties.{path}"):
            return f"Tier {int(tier[1]) + 1}: {text}"
        names = {prop: str(self.form.fields[name].label) for name, prop in PROPERTIES.items()}
        names |= {"units": "Units", "eventsCount": "Events"}
        return f"{names[path]}: {text}" if path in names else text

    def example(self) -> Example:
        """The worked example for the units that were typed. Raises as `work_out` does."""
        return work_out(
            str(self.model),
            self.properties(),
            currency=self.currency,
            units=example_number(self.example_units, "units"),
            events_count=int(example_number(self.example_events, "eventsCount")) if self.by_event else 0,
        )

    @property
    def by_event(self) -> bool:
        """Whether the number of events matters for the price."""
        return self.model == "percentage"

    @property
    def example_units(self) -> str:
        """The units of the worked example: as typed, else one that reaches every tier."""
        if self.row.get("example_units"):
            return str(self.row["example_units"])
        if len(self.tier_rows) > 1:
            # A quarter beyond where the last tier begins, so that the example shows every tier.
            return plain(((from_values(self.tier_rows)[-1] - 1) * Decimal("1.25")).to_integral_value())
        return "1,000"

    @property
    def example_events(self) -> str:
        """The events of the worked example."""
        return str(self.row.get("example_events") or "100")
