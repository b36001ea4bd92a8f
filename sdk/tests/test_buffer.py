"""The events buffer: nothing that it has taken is lost or sent twice as two."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest
from sdk_test_server import Reply, Seen

from novabilling import AsyncNovaBilling, BufferFullError, NovaBilling, NovaBillingError
from novabilling._batching import Queue

SOURCE = Path(__file__).resolve().parent.parent / "src"
USE: Dict[str, Any] = {"subscription_id": "site-1", "code": "api_calls"}


class Meter:
    """A server's memory of events. `trouble` are answers that come first."""

    def __init__(self, server: Any, *trouble: Reply) -> None:
        self.counted: Dict[str, Any] = {}
        self.batches: List[int] = []
        self.server = server
        self.url = server.url
        server.replies = [*trouble, self.take]

    def take(self, seen: Seen) -> Reply:
        events = seen.json["events"]
        self.batches.append(len(events))
        results = []
        for event in events:
            status = "duplicate" if event["transactionId"] in self.counted else "accepted"
            if event["code"] == "bad":
                status = "invalid"
            else:
                self.counted[event["transactionId"]] = event
            results.append({"transactionId": event["transactionId"], "status": status, "reason": "No."})
        return Reply(200, {"data": {"results": results}})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are short."""
    monkeypatch.setattr("novabilling._batching.pause", lambda attempt: 0.01)


def client_of(meter: Any, **options: Any) -> NovaBilling:
    return NovaBilling(token="sk_x", base_url=meter.url, max_retries=0, **options)


def test_it_batches_and_closes(server: Any) -> None:
    meter, client = Meter(server), client_of(server)
    with client.events.buffer(batch_size=10, interval=60) as buffer:
        ids = [buffer.add(**USE, properties={"n": n}) for n in range(25)]
    assert sorted(meter.counted) == sorted(ids) and len(set(ids)) == 25
    assert sum(meter.batches) == 25 and max(meter.batches) == 10
    assert (buffer.delivered, buffer.pending, buffer.failed) == (25, 0, [])
    event = meter.counted[ids[3]]
    assert event["properties"] == {"n": 3} and event["timestamp"].endswith("Z")
    with pytest.raises(NovaBillingError, match="closed"):
        buffer.add(**USE)


def test_it_sends_by_time_and_when_asked(server: Any) -> None:
    meter, client = Meter(server), client_of(server)
    with client.events.buffer(interval=0.02) as buffer:
        buffer.add(**USE)
        for _ in range(200):
            if meter.counted:
                break
            threading.Event().wait(0.01)
        assert len(meter.counted) == 1
    with client.events.buffer(interval=60) as buffer:
        buffer.add(**USE)
        assert len(meter.counted) == 1
        assert buffer.flush(timeout=5) and len(meter.counted) == 2
        assert buffer.flush(timeout=5)


def test_from_many_threads(server: Any) -> None:
    meter, client = Meter(server), client_of(server)
    buffer = client.events.buffer(batch_size=50, interval=0.01, max_events=100)

    def add() -> None:
        for _ in range(200):
            buffer.add(**USE)

    threads = [threading.Thread(target=add) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer.close()
    assert len(meter.counted) == 1000 and buffer.delivered == 1000


def test_trouble_is_outlasted(server: Any) -> None:
    running = Reply(409, {"message": "It is still running."}, {"Retry-After": "0"})
    meter = Meter(server, Reply(503), Reply(drop=True), Reply(429), Reply(500), running)
    with client_of(server).events.buffer(batch_size=5, interval=0) as buffer:
        ids = [buffer.add(**USE) for _ in range(12)]
        assert buffer.flush(timeout=10)
    assert sorted(meter.counted) == sorted(ids) and buffer.failed == []


def test_a_batch_whose_answer_was_lost_counts_once(server: Any) -> None:
    def lost(seen: Seen) -> Reply:
        meter.take(seen)
        return Reply(drop=True)

    meter = Meter(server)
    server.replies.insert(0, lost)
    with client_of(server).events.buffer(interval=0) as buffer:
        buffer.add(**USE)
    assert len(meter.counted) == 1 and len(server.seen) == 2
    assert server.seen[0].json == server.seen[1].json


def test_too_much_at_once_is_halved(server: Any) -> None:
    meter = Meter(server, Reply(413), Reply(413))
    with client_of(server).events.buffer(batch_size=8, interval=60) as buffer:
        for _ in range(8):
            buffer.add(**USE)
    assert len(meter.counted) == 8 and meter.batches[0] == 2


def test_what_is_refused_is_told_and_kept(server: Any) -> None:
    Meter(server)
    told: List[Any] = []
    with client_of(server).events.buffer(interval=60, on_failed=told.extend) as buffer:
        buffer.add(**USE)
        buffer.add(subscription_id="site-1", code="bad", transaction_id="t-2")
        assert buffer.flush(timeout=5)
    assert [row.event["transaction_id"] for row in told] == ["t-2"] and told == buffer.failed
    assert told[0].reason == "invalid: No." and buffer.delivered == 1
    assert buffer.take_failed() == told and buffer.failed == []


def test_a_token_that_is_refused_fails_the_batch(server: Any) -> None:
    server.replies = [Reply(401, {"message": "Bad token."})]

    def on_failed(rows: Any) -> None:
        raise RuntimeError("the callback is broken, too")

    with client_of(server).events.buffer(interval=60, on_failed=on_failed) as buffer:
        buffer.add(**USE)
    assert [row.reason for row in buffer.failed] == ["Bad token. (401)"]


def test_a_full_buffer_is_no_trap_for_its_own_callback(server: Any) -> None:
    server.replies = [Reply(400, {"message": "No."})]
    flushed: List[bool] = []
    told: List[str] = []

    def on_failed(rows: Any) -> None:
        told.extend(row.event["transaction_id"] for row in rows)
        if not flushed:
            flushed.append(buffer.flush())
            buffer.add(**USE, transaction_id="again")
            with pytest.raises(BufferFullError):
                buffer.add(**USE)

    buffer = client_of(server).events.buffer(batch_size=1, interval=0, max_events=1, on_failed=on_failed)
    buffer.add(**USE, transaction_id="first")
    assert buffer.flush(timeout=5) and flushed == [False]
    buffer.close(timeout=5)
    assert told == ["first", "again"]


def test_what_was_on_its_way_when_the_sender_was_stopped_is_sent_again() -> None:
    queue = Queue(2, 0, 10)
    for name in ("a", "b", "c"):
        queue.add({"transaction_id": name}, 0)
    assert [row["transaction_id"] for row in queue.take(0)] == ["a", "b"]
    assert [row["transaction_id"] for row in queue.take(0)] == ["a", "b"] and queue.held == 3


def test_an_answer_without_results_loses_nothing(server: Any) -> None:
    server.replies = [Reply(200, {"data": {"results": None}})]
    with client_of(server).events.buffer(interval=60) as buffer:
        buffer.add(**USE)
    assert [row.reason for row in buffer.failed] == ["the server gave no result"]


def test_closing_the_client_sends_what_its_buffers_hold(server: Any) -> None:
    meter = Meter(server)
    with client_of(meter) as client:
        buffer = client.events.buffer(interval=60)
        buffer.add(**USE)
    assert len(meter.counted) == 1 and buffer.delivered == 1


def test_a_callback_that_has_to_be_awaited_takes_nothing_from_a_thread(server: Any) -> None:
    server.replies = [Reply(400, {"message": "No."})]

    async def on_failed(rows: Any) -> None:
        raise AssertionError("nobody awaits it")

    with client_of(server).events.buffer(interval=60, on_failed=on_failed) as buffer:
        buffer.add(**USE)
    assert [row.reason for row in buffer._queue.untaken] == ["No. (400)"]


def test_closing_gives_up_at_last(server: Any) -> None:
    server.replies = [Reply(503)]
    buffer = client_of(server).events.buffer(interval=60)
    buffer.add(**USE)
    buffer.close(timeout=0.1)
    [row] = buffer.failed
    assert "closed before" in row.reason and buffer.pending == 0


def test_memory_is_bounded(server: Any) -> None:
    server.replies = [Reply(503)]
    buffer = client_of(server).events.buffer(batch_size=2, interval=60, max_events=3)
    for _ in range(3):
        buffer.add(**USE, timeout=1)
    with pytest.raises(BufferFullError):
        buffer.add(**USE, timeout=0.02)
    assert buffer.pending == 3
    Meter(server)
    assert buffer.add(**USE, timeout=5)
    buffer.close()
    assert buffer.delivered == 4


def test_failed_events_that_nobody_takes_stop_new_ones(server: Any) -> None:
    server.replies = [Reply(400, {"message": "No."})]
    buffer = client_of(server).events.buffer(batch_size=1, interval=0, max_events=2)
    buffer.add(**USE)
    buffer.add(**USE)
    assert buffer.flush(timeout=5)
    with pytest.raises(BufferFullError, match="take_failed"):
        buffer.add(**USE)
    assert len(buffer.take_failed()) == 2
    assert buffer.add(**USE)
    buffer.close()


@pytest.mark.parametrize("properties", [{"x": float("nan")}, {"x": object()}])
def test_what_cannot_be_sent_is_refused_at_once(server: Any, properties: Any) -> None:
    Meter(server)
    with client_of(server).events.buffer() as buffer:
        with pytest.raises((ValueError, TypeError)):
            buffer.add(**USE, properties=properties)
        assert buffer.pending == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_sends_its_own_only_and_the_end_of_the_program_flushes(server: Any) -> None:
    meter = Meter(server)
    code = """
