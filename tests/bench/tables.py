"""Figures as plain-text tables, each beside its goal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path


@dataclass(frozen=True)
class Goal:
    """What a row should reach: `at_least` (or at most) `limit`, said as `text`."""

    text: str
    limit: float
    at_least: bool = False

    def reached(self, value: float) -> bool:
        """Whether the measured value is on the right side."""
        return value >= self.limit if self.at_least else value <= self.limit


def at_most(limit: float, unit: str) -> Goal:
    """A goal that is met from below."""
    return Goal(f"<= {limit:,g} {unit}", limit)


def at_least(limit: float, unit: str) -> Goal:
    """A goal that is met from above."""
    return Goal(f">= {limit:,g} {unit}", limit, at_least=True)


class Report:
    """Prints as it goes, and keeps everything for the file at the end."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.missed: list[str] = []

    def say(self, text: str = "") -> None:
        """One line."""
        self.lines.append(text)
        print(text, flush=True)

    def save(self, path: Path) -> None:
        """Everything said so far, as a text file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self.lines) + "\n")
        print(f"\nKept in {path}")


@dataclass
class Table:
    """Rows of one section; `add` measures a row against its goals."""

    report: Report
    title: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)

    def add(self, name: str, *cells: object, goals: Iterable[tuple[Goal, float]] = ()) -> None:
        """A row. `goals`: pairs of a goal and the value that must reach it; the row reaches all or it does not."""
        wanted = list(goals)
        said = ", ".join(goal.text for goal, _ in wanted)
        verdict = ""
        if wanted:
            missed = [goal.text for goal, value in wanted if not goal.reached(value)]
            verdict = "NO" if missed else "yes"
            if missed:
                self.report.missed.append(f"{self.title}: {name}: {', '.join(missed)}")
        self.rows.append([name, *map(cell, cells), said, verdict])

    def show(self) -> None:
        """Print it: text to the left, figures to the right."""
        head = ["", *self.columns, "goal", "reached"]
        widths = [max(len(row[index]) for row in [head, *self.rows]) for index in range(len(head))]
        last = len(head) - 2
        self.report.say(f"\n{self.title}")
        for row in (head, ["-" * width for width in widths], *self.rows):
            said = [
                text.ljust(width) if index == 0 or index >= last else text.rjust(width)
                for index, (text, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.report.say("  " + "  ".join(said).rstrip())


def cell(value: object) -> str:
    """A figure as it is read: thousands separated, small ones with a decimal."""
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the sorted values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def times(work: Callable[[], object], count: int, *, warm: int = 2) -> list[float]:
    """Milliseconds of `count` calls, after some that are not counted."""
    for _ in range(warm):
        work()
    found = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    return found
