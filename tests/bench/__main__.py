"""`make bench`, or `python -m tests.bench [section …] [--quick]`: what the product reaches, beside its goals.

Runs the real stack in a throw-away home with production settings. Figures mean something on an idle machine
only. The report is printed, and kept as `bench.txt` under TARN_HOME.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import psutil

from tests.bench.place import Place, set_up_django
from tests.bench.tables import Report
from tests.stack import ROOT, Stack

# In the order in which they run: what is measured at rest first, what leaves much data behind last.
SECTIONS = ("start", "pages", "pdf", "run", "numbers", "events", "steady", "api", "customers", "usage")
Section = Callable[[Place, argparse.Namespace], None]


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"any of: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the benchmarks themselves")
    parser.add_argument("--events", type=int, help="events of the Usage tab's subscription (1,000,000)")
    parser.add_argument("--minutes", type=int, default=1, help="how long events come at a steady rate (1)")
    parser.add_argument("--grow", action="store_true", help="the run and the Usage tab at 1, 3 and 10 times")
    parser.add_argument("--customers", type=int, help="customers of the list (100,000)")
    parser.add_argument("--invoices", type=int, help="customers of the billing run (500)")
    parser.add_argument(
        "--home", type=Path, help="a TARN_HOME to use and to keep, instead of a throw-away one"
    )
    parser.add_argument(
        "--plans", action="store_true", help="the query plans of every request of the customers section"
    )
    parser.add_argument("--profile", action="store_true", help="where the time of the billing run goes")
    found = parser.parse_args()
    if unknown := set(found.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    found.events = found.events or (20_000 if found.quick else 1_000_000)
    found.customers = found.customers or (5_000 if found.quick else 100_000)
    found.invoices = found.invoices or (40 if found.quick else 500)
    return found


def main() -> int:
    """Start the stack, run the sections, stop it."""
    options = arguments()
    report = Report()
    load = os.getloadavg()[0]
    report.say(
        f"Benchmarks of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC" + (" (quick)" if options.quick else "")
    )
    report.say(
        f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 1e9:.0f} GB,"
        f" load {load:.1f} before the start" + (": NOT IDLE, figures are too high" if load > 0.7 else "")
    )
    if options.home:
        options.home.mkdir(parents=True, exist_ok=True)
    stack = Stack(options.home)
    try:
        started = time.monotonic()
        stack.start(prepared=False)
        place = Place(stack, report, options.quick, time.monotonic() - started)
        set_up_django(stack)
        for name in SECTIONS:
            if not options.sections or name in options.sections:
                section: Section = import_module(f"tests.bench.{name}").measure
                section(place, options)
    finally:
        stack.stop()
        if not options.home:
            shutil.rmtree(stack.home, ignore_errors=True)
    report.say("\nGoals not reached: " + ("none" if not report.missed else ""))
    for line in report.missed:
        report.say(f"  {line}")
    report.save(Path(os.environ.get("TARN_BENCH_HOME") or ROOT / "var") / "bench.txt")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
