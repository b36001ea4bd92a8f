"""Start, and memory at rest: every process of `make run`, with its share of what is shared (PSS)."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from contextlib import suppress

import httpx
import psutil

from tests.bench.place import Place, pss
from tests.bench.tables import Table, at_most

PARTS = ("web", "worker", "beat", "postgres", "redis")


def measure(place: Place, options: argparse.Namespace) -> None:
    """Seconds to /health and to the first page; memory by part."""
    started = time.monotonic()
    assert httpx.get(f"{place.stack.base_url}/login").status_code == 200
    first_page = time.monotonic() - started
    table = Table(place.report, "Start on an empty home, everything installed, without the demo", ["seconds"])
    table.add("until web, worker, beat, PostgreSQL and Redis are up", place.seconds_to_start)
    total = place.seconds_to_start + first_page
    table.add("until the first page", total, goals=[(at_most(90, "s"), total)])
    table.show()
    time.sleep(3 if place.quick else 15)
    memory(place)


def memory(place: Place) -> None:
    """The table of processes at rest."""
    found = memory_by_part(place)
    table = Table(place.report, "Memory of all processes at rest (PSS)", ["processes", "MB"])
    for name, sizes in found.items():
        table.add(name, len(sizes), sum(sizes))
    total = sum(map(sum, found.values()))
    table.add("all", sum(map(len, found.values())), total, goals=[(at_most(700, "MB"), total)])
    table.show()


def memory_by_part(place: Place) -> dict[str, list[float]]:
    """Megabytes of each process, by the part of the product that it belongs to."""
    owner = {process.pid: process for process in place.stack.processes()}
    names: dict[int, str] = {next(iter(owner)): "supervisor"}
    for name in PARTS:
        part = place.stack.part(name)
        for process in (part, *part.children(recursive=True)):
            names[process.pid] = name
    found: dict[str, list[float]] = defaultdict(list)
    for pid, process in owner.items():
        with suppress(psutil.NoSuchProcess):  # a connection of the database has ended
            found[names.get(pid, "other")].append(pss(process))
    return found
