"""The editor of one price: the fields of its charge model and its tiers, as they are typed.

A charge has one, and so has each of its filters. Errors of the charge model carry a path
(`properties.graduatedRanges[1].toValue`), which leads to the exact cell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from billing.forms.charge_fields import TierForm
from billing.forms.charge_rows import MODEL_FIELDS, PROPERTIES, TIERS, WORDS, Row, from_values, readable
from billing.rules.charges.base import plain
from billing.rules.charges.reading import bound_out

_ERROR = re.compile(r"properties\.\w+\[(\d+)\]\.(\w+)$")
_EVENT = re.compile(r"events\[(\d+)\](?:\.(?:properties\.)?(.+))?$")
_CELLS = {"fromValue": "to_value", "toValue": "to_value", "perUnitAmount": "price", "rate": "price"}


class PriceEditor:
    """One price on the page: `form` holds the fields of the model, `tiers` [(from, TierForm)].

    `place` names it in the buttons that work without JavaScript: "0" is the first charge, "0:1" its second filter.
    """

    form: Any
    tier_verb = "tier"  # of the buttons: add-tier:0, remove-tier:0:1

    def __init__(self, prefix: str, place: str, model: str, row: Row, *, checked: bool) -> None:
        self.prefix, self.place, self.model, self.row = prefix, place, model, row
        if model in TIERS and not row.get("tiers"):
            row["tiers"] = [{}, {}]
        self.tier_forms = [
            self.tier_form(number, tier, checked) for number, tier in enumerate(self.tier_rows)
        ]

    def tier_form(self, number: int | str, tier: Row, checked: bool) -> TierForm:
        """The form of one tier."""
        prefix = f"{self.prefix}-tiers-{number}"
        data = {f"{prefix}-{name}": value for name, value in tier.items()} if checked else None
        form = TierForm(data, initial=tier, prefix=prefix)
        if self.rated:
            form.fields["price"].label = "Rate"
        if tier.get("autofocus"):
            form.fields["to_value"].widget.attrs["autofocus"] = True
        return form

    @property
    def rated(self) -> bool:
        """Whether tiers hold percentages."""
        return self.model == "graduated_percentage"

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
    def fields(self) -> list[forms.BoundField]:
        """The fields of the model, in order."""
        return [self.form[name] for name in MODEL_FIELDS.get(self.model, ())]

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
        names = MODEL_FIELDS.get(self.model, ())
        return {PROPERTIES[name]: self.row.get(name) for name in names}

    def check_tiers(self) -> None:
        """Every tier has a price; else its cell says so."""
        for form in self.tier_forms:
            form.is_valid()
            if not (form["price"].value() or form["flat"].value()):
                form.add_error("price", "Enter a price; 0 is allowed.")

    def price_is_valid(self) -> bool:
        """No error in the fields and tiers."""
        return not self.form.errors and not any(form.errors for form in self.tier_forms)

    def put_errors(self, errors: Sequence[tuple[str, str]], fields: Mapping[str, str]) -> None:
        """Put errors of the rule or the action at their cells; the rest stands above. `fields`: {path: field}."""
        names = {f"properties.{prop}": name for name, prop in PROPERTIES.items()} | dict(fields)
        for path, message in errors:
            text = WORDS.get(message, message)
            tier = _ERROR.match(path)
            if tier and int(tier[1]) < len(self.tier_forms):
                form, cell = self.tier_forms[int(tier[1])], _CELLS.get(tier[2], "flat")
                if text not in form.errors.get(cell, []):
                    form.add_error(cell, text)
            else:
                name = names.get(path)
                if name is None or text not in self.form.errors.get(name, []):
                    self.form.add_error(name, text)

    def cell(self, path: str, text: str) -> str:
        """An error of the rule in words: "Tier 2: Must be more than 1,000."."""
        text = WORDS.get(text, text)
        if tier := _ERROR.match(f"properties.{path}"):
            return f"Tier {int(tier[1]) + 1}: {text}"
        if event := _EVENT.match(path):
            return f"Event {int(event[1]) + 1}{', ' + event[2] if event[2] else ''}: {text}"
        names = {prop: str(self.form.fields[name].label) for name, prop in PROPERTIES.items()}
        names |= {"units": "Units", "eventsCount": "Events"}
        return f"{names[path]}: {text}" if path in names else text
