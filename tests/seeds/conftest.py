"""Counts the rows that passed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from novabilling import NovaBilling

from tests.seeds.rows import ROWS
from tests.seeds.sdk_world import PASSWORD, World
from tests.stack import Stack

_passed: set[str] = set()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep the ids with the report, which also reaches the process that owns the run."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        ids = sorted({name for mark in item.iter_markers("row") for name in mark.args})
        report.user_properties.append(("rows", ids))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A row counts when its test passed."""
    if report.when == "call" and report.passed:
        for name, ids in report.user_properties:
            if name == "rows":
                _passed.update(ids)  # type: ignore[arg-type]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per seed."""
    for seed, (letter, count) in ROWS.items():
        done = sum(name.startswith(letter) for name in _passed)
        terminalreporter.write_line(f"seed {seed}: {done} of {count} rows proved")


@pytest.fixture(scope="session")
def world(live_stack: Stack) -> Iterator[World]:
    """An organization on the real stack, by the SDK."""
    given = live_stack.bootstrap("SDK House", "sdk@example.com", PASSWORD)
    with NovaBilling(token=given["apiKey"], base_url=live_stack.base_url) as client:
        yield World(client)


@pytest.fixture(scope="session")
def sandbox(live_stack: Stack) -> Iterator[World]:
    """One whose clock can be moved."""
    given = live_stack.bootstrap("SDK Sandbox", "sandbox@example.com", PASSWORD, "--sandbox")
    with NovaBilling(token=given["apiKey"], base_url=live_stack.base_url) as client:
        yield World(client)
