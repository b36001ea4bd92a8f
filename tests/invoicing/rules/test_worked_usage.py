"""From events to an amount with tax, against cases with published answers: the rules in a row.

aggregate -> price -> line -> totals, the way current usage is computed.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.rules.aggregation import Aggregation, UsageEvent, aggregate
from billing.rules.charges.base import Usage
from billing.rules.charges.registry import price
from billing.rules.periods import BillingTime, Interval
from billing.rules.tax import Tax
from billing.rules.windows import Schedule, running_windows
from invoicing.rules.lines import Line, LineFacts, charge_line
from invoicing.rules.totals import compute_totals

DATA = Path(__file__).parents[2] / "data" / "worked_cases.jsonl"
ALL = [json.loads(line) for line in DATA.read_text().splitlines()]
CASES = [pytest.param(case, id=case["id"]) for case in ALL if case["area"].startswith("usage.")]


def camel(value: Any) -> Any:
    """snake_case properties to the camelCase ones of our API."""
    if isinstance(value, dict):
        return {
            head + "".join(word.title() for word in rest): camel(item)
            for key, item in value.items()
            for head, *rest in [key.split("_")]
        }
    return [camel(item) for item in value] if isinstance(value, list) else value


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def lines_at(given: dict[str, Any], events: list[dict[str, Any]], at: datetime) -> list[Line]:
    """One line per group of the charge, as the usage page shows it at `at`."""
    schedule = Schedule(
        interval=Interval(given["plan"]["interval"]),
        billing_time=BillingTime(given["billing_time"]),
        anchor=moment(given["subscribed_at"]),
        tz="UTC",
        pay_in_advance=given["plan"]["pay_in_advance"],
        started_at=moment(given["subscribed_at"]),
    )
    window = running_windows(schedule, at).usage
    assert window is not None
    properties = dict(given["properties"])
    group_keys = properties.pop("grouped_by", [])
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        groups[tuple(event.get(key) for key in group_keys)].append(event)
    taxes = (Tax("tax", Decimal(given["tax_rate"])),) if "tax_rate" in given else ()
    aggregation = given["aggregation"]
    lines = []
    for rows in list(groups.values()) or [[]]:
        counted = aggregate(
            Aggregation(aggregation["type"].removesuffix("_agg")),
            [UsageEvent.of(at, row, aggregation.get("field_name"), order) for order, row in enumerate(rows)],
            window,
            recurring=aggregation.get("recurring", False),
        )
        own = sum((Decimal(row.get("precise_total_amount_cents", 0)) for row in rows), Decimal(0)) / 100
        usage = Usage(counted.units, counted.events_count, counted.event_values, events_total=own)
        priced = price(given["charge_model"], camel(properties), usage)
        lines.append(charge_line(LineFacts("Usage", "EUR", taxes), priced, usage))
    return lines


@pytest.mark.parametrize("case", CASES)
def test_usage(case: dict[str, Any]) -> None:
    given = case["given"]
    events: list[dict[str, Any]] = []
    checked = 0
    for step, expect in zip(given["steps"], case["expect"]["after_each_step"], strict=True):
        events += step["events"]
        lines = lines_at(given, events, moment(step["at"]))
        totals = compute_totals(lines, currency="EUR")
        found = {
            "units": sum(line.units for line in lines),
            "total_aggregated_units": sum(line.units for line in lines),
            "events_count": sum(line.events_count for line in lines),
            "amount_cents": totals.lines_minor,
            "total_amount_cents": totals.total_minor,
        }
        for key in found.keys() & expect.keys():
            assert found[key] == Decimal(expect[key]), key
            checked += 1
        amounts = sorted(
            group["amount_cents"] for group in expect.get("groups", []) if "amount_cents" in group
        )
        assert not amounts or sorted(line.amount_minor for line in lines) == amounts
    assert checked
