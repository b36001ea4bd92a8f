"""Usage events over HTTP: batches of 1,000 by one, two and four clients; single events at a steady 200 a second;
and, beside them, a bare COPY of the same rows into a table with the same columns and indexes.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.bench.place import Place, fetched
from tests.bench.tables import Table, at_least, at_most, percentile

BATCH, SUBSCRIPTIONS = 1000, 20
RATE = 200
COLUMNS = (
    "id, organization_id, subscription_id, metric_id, external_subscription_id, transaction_id, timestamp,"
    " received_at, value, text_value, removes, amount, properties, content_hash"
)


class Sender(threading.Thread):
    """One client on one kept connection that posts bodies until there are none. It waits for the server most of
    the time, so that threads do not hold each other up.
    """

    def __init__(self, place: Place, key: str, path: str, bodies: deque[tuple[float, bytes]]) -> None:
        super().__init__()
        self.port, self.path, self.bodies = place.stack.port, path, bodies
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.took: list[float] = []
        self.failed = ""

    def run(self) -> None:
        """Send each body at its moment (0: at once) and note how long the answer took from then on."""
        connection = http.client.HTTPConnection("localhost", self.port)
        while not self.failed:
            try:
                moment, body = self.bodies.popleft()
            except IndexError:
                break
            wait = moment - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            begun = moment or time.perf_counter()
            connection.request("POST", self.path, body, self.headers)
            answer = connection.getresponse()
            content = answer.read()
            self.took.append((time.perf_counter() - begun) * 1000)
            if answer.status not in (200, 201) or b'"accepted"' not in content:
                self.failed = f"{answer.status} {content[:300]!r}"
        connection.close()


def send(
    place: Place, key: str, path: str, bodies: Sequence[tuple[float, bytes]], clients: int
) -> tuple[float, list[float]]:
    """Seconds for everything, and milliseconds of each request."""
    waiting = deque(bodies)
    senders = [Sender(place, key, path, waiting) for _ in range(clients)]
    started = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    seconds = time.perf_counter() - started
    assert not any(sender.failed for sender in senders), [sender.failed for sender in senders]
    return seconds, [value for sender in senders for value in sender.took]


def measure(place: Place, options: argparse.Namespace) -> None:
    """Batches, COPY, single events, and how soon an event is on the Usage tab."""
    organization, key = place.organization("Events")
    names, codes = subscriptions(organization)
    rounds = 5 if place.quick else 60
    table = Table(place.report, "Usage events", ["events/s", "p50 ms", "p95 ms", "p99 ms", "share of COPY"])
    send(place, key, "/api/events/batch", batches("warm", 8, names, codes), 4)
    rates = {}
    found: dict[int, list[float]] = {}
    for clients in (1, 2, 4):
        bodies = batches(f"b{clients}", rounds * min(clients, 2), names, codes)
        seconds, found[clients] = send(place, key, "/api/events/batch", bodies, clients)
        rates[clients] = len(bodies) * BATCH / seconds
    copied, at_once = bare_copy(place, organization, rounds * BATCH)
    for clients, took in found.items():
        share = 100 * rates[clients] / copied
        goals = [(at_least(15_000, "/s"), rates[clients]), (at_least(50, "% of COPY"), share)]
        spread = [percentile(took, percent) for percent in (50, 95, 99)]
        table.add(
            f"batches of 1,000, {clients} client{'s' if clients > 1 else ''}",
            rates[clients],
            *spread,
            f"{share:.0f} %",
            goals=goals if clients == max(rates, key=rates.__getitem__) else (),
        )
    table.add("bare COPY, 1,000 rows a commit", copied, "", "", "", "100 %")
    table.add("bare COPY, all rows in one commit", at_once, "", "", "", "")
    single(place, key, names, codes, table)
    visible(place, organization, key, names, codes, table)
    table.show()
    check(organization)


def subscriptions(organization: Any) -> tuple[list[str], list[str]]:
    """External ids of running subscriptions, and codes of the metrics they are charged for. Made once."""
    from django.utils import timezone

    from billing.models import Metric, Subscription
    from customers.actions.assign import assign_plan
    from tests.factories.catalog import make_metric, make_plan
    from tests.factories.customers import make_customer
    from tests.factories.people import ACTOR

    if not Metric.objects.filter(organization=organization).exists():
        metrics = [make_metric(organization, f"bench_{kind}", kind) for kind in ("count", "sum", "max")]
        plan = make_plan(organization, metrics, "bench")
        at = timezone.now() - timedelta(days=3)
        for number in range(SUBSCRIPTIONS):
            name = f"events-{organization.pk.hex[-6:]}-{number}"
            customer = make_customer(organization, external_id=name, email=f"{name}@bench.example")
            assign_plan(
                customer, plan, external_id=f"sub-{number}", billing_time="anniversary", by=ACTOR, at=at
            )
    names = Subscription.objects.filter(organization=organization).values_list("external_id", flat=True)
    return list(names), list(Metric.objects.filter(organization=organization).values_list("code", flat=True))


def event(label: str, number: int, names: list[str], codes: list[str]) -> dict[str, Any]:
    """One event as clients send it, some time in the last two days."""
    at = datetime.now(UTC) - timedelta(seconds=number * 17 % 172_000)
    return {
        "transactionId": f"{label}-{time.time_ns():x}-{number}",
        "subscriptionId": names[number % len(names)],
        "code": codes[number // len(names) % len(codes)],
        "timestamp": at.isoformat(),
        "properties": {"value": number % 997, "region": "eu-west-1", "path": f"/v1/things/{number}"},
    }


def batches(label: str, count: int, names: list[str], codes: list[str]) -> list[tuple[float, bytes]]:
    """Bodies of 1,000 events each, to be sent at once."""
    return [
        (
            0.0,
            json.dumps(
                {"events": [event(f"{label}-{index}", n, names, codes) for n in range(BATCH)]}
            ).encode(),
        )
        for index in range(count)
    ]


def bare_copy(place: Place, organization: Any, count: int) -> tuple[float, float]:
    """Rows a second of a plain COPY of stored events into a like table: 1,000 a commit, and all at once."""
    with psycopg.connect(place.stack.database_url, autocommit=True) as connection:
        lines = []
        query = (
            f"COPY (SELECT {COLUMNS} FROM billing_event WHERE organization_id = '{organization.pk}'"
            f" ORDER BY received_at LIMIT {count}) TO STDOUT"
        )
        with connection.cursor().copy(query) as out:
            lines = [bytes(row) for row in out]
        rates = []
        for size in (BATCH, len(lines)):
            chunks = [b"".join(lines[start : start + size]) for start in range(0, len(lines), size)]
            connection.execute("DROP TABLE IF EXISTS bench_event")
            connection.execute("CREATE TABLE bench_event (LIKE billing_event INCLUDING ALL)")
            started = time.perf_counter()
            for chunk in chunks:
                with connection.cursor().copy(f"COPY bench_event ({COLUMNS}) FROM STDIN") as into:
                    into.write(chunk)
            rates.append(len(lines) / (time.perf_counter() - started))
        connection.execute("DROP TABLE bench_event")
    return rates[0], rates[1]


def single(place: Place, key: str, names: list[str], codes: list[str], table: Table) -> None:
    """One event a request at 200 a second, the time counted from the moment at which each was due."""
    seconds = 3 if place.quick else 20
    bodies = [json.dumps(event("single", n, names, codes)).encode() for n in range(RATE * seconds)]
    start = time.perf_counter() + 0.2
    due = [(start + index / RATE, body) for index, body in enumerate(bodies)]
    took, each = send(place, key, "/api/events", due, 8)
    p50, p95, p99 = (percentile(each, percent) for percent in (50, 95, 99))
    rate = len(bodies) / (took - 0.2)
    table.add("single events at 200/s", rate, p50, p95, p99, "", goals=[(at_most(50, "ms p95"), p95)])


def visible(
    place: Place, organization: Any, key: str, names: list[str], codes: list[str], table: Table
) -> None:
    """From the start of an event's request until the Usage tab has changed."""
    from billing.models import Subscription

    subscription = Subscription.objects.get(organization=organization, external_id=names[0])
    path = f"/customers/{subscription.customer.public_id}/usage"
    took = []
    with place.browser(place.client(organization)) as browser:
        for number in range(3 if place.quick else 20):
            before = figures(fetched(browser, path).text)
            body = event(f"seen-{number}", 0, names, [codes[0]])
            begun = time.perf_counter()
            send(place, key, "/api/events", [(0.0, json.dumps(body).encode())], 1)
            while figures(fetched(browser, path).text) == before:
                assert time.perf_counter() - begun < 10, "the event did not appear on the Usage tab"
            took.append((time.perf_counter() - begun) * 1000)
    p50, p95, p99 = (percentile(took, percent) for percent in (50, 95, 99))
    table.add("event to Usage tab", "", p50, p95, p99, "", goals=[(at_most(1000, "ms"), p95)])


def figures(page: str) -> str:
    """What the page says, without what changes with each request."""
    import re

    main = page.partition("<main")[2]
    return re.sub(r'csrf\w*"[^>]*>|value="[^"]{40,}"|\d+:\d\d(:\d\d)?|\d+ (second|minute)s?', "", main)


def check(organization: Any) -> None:
    """The roll-ups of these events equal a recount."""
    from django.db.models import Sum

    from billing.models import Event, UsageHour

    stored = Event.objects.filter(organization=organization)
    rolled = UsageHour.objects.filter(organization=organization)
    found = rolled.aggregate(n=Sum("events_count"), value=Sum("sum_value"))
    assert found["n"] == stored.count(), found
    assert found["value"] == stored.aggregate(value=Sum("value"))["value"], found
