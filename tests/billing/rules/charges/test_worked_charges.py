"""Charge models against cases with published answers (tests/data/worked_cases.jsonl)."""

import json
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from billing.rules.charges.base import Step, Usage
from billing.rules.charges.registry import price
from billing.rules.money import exact, round_half_up

CENT = Decimal("0.01")
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
        values = [after - before for before, after in pairwise(totals)]
        # The running total stops early; the events that follow it share the rest.
        missing = given["events_count"] - len(values)
        values += [(Decimal(given["units"]) - totals[-1]) / missing] * missing if missing > 0 else []
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
    if given["charge_model"] == "package":  # the price of a paid unit
        shown_units -= sum((step.units or 0 for step in priced.steps if step.kind == "free"), Decimal(0))
    unit_amount = priced.unit_amount(shown_units)
    checks = {
        "amount": lambda value: priced.total == Decimal(value),
        "amount_cents": lambda value: round_half_up(priced.total * 100) == value,
        "amount_round2": lambda value: round_half_up(priced.total, 2) == Decimal(value),
        "amount_ceil2": lambda value: priced.total.quantize(CENT, ROUND_CEILING) == Decimal(value),
        "unit_amount": lambda value: unit_amount == Decimal(value),
        "unit_amount_round2": lambda value: round_half_up(unit_amount, 2) == Decimal(value),
        "details": lambda value: details_match(value, priced.steps),
    }
    for key, value in expect.items():
        assert checks[key](value), (key, value, priced)


def details_match(details: Any, steps: tuple[Step, ...]) -> bool:
    """The step by step figures of the case, compared with our steps."""
    if isinstance(details, list):  # tiers
        return [
            (Decimal(row["units"]), Decimal(row["flat_unit_amount"]), Decimal(row["total_with_flat_amount"]))
            for row in details
        ] == [(step.units, step.flat_amount, step.amount) for step in steps]
    by_kind = {step.kind: step for step in steps}
    if "rate" in details:  # percentage
        fixed = by_kind.get("fixed")
        return by_kind["percentage"].amount == Decimal(details["per_unit_total_amount"]) and (
            fixed is None or fixed.amount == Decimal(details["fixed_fee_total_amount"])
        )
    if "paid_units" in details:  # package
        return by_kind["free"].units == Decimal(details["free_units"])
    return by_kind["tier"].unit_amount == Decimal(details["per_unit_amount"])
