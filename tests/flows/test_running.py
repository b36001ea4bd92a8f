"""The product as processes: it comes up, mends itself, stops without leaving anything, and starts again."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.stack import Stack, wait_for

pytestmark = pytest.mark.stack


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """A stack that a test may stop and kill."""
    stack = Stack()
    try:
        yield stack
    finally:
        if stack.process is not None:
            stack.stop()
        shutil.rmtree(stack.home, ignore_errors=True)


def test_health_names_the_parts(live_stack: Stack) -> None:
    answer = httpx.get(f"{live_stack.base_url}/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "up", "database": "up", "broker": "up", "worker": "up", "beat": "up"}


def test_stopped_failed_killed_and_started_again_beside_another(live_stack: Stack, own_stack: Stack) -> None:
    """One stack's life, as starting takes long: each start finds the same data, nothing is left of the one before."""
    own_stack.start(prepared=False)
    first = own_stack.bootstrap("Side by side", "owner@example.com", "correct horse battery")
    assert live_stack.sql("SELECT 1 FROM billing_organization WHERE name = 'Side by side'") == []
    processes = own_stack.processes()
    assert len(processes) > 10
    assert own_stack.stop(signal.SIGINT) == 0
    assert [process for process in processes if process.is_running()] == []
    assert live_stack.healthy()

    with pytest.raises(AssertionError, match="ended"):
        own_stack.env["PORT"] = "not a number"
        own_stack.start()
    own_stack.env["PORT"] = str(own_stack.port)
    own_stack.start()
    again = own_stack.bootstrap("Side by side", "owner@example.com", "correct horse battery")
    assert again == first | {"apiKey": None}

    processes = own_stack.processes()
    assert own_stack.process is not None
    own_stack.process.kill()
    own_stack.process.wait()
    own_stack.start()  # while the old ones may still be stopping
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []
    assert own_stack.healthy()


@pytest.mark.parametrize("part", ["worker", "beat", "redis", "postgres", "web"])
def test_a_killed_part_comes_back(live_stack: Stack, part: str) -> None:
    old = live_stack.part(part)
    family = [old, *old.children(recursive=True)]
    old.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=20)
    assert [process for process in family if process.is_running()] == [], "its children must not go on"

    def back() -> bool:
        try:
            return live_stack.part(part).pid != old.pid
        except (AssertionError, psutil.NoSuchProcess):
            return False

    wait_for(back, what=f"a new {part}")
    live_stack.wait_healthy()


def test_health_notices_a_worker_that_hangs(live_stack: Stack) -> None:
    live_stack.freeze_worker()
    try:
        answer = wait_for(
            lambda: (found := httpx.get(f"{live_stack.base_url}/health")).status_code == 503 and found,
            seconds=40,
            what="503",
        )
        assert answer is not False
        assert answer.json()["worker"] == "down"
        assert answer.elapsed.total_seconds() < 1
    finally:
        live_stack.thaw_worker()
    live_stack.wait_healthy()
