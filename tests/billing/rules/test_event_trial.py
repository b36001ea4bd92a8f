"""What a metric makes of a list that is typed: hand-checked, and the same as the SQL makes of events that count."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.rules.aggregation import Aggregation, RoundingFunction
from billing.rules.errors import FieldErrors, Invalid
from billing.rules.event_trial import MOST_EVENTS, Measure, month_of, read_lines, try_events

AT = datetime(2026, 12, 15, 12, tzinfo=UTC)
HALF = "2026-11-16T00:00:00Z"  # half of November has passed


def units(kind: str, lines: str, field: str = "gb", **measure: Any) -> tuple[Decimal, int]:
    found = try_events(Measure(Aggregation(kind), field, **measure), read_lines(lines, field), at=AT)
    return found.units, found.events_count


@pytest.mark.parametrize(
    ("kind", "lines", "expected"),
    [
        ("sum", '12\n\n{"gb": 7.5}\n{"properties": {"gb": "x"}}', ("19.5", 2)),
        ("sum", "0.1\n0.2\n-0.3", ("0.0", 3)),
        ("count", '{}\n{"a": 1}', ("2", 2)),
        ("max", "3\n9\n-4", ("9", 3)),
        ("latest", '5\n{"gb": 7}\n6', ("6", 3)),
        ("latest", f'{{"gb": 7, "timestamp": "{HALF}"}}', ("7", 1)),
        ("latest", f'{{"timestamp": "{HALF}", "properties": {{"gb": 7}}}}\n3', ("7", 2)),
        ("unique_count", 'a\nb\na\n{"gb": "b", "operation_type": "remove"}', ("1", 4)),
        ("weighted_sum", f'10\n{{"timestamp": "{HALF}", "properties": {{"gb": -4}}}}', ("8", 2)),
        ("sum", '[{"gb": 1},\n {"gb": 2}]', ("3", 2)),
    ],
)
def test_units(kind: str, lines: str, expected: tuple[str, int]) -> None:
    """The weighted sum: 10 for the month, 6 from its middle: (10 x 15 + 6 x 15) / 30 = 8."""
    assert units(kind, lines) == (Decimal(expected[0]), expected[1])


def test_rounding_expressions_and_amounts() -> None:
    assert units("sum", "1.2", rounding=RoundingFunction.CEIL) == (Decimal(2), 1)
    assert units("sum", '{"a": 2, "b": 3}', "", expression="event.properties.a * event.properties.b")[0] == 6
    events = [{"preciseTotalAmount": "1.10", "properties": {"gb": 1}}, {"preciseTotalAmount": "0.05"}]
    assert try_events(Measure(Aggregation.SUM, "gb"), events, at=AT).events_total == Decimal("1.15")


def test_the_window_is_the_month_of_the_earliest_event() -> None:
    assert month_of(AT).end == datetime(2027, 1, 1, tzinfo=UTC)
    lines = '{"timestamp": "2026-11-30T23:59:59Z", "properties": {"gb": 1}}\n' + (
        '{"timestamp": "2026-12-01T00:00:00Z", "properties": {"gb": 2}}\n4'
    )
    found = try_events(Measure(Aggregation.SUM, "gb"), read_lines(lines, "gb"), at=AT)
    assert (found.units, found.events_count, found.sent) == (Decimal(5), 2, 3)
    assert found.window.start == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("1\n{", "Line 2 is not valid JSON"),
        ("[1]", "enter JSON objects"),
        ("[", "not valid JSON"),
        (" ", "There are no events"),
        ("1\n" * (MOST_EVENTS + 1), "at most 1,000"),
        ("[" * 5000, "The list"),
    ],
)
def test_what_cannot_be_read_is_said(lines: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem) as caught:
        units("sum", lines)
    assert caught.value.field == "events"


def test_a_bad_event_is_named_with_its_property() -> None:
    bad = '1\n{"gb": 1e30}\n{"timestamp": "1999-01-01", "properties": {}}'
    with pytest.raises(FieldErrors) as caught:
        units("sum", bad)
    assert [field for field, _ in caught.value.errors] == ["events[1].properties.gb", "events[2].timestamp"]
    with pytest.raises(FieldErrors) as caught:
        units("sum", '{"a": 1}', "", expression="event.properties.gb * 2")
    assert caught.value.errors[0][0].startswith("events[0].properties")
