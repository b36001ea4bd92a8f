"""`python -m tests.cases FILE.jsonl [-v] [--area PREFIX] [--id ID] [--no-database]`

Runs cases with known answers through the product's own rules, queries and actions, and prints a table by area. Those
that need a database get a throw-away one; each case is rolled back. The exit code is 1 when a case failed or a line
of the file was no case.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from tests.cases.registry import AREAS, Case, Outcome, Result, by_area, cases_of, run_case


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    import tests.cases.areas  # noqa: F401  (registers every area)

    complaints: list[str] = []
    cases = [
        case
        for case in cases_of(options.file, complaints.append)
        if case.area.startswith(options.area or "") and options.id in (None, case.id)
    ]
    results = run(cases, database=not options.no_database)
    show(results, verbose=options.verbose)
    for complaint in complaints:
        print(f"{options.file}, {complaint}", file=sys.stderr)
    return int(bool(complaints) or any(result.outcome is Outcome.FAIL for result in results))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cases", description="Run cases with known answers."
    )
    parser.add_argument("file", type=Path, help="JSON lines: id, area, given, expect, note")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what was expected and what came")
    parser.add_argument("--area", help="only areas that begin with this")
    parser.add_argument("--id", help="only this case")
    parser.add_argument("--no-database", action="store_true", help="skip areas that need a database")
    return parser.parse_args(arguments)


def run(cases: Sequence[Case], *, database: bool) -> list[Result]:
    """Every case, those with a database within one that is thrown away."""
    from tests.cases.database import rolled_back, throw_away

    asks_rows = {name for name, area in AREAS.items() if area.database}
    results = []
    with throw_away() if database and any(case.area in asks_rows for case in cases) else nullcontext():
        for case in cases:
            if case.area not in asks_rows:
                results.append(run_case(case))
            elif database:
                with rolled_back():
                    results.append(run_case(case))
            else:
                results.append(Result(case, Outcome.SKIPPED, ["needs a database"]))
    return results


def show(results: Sequence[Result], *, verbose: bool) -> None:
    """The table by area, then what is not a pass."""
    print(f"{'area':36}" + "".join(f"{outcome.value:>12}" for outcome in Outcome))
    totals = dict.fromkeys(Outcome, 0)
    for name, outcomes in by_area(results).items():
        print(f"{name:36}" + "".join(f"{len(outcomes[outcome]) or '':>12}" for outcome in Outcome))
        for outcome in Outcome:
            totals[outcome] += len(outcomes[outcome])
    print(f"{'all':36}" + "".join(f"{totals[outcome] or '':>12}" for outcome in Outcome))
    for result in results:
        if result.outcome is Outcome.PASS:
            continue
        print(f"{result.outcome.value} {result.case.id}" + ("" if verbose else short(result)))
        if verbose:
            if result.case.note:
                print(f"    ({result.case.note})")
            for detail in result.details:
                print(f"    {detail}")


def short(result: Result) -> str:
    """The first thing to know about a case."""
    return f": {result.details[0][:160]}" if result.details else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
