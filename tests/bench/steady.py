"""Usage events at a steady rate for minutes, one in twenty a repeat: minute by minute what it takes, and the memory.

At the end the stored events are the sent ones without the repeats, and the roll-ups equal a recount.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import uuid
from collections import deque
from typing import Any

from tests.bench.events import BATCH, Sender, check, event, subscriptions
from tests.bench.place import Place
from tests.bench.start import memory_by_part
from tests.bench.tables import Table, at_most, percentile

RATE = 10_000  # events a second, repeats counted in
REPEATED = 50  # of each batch: the first events of the one before it
TEMPLATES = 60
CLIENTS = 2
OWN, BEFORE = b"@own@", b"@before@"


class Batches(deque[tuple[float, bytes]]):
    """Bodies made when they are taken: a template with the mark of this batch and of the one before it."""

    def __init__(self, templates: list[bytes], count: int, start: float) -> None:
        super().__init__()
        self.templates, self.count, self.start = templates, count, start
        self.run, self.taken = uuid.uuid4().hex[:8], 0
        self.lock = threading.Lock()

    def popleft(self) -> tuple[float, bytes]:
        """The next body, and when it is due."""
        with self.lock:
            number = self.taken
            if number >= self.count:
                raise IndexError
            self.taken += 1
        body = self.templates[number % len(self.templates)].replace(OWN, self.mark(number))
        return self.start + number * BATCH / RATE, body.replace(BEFORE, self.mark(number - 1))

    def mark(self, number: int) -> bytes:
        """What tells the events of one batch from those of all others."""
        return f"{self.run}-{number}".encode()


def measure(place: Place, options: argparse.Namespace) -> None:
    """`--minutes` of batches of 1,000 by two clients."""
    organization, key = place.organization("Steady events")
    names, codes = subscriptions(organization)
    made = templates(names, codes)
    seconds = 6 if place.quick else options.minutes * 60
    slices = 2 if place.quick else options.minutes
    before = stored(organization)
    sent = 0
    table = Table(
        place.report,
        f"Usage events at {RATE:,} a second, {100 * REPEATED // BATCH} % of them repeats",
        ["events/s", "p50 ms", "p95 ms", "p99 ms", "web MB", "worker MB", "postgres MB", "all MB"],
    )
    for minute in range(1, slices + 1):
        count = round(RATE * seconds / slices / BATCH)
        started = time.perf_counter() + 0.2
        bodies = Batches(made, count, started)
        senders = [Sender(place, key, "/api/events/batch", bodies) for _ in range(CLIENTS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        took = time.perf_counter() - started
        assert not any(sender.failed for sender in senders), [sender.failed for sender in senders]
        each = [value for sender in senders for value in sender.took]
        sent += count * (BATCH - REPEATED) + REPEATED  # the first batch repeats what nobody has sent
        parts = {name: sum(sizes) for name, sizes in memory_by_part(place).items()}
        p50, p95, p99 = (percentile(each, percent) for percent in (50, 95, 99))
        sizes = [parts[name] for name in ("web", "worker", "postgres")]
        rate = count * BATCH / max(took, seconds / slices)
        goals = [(at_most(1000, "ms p95"), p95)]
        name = f"minute {minute}" if seconds == slices * 60 else f"{seconds // slices} s"
        table.add(name, rate, p50, p95, p99, *sizes, sum(parts.values()), goals=goals)
    table.show()
    assert stored(organization) - before == sent, (stored(organization) - before, sent)
    check(organization)
    place.report.say(f"  {sent:,} events stored, none lost, none twice; the roll-ups equal a recount.")


def templates(names: list[str], codes: list[str]) -> list[bytes]:
    """Bodies with marks in place of what makes their events new."""
    rows = [[event("x", n + index, names, codes) for n in range(BATCH)] for index in range(TEMPLATES)]

    def marked(row: dict[str, Any], mark: bytes, number: int) -> dict[str, Any]:
        return row | {"transactionId": f"{mark.decode()}-{number}"}

    found = []
    for index, own in enumerate(rows):
        events = [marked(row, OWN, number) for number, row in enumerate(own[: BATCH - REPEATED])]
        events += [marked(row, BEFORE, number) for number, row in enumerate(rows[index - 1][:REPEATED])]
        found.append(json.dumps({"events": events}).encode())
    return found


def stored(organization: Any) -> int:
    """Events of the organization."""
    from billing.models import Event

    return int(Event.objects.filter(organization=organization).count())
