"""The worked example beside the editor of a charge."""

from __future__ import annotations

from typing import Any

from billing.forms.charge import ChargeEditor
from billing.rules.charges.base import Step
from billing.rules.errors import BillingError, FieldErrors
from billing.web.formats import money_text, units_text
from billing.web.pricing import price_text, rate_text

REQUIRED = "This field is required."


def worked(editor: ChargeEditor) -> dict[str, Any]:
    """The worked example of an editor: `amount` and `rows`, or `errors` in words, or a `hint` what to enter."""
    if editor.model == "dynamic":
        return {"hint": "Each event names its own amount as preciseTotalAmount."}
    if not editor.currency:
        return {"hint": "Choose the currency to see what this costs."}
    try:
        example = editor.example()
    except BillingError as error:
        pairs = error.errors if isinstance(error, FieldErrors) else [(error.field or "", str(error))]
        if any(text == REQUIRED for _, text in pairs):
            return {"hint": "Enter the price to see what this costs."}
        return {"errors": [editor.cell(path, text) for path, text in pairs[:3]]}
    return {
        "amount": money_text(example.amount_minor, example.currency),
        "rows": [step_cells(step, example.currency) for step in example.steps],
        "assumed": example.assumed,
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
