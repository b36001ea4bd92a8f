"""Aggregation against cases with published answers (tests/data/worked_cases.jsonl)."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.rules.aggregation import (
    Aggregated,
    Aggregation,
    RoundingFunction,
    UsageEvent,
    aggregate,
    round_units,
)
from billing.rules.money import round_half_up
from billing.rules.periods import Period
from billing.rules.prorated import prorated_sum, prorated_unique_count

DATA = Path(__file__).parents[2] / "data" / "worked_cases.jsonl"
ALL = [json.loads(line, parse_float=Decimal) for line in DATA.read_text().splitlines()]
HIGH_WATER = "asks for the high-water mark of charges paid in advance"
OTHER_QUESTION = {
    "aggregation-max-agg-008": "asks for a per-event view that we do not keep",
    "aggregation-sum-agg-016": HIGH_WATER,
    "aggregation-prorated-sum-009": HIGH_WATER,
    "aggregation-prorated-sum-011": HIGH_WATER,
    "aggregation-prorated-unique-count-016": HIGH_WATER,
    "aggregation-prorated-unique-count-017": HIGH_WATER,
}
CASES = [
    pytest.param(case, id=case["id"])
    for case in ALL
    if case["area"].startswith("aggregation.") and case["area"] != "aggregation.rounding"
]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def window_of(period: dict[str, Any]) -> Period:
    end = moment(period["to"])
    if end.second == 59:
        end = (end + timedelta(seconds=1)).replace(microsecond=0)
    return Period(moment(period["from"]), end)


def events_of(given: dict[str, Any], only: dict[str, str]) -> list[UsageEvent]:
    return [
        UsageEvent.of(moment(event["timestamp"]), event["properties"], given.get("field_name"), i)
        for i, event in enumerate(given["events"])
        if only.items() <= event["properties"].items()
    ]


def aggregated(given: dict[str, Any], only: dict[str, str]) -> Aggregated:
    window, events = window_of(given["period"]), events_of(given, only)
    kind = Aggregation(given["aggregation_type"].removesuffix("_agg"))
    recurring = given.get("recurring", False)
    result = aggregate(
        kind,
        events,
        window,
        recurring=recurring,
        initial=Decimal(given.get("previous_period_value", 0)),
    )
    if given.get("prorated"):
        prorate = prorated_sum if kind == Aggregation.SUM else prorated_unique_count
        prorated = prorate(events, window, given["period"]["charges_duration_days"], "UTC")
        return Aggregated(prorated.units, prorated.events_count)
    return result


@pytest.mark.parametrize("case", CASES)
def test_worked_aggregation(case: dict[str, Any]) -> None:
    if case["id"] in OTHER_QUESTION:
        pytest.skip(OTHER_QUESTION[case["id"]])
    given, expect = case["given"], case["expect"]
    if "estimated_event" in given:
        extra = {
            "timestamp": given["period"]["from"].replace("01T", "30T"),
            "properties": given["estimated_event"],
        }
        given = {**given, "events": [*given["events"], extra]}
    if "pay_in_advance_event" in given:
        extra = {**given["pay_in_advance_event"]}
        given = {**given, "events": [{"timestamp": extra.pop("timestamp"), "properties": extra}]}
    groups = expect.get("groups") or expect.get("groups_round5") or [{}]
    for group in groups:
        only = {key: group[key] for key in given.get("pricing_group_keys", [])}
        result = aggregated(given, only)
        check(given, result, {**expect, **{k: v for k, v in group.items() if k not in only}})


def check(given: dict[str, Any], result: Aggregated, expect: dict[str, Any]) -> None:
    checked = 0
    for key, value in expect.items():
        if key in ("aggregation", "pay_in_advance_aggregation"):
            units = result.units
            if "rounding_function" in given:
                function = RoundingFunction(given["rounding_function"])
                units = round_units(units, function, given["rounding_precision"])
            places = 5 if "groups_round5" in expect else None
            assert (round_half_up(units, places) if places else units) == Decimal(value)
        elif key == "aggregation_round5":
            assert round_half_up(result.units, 5) == Decimal(value)
        elif key == "count":
            assert result.events_count == value
        elif key == "running_total":
            totals = [sum(result.event_values[: i + 1], Decimal(0)) for i in range(len(value))]
            assert totals == [Decimal(total) for total in value]
        elif key in ("variation", "total_aggregated_units"):
            carried = Decimal(given["previous_period_value"]) if key.startswith("total") else Decimal(0)
            assert sum(result.event_values, carried) == Decimal(value)
        else:
            continue
        checked += 1
    assert checked


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c["id"]) for c in ALL if c["area"] == "aggregation.rounding"]
)
def test_worked_rounding(case: dict[str, Any]) -> None:
    given = case["given"]
    function = given["rounding_function"] and RoundingFunction(given["rounding_function"])
    rounded = round_units(Decimal(given["units"]), function, given["rounding_precision"])
    assert rounded == Decimal(case["expect"]["units"])
