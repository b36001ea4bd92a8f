"""Every case of tests/data/worked_cases.jsonl, and the runner itself.

A case passes, differs on purpose (differing.py) or is skipped with what is not built or not offered.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tests.cases.areas  # noqa: F401
from tests.cases.__main__ import main
from tests.cases.comparing import End, Keyed, Share, Start, Unordered, differences
from tests.cases.differing import DIFFERING
from tests.cases.given import Given, Unsupported, moment
from tests.cases.registry import AREAS, Case, Outcome, cases_of, run_case

DATA = Path(__file__).parents[1] / "data" / "worked_cases.jsonl"
NEEDS_ROWS = {name for name, area in AREAS.items() if area.database}
REASONS = ("not built yet: ", "not offered: ")


def every_case() -> list[Any]:
    return [
        pytest.param(case, id=case.id, marks=[pytest.mark.django_db] if case.area in NEEDS_ROWS else [])
        for case in cases_of(DATA, pytest.fail)
    ]


@pytest.mark.parametrize("case", every_case())
def test_case(case: Case) -> None:
    result = run_case(case)
    if result.outcome is Outcome.UNSUPPORTED and result.details[0].startswith(REASONS):
        pytest.skip(result.details[0])
    assert result.outcome in (Outcome.PASS, Outcome.DIFFERS), "\n".join(result.details)
    assert (case.id in DIFFERING) == (result.outcome is Outcome.DIFFERS), "it passes: take it off the list"


def test_the_list_of_differences_names_cases() -> None:
    assert set(DIFFERING) <= {case.id for case in cases_of(DATA, pytest.fail)}


def answer(area: str, given: dict[str, Any], expect: dict[str, Any]) -> Outcome:
    return run_case(Case("new", area, given, expect)).outcome


def test_a_wrong_figure_fails_and_an_unknown_fact_is_not_overlooked() -> None:
    given = {"charge_model": "standard", "properties": {"amount": "10"}, "units": "3"}
    assert answer("charge_model.standard", given, {"amount": "30"}) is Outcome.PASS
    assert answer("charge_model.standard", given, {"amount": "31"}) is Outcome.FAIL
    assert answer("charge_model.standard", given, {"amount": "30", "moon": 1}) is Outcome.UNSUPPORTED
    assert answer("charge_model.standard", {**given, "moon": 1}, {"amount": "30"}) is Outcome.UNSUPPORTED
    assert answer("moon.phase", {}, {}) is Outcome.UNSUPPORTED
    assert answer("charge_model.standard", {**given, "units": "many"}, {"amount": "30"}) is Outcome.FAIL


def test_bad_lines_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"id": "a", "area": "aggregation.rounding", "expect": {"units": "1"}}
    good["given"] = {"units": "1", "rounding_function": None, "rounding_precision": 2}
    lines = [json.dumps(good), "{", "[]", json.dumps({"id": "b", "area": "x", "given": 1, "expect": {}}), ""]
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(lines))
    assert main([str(file)]) == 1
    shown = capsys.readouterr()
    assert "aggregation.rounding" in shown.out
    assert [line.split(": ")[0].split(", ")[1] for line in shown.err.splitlines()] == [
        "line 2",
        "line 3",
        "line 4",
    ]
    file.write_text(lines[0])
    assert main([str(file), "-v", "--area", "aggregation", "--id", "a"]) == 0
    file.write_text(json.dumps({**good, "expect": {"units": "2"}}))
    assert main([str(file)]) == 1
    assert "fail a" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ({"n": "4"}, {"n": Decimal("4.0")}, True),
        ({"n_round2": "60.17"}, {"n": Decimal("60.1666")}, True),
        ({"n_ceil2": "60.17"}, {"n": Decimal("60.161")}, True),
        ({"n_ceil2": "60.16"}, {"n": Decimal("60.161")}, False),
        ({"rows_round1": [{"n": "1.2"}]}, {"rows": [{"n": Decimal("1.23")}]}, True),
        ({"n": "90.32258064516128"}, {"n": Decimal("90.32258064516129032258")}, True),
        ({"n": "90.3225"}, {"n": Decimal("90.32258")}, False),
        ({"n": None}, {"n": Decimal(0)}, False),
        ({"n": 0}, {"n": False}, False),
        ({"n": [1, 2]}, {"n": [2, 1]}, False),
        ({"n": [1, 2]}, {"n": Unordered([2, 1])}, True),
        ({"n": [1, 1]}, {"n": Unordered([1, 2])}, False),
        ({"at": "2024-01-31T23:59:59Z"}, {"at": End(moment("2024-02-01T00:00:00Z"))}, True),
        ({"at": "2024-01-31T23:59:59.999Z"}, {"at": End(moment("2024-02-01T00:00:00Z"))}, True),
        ({"at": "2024-01-31T12:00:00Z"}, {"at": Start(moment("2024-01-31T12:00:00Z"))}, True),
        ({"at": None}, {"at": Start(None)}, True),
        ({"n": "15.12884"}, {"n": Share(Decimal("15.12885"), 2)}, True),
        ({"n": "15.12882"}, {"n": Share(Decimal("15.12885"), 2)}, False),
        ({"g": [{"k": "a", "n": 1}]}, {"g": Keyed([{"k": "b", "n": 2}, {"k": "a", "n": 1}], ["k"])}, True),
        ({"g": [{"k": "c", "n": 1}]}, {"g": Keyed([{"k": "a", "n": 1}], ["k"])}, False),
        (
            {"g_round1": [{"k": "a", "n": "1.2"}]},
            {"g": Keyed([{"k": "a", "n": Decimal("1.23")}], ["k"])},
            True,
        ),
    ],
)
def test_comparing(expected: dict[str, Any], got: dict[str, Any], same: bool) -> None:
    assert (not differences(expected, got)) is same


def test_facts_that_nobody_asked_for() -> None:
    given = Given({"a": 1, "b": {"c": 2, "d": 3}, "rows": [{"e": 4}], "f": None})
    assert given["a"] == 1
    assert given.part("b").get("c") == 2
    (row,) = given.rows("rows")
    assert given.unread() == ["f", "b.d", "rows[0].e"]
    row.ignore("e")
    given.ignore("f")
    assert given.unread() == ["b.d"]
    with pytest.raises(Unsupported):
        given["z"]
