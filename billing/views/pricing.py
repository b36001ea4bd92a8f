"""The worked example beside the editor of a charge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.forms.charge import ChargeEditor
from billing.rules.charges.base import Step
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.money import from_minor
from billing.web.formats import money_text, units_text
from billing.web.pricing import price_text, rate_text

CURVE_ROWS = 8
EACH = Decimal("0.000001")
REQUIRED = "This field is required."


def worked(editor: ChargeEditor, at: datetime) -> dict[str, Any]:
    """The worked example of an editor: `amount` and `rows`, or `errors` in words, or a `hint` what to enter."""
    if editor.model == "dynamic" and not editor.example_list:
        return {"hint": "Each event names its own amount as preciseTotalAmount."}
    if not editor.currency:
        return {"hint": "Choose the currency to see what this costs."}
    tried = None
    try:
        if editor.example_list:
            example, tried = editor.example_of_list(at)
            points = []
        else:
            example, points = editor.example(), editor.curve()
    except BillingError as error:
        pairs = error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
        if any(text == REQUIRED for _, text in pairs):
            return {"hint": "Enter the price to see what this costs."}
        return {"errors": [editor.cell(path, text) for path, text in pairs[:3]]}
    return {
        "amount": money_text(example.amount_minor, example.currency),
        "rows": [step_cells(step, example.currency) for step in example.steps],
        "assumed": example.assumed,
        "tried": tried,
        "units": units_text(example.units),
        "curve": drawn(points, example.currency),
    }


def drawn(points: Sequence[tuple[Decimal, int]], currency: str) -> dict[str, Any] | None:
    """The curve as points of an SVG of 100 by 100, its ends in words, and a table of every few points."""
    top = max((minor for _, minor in points), default=0)
    if len(points) < 2 or top <= 0:
        return None
    width = points[-1][0]
    every = max(1, len(points) // CURVE_ROWS)
    listed = [*points[every:-1:every], points[-1]]
    return {
        "points": " ".join(
            f"{units / width * 100:.2f},{100 - Decimal(minor) / top * 100:.2f}" for units, minor in points
        ),
        "units": units_text(width),
        "top": money_text(top, currency),
        "end": money_text(points[-1][1], currency),
        "rows": [
            {
                "units": units_text(units),
                "amount": money_text(minor, currency),
                "each": price_text((from_minor(minor, currency) / units).quantize(EACH), currency),
            }
            for units, minor in listed
        ],
    }


def step_cells(step: Step, currency: str) -> dict[str, str]:
    """One step in words: label, how, amount."""
    how = []
    if step.rate is not None:
        how.append(f"{units_text(step.units)} × {rate_text(step.rate)}")
    elif step.unit_amount is not None:
        how.append(f"{units_text(step.units)} × {price_text(step.unit_amount, currency)}")
    if step.flat_amount:
        how.append(f"{price_text(step.flat_amount, currency)} flat")
    return {"label": step.label, "how": " + ".join(how), "amount": price_text(step.amount, currency)}