import os, sys, novabilling
client = novabilling.NovaBilling(token="sk_x", base_url=sys.argv[1])
client.events.send(subscription_id="s", code="c")
buffer = client.events.buffer(interval=3600)
buffer.add(subscription_id="s", code="c", transaction_id="parent")
child = os.fork()
if child == 0:
    assert buffer.pending == 0
    buffer.add(subscription_id="s", code="c", transaction_id="child")
    buffer.close()
    os._exit(0 if buffer.delivered == 1 else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    server.replies.insert(0, Reply(201, {"data": {"status": "accepted"}}))
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, server.url], env=env, check=True, timeout=60)
    assert list(meter.counted) == ["child", "parent"] and meter.batches == [1, 1]


# --- The asynchronous one
def test_tasks_share_a_buffer(server: Any) -> None:
    meter = Meter(server, Reply(503), Reply(drop=True))

    async def main() -> Any:
        async with AsyncNovaBilling(token="sk_x", base_url=server.url, max_retries=0) as client:
            async with client.events.buffer(batch_size=10, interval=0.01, max_events=20) as buffer:

                async def add() -> None:
                    for _ in range(30):
                        await buffer.add(**USE)

                await asyncio.gather(*(add() for _ in range(4)))
                assert await buffer.flush(timeout=10)
            return buffer

    buffer = asyncio.run(main())
    assert len(meter.counted) == 120 and buffer.delivered == 120 and buffer.pending == 0


