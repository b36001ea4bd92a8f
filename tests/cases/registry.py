"""Which function answers which area, and what running a case comes to."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.cases.comparing import Answers, differences
from tests.cases.differing import DIFFERING
from tests.cases.given import Given, Unsupported

Ask = Callable[[Given], Answers]


class Outcome(StrEnum):
    """What became of a case."""

    PASS = "pass"
    FAIL = "fail"
    DIFFERS = "differs"  # on purpose, see differing.py
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Area:
    """How an area is asked. `database`: it needs one."""

    ask: Ask
    database: bool


@dataclass(frozen=True)
class Case:
    """One line of a file of cases."""

    id: str
    area: str
    given: dict[str, Any]
    expect: dict[str, Any]
    note: str = ""


@dataclass(frozen=True)
class Result:
    """The outcome of a case, with what differs or why it was not asked."""

    case: Case
    outcome: Outcome
    details: list[str] = field(default_factory=list)


AREAS: dict[str, Area] = {}


def area(*names: str, database: bool = False) -> Callable[[Ask], Ask]:
    """Register the function for these areas."""

    def register(ask: Ask) -> Ask:
        for name in names:
            AREAS[name] = Area(ask, database)
        return ask

    return register


def cases_of(path: Path, complain: Callable[[str], None]) -> Iterator[Case]:
    """The cases of a file; lines that are none are complained about with their number."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield read_case(json.loads(line, parse_float=Decimal))
        except (ValueError, TypeError, KeyError) as error:
            complain(f"line {number}: {error.__class__.__name__}: {error}")


def read_case(row: Any) -> Case:
    """A case from its JSON object."""
    if not isinstance(row, dict):
        raise TypeError("not an object")
    for name, kind in (("id", str), ("area", str), ("given", dict), ("expect", dict)):
        if not isinstance(row.get(name), kind):
            raise TypeError(f"{name} is missing or no {kind.__name__}")
    return Case(row["id"], row["area"], row["given"], row["expect"], row.get("note") or "")


def run_case(case: Case) -> Result:
    """Ask the product and compare."""
    found = AREAS.get(case.area)
    if found is None:
        return Result(case, Outcome.UNSUPPORTED, [f"not built yet: nobody answers {case.area}"])
    given = Given(case.given)
    try:
        answers = found.ask(given)
        unread = given.unread()
        if unread:
            raise Unsupported(f"unknown: {', '.join(unread)}")
        details = [str(one) for one in differences(case.expect, answers)]
    except Unsupported as reason:
        outcome = Outcome.DIFFERS if case.id in DIFFERING else Outcome.UNSUPPORTED
        return Result(case, outcome, [DIFFERING.get(case.id, str(reason))])
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        details = [f"{error.__class__.__name__}: {error} ({place})"]
    if not details:
        return Result(case, Outcome.PASS)
    if case.id in DIFFERING:
        return Result(case, Outcome.DIFFERS, [DIFFERING[case.id], *details])
    return Result(case, Outcome.FAIL, details)


def by_area(results: Iterable[Result]) -> dict[str, dict[Outcome, list[Result]]]:
    """The results of each area, by outcome."""
    found: dict[str, dict[Outcome, list[Result]]] = {}
    for result in results:
        outcomes = found.setdefault(result.case.area, {outcome: [] for outcome in Outcome})
        outcomes[result.outcome].append(result)
    return dict(sorted(found.items()))