def test_an_asynchronous_buffer_is_bounded_and_gives_up(server: Any) -> None:
    server.replies = [Reply(503)]

    async def main() -> Any:
        async with AsyncNovaBilling(token="sk_x", base_url=server.url, max_retries=0) as client:
            buffer = client.events.buffer(batch_size=2, interval=60, max_events=2)
            await buffer.add(**USE)
            await buffer.add(**USE)
            with pytest.raises(BufferFullError):
                await buffer.add(**USE, timeout=0.02)
            assert not await buffer.flush(timeout=0.02)
            await buffer.close(timeout=0.1)
            return buffer

    buffer = asyncio.run(main())
    assert [row.reason for row in buffer.failed] == [
        "the buffer was closed before the server had answered"
    ] * 2


def test_an_asynchronous_callback_is_awaited(server: Any) -> None:
    Meter(server)
    told: List[Any] = []

    async def main() -> Any:
        async with AsyncNovaBilling(token="sk_x", base_url=server.url, max_retries=0) as client:

            async def on_failed(rows: Any) -> None:
                told.append(await buffer.flush())
                told.extend(rows)

            buffer = client.events.buffer(interval=60, on_failed=on_failed)
            await buffer.add(subscription_id="site-1", code="bad")
        return buffer

    buffer = asyncio.run(main())
    assert told[0] is False and told[1:] == buffer.failed and buffer._queue.untaken == []


def test_an_asynchronous_callback_may_close_the_buffer(server: Any) -> None:
    meter = Meter(server)

    async def main() -> Any:
        async with AsyncNovaBilling(token="sk_x", base_url=server.url, max_retries=0) as client:
            buffer = client.events.buffer(batch_size=1, interval=0, on_failed=lambda rows: client.close())
            await buffer.add(subscription_id="site-1", code="bad")
            await buffer.add(**USE)
            assert buffer._task is not None
            await asyncio.wait_for(buffer._task, 5)
        return buffer

    buffer = asyncio.run(main())
    assert len(meter.counted) == 1 and buffer.delivered == 1
    assert [row.reason for row in buffer.failed] == ["invalid: No."] and buffer._queue.untaken == []


def test_an_asynchronous_callback_that_is_cut_off_has_taken_nothing(server: Any) -> None:
    Meter(server)

    async def on_failed(rows: Any) -> None:
        await asyncio.sleep(60)

    async def main() -> Any:
        async with AsyncNovaBilling(token="sk_x", base_url=server.url, max_retries=0) as client:
            buffer = client.events.buffer(interval=0, on_failed=on_failed)
            await buffer.add(subscription_id="site-1", code="bad")
            await buffer.close(timeout=0.2)
            await asyncio.sleep(0)
        return buffer

    assert len(asyncio.run(main())._queue.untaken) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_does_not_give_up_what_its_parent_holds(server: Any) -> None:
    code = """
import asyncio, os, sys, novabilling
async def main():
    client = novabilling.AsyncNovaBilling(token="sk_x", base_url=sys.argv[1])
    buffer = client.events.buffer(interval=3600, on_failed=lambda rows: print("failed", len(rows)))
    await buffer.add(subscription_id="s", code="c")
asyncio.run(main())
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-W", "ignore", "-c", code, server.url]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, timeout=60)
    assert done.stdout.split() == [b"failed", b"1"]


def test_an_asynchronous_buffer_that_nobody_closed_says_so(server: Any) -> None:
    code = """
import asyncio, sys, novabilling
async def main():
    client = novabilling.AsyncNovaBilling(token="sk_x", base_url=sys.argv[1])
    buffer = client.events.buffer(interval=3600, on_failed=lambda rows: print("failed", len(rows)))
    await buffer.add(subscription_id="s", code="c")
asyncio.run(main())
"""
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", code, server.url], env=env, stdout=subprocess.PIPE, timeout=60
    )
    assert done.stdout.split() == [b"failed", b"1"]
