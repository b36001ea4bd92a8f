"""The API by 1, 8 and 32 clients: requests a second, how long one takes, what fails, and the memory of the web
server.

Each client is a thread with one kept connection that sends the next request when the last is answered. The clients
run on the same machine, so on few cores they take their share. Limits are on, and never reached.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.bench.events import event, subscriptions
from tests.bench.place import Place
from tests.bench.start import memory_by_part
from tests.bench.tables import Table, at_most, percentile

CLIENTS = (1, 8, 32)
NO_LIMIT = 2_000_000_000  # requests a minute
IN_A_BATCH = 100
turn = count()


@dataclass(frozen=True)
class Request:
    """One kind of request: method, and what makes its path and body anew for each."""

    name: str
    method: str
    path: Callable[[int], str]
    body: Callable[[int], Any] | None = None
    keyed: bool = False


@dataclass
class Found:
    """What the clients of one measurement have seen: milliseconds of each answer, and how many were no 2xx."""

    took: list[float] = field(default_factory=list)
    errors: int = 0


def measure(place: Place, options: argparse.Namespace) -> None:
    """A row for each kind of request and number of clients."""
    organization, key = place.organization("Events")
    type(organization).objects.filter(pk=organization.pk).update(api_rate_limit=NO_LIMIT)
    requests = kinds(organization, 40 if place.quick else 2000)
    seconds = 1.0 if place.quick else 5.0
    columns = ["clients", "requests/s", "p50 ms", "p95 ms", "p99 ms", "errors", "web MB"]
    table = Table(place.report, "API", columns)
    for request in requests:
        hammer(place, key, request, 1, 0.3)
        for clients in CLIENTS:
            found, passed = hammer(place, key, request, clients, seconds)
            spread = [percentile(found.took, percent) for percent in (50, 95, 99)]
            megabytes = sum(memory_by_part(place)["web"])
            rate = len(found.took) / passed
            goals = [(at_most(0, "errors"), float(found.errors))]
            table.add(request.name, clients, rate, *spread, found.errors, megabytes, goals=goals)
    table.show()


def kinds(organization: Any, customers: int) -> list[Request]:
    """The requests, on so many customers of which some have a subscription with usage."""
    from billing.models import Plan
    from customers.models import Customer
    from tests.factories.customers import make_customer

    names, codes = subscriptions(organization)
    have = Customer.objects.filter(organization=organization).count()
    for number in range(have, customers):
        given = {"external_id": f"api-{number}", "email": f"api-{number}@bench.example"}
        make_customer(organization, name=f"Bench {number}", **given)
    subscribed = Customer.objects.filter(organization=organization, subscriptions__external_id__in=names)
    ids = [customer.public_id for customer in subscribed.distinct()]
    plan = Plan.objects.filter(organization=organization).first()
    assert plan is not None and ids

    def some(number: int) -> str:
        return ids[number % len(ids)]

    def person(number: int) -> Any:
        return {"name": "New", "email": f"new-{time.time_ns():x}-{number}@bench.example", "currency": "EUR"}

    def many(number: int) -> Any:
        return {"events": [event(f"api-{number}", each, names, codes) for each in range(IN_A_BATCH)]}

    def asked(number: int) -> Any:
        return {"customerId": some(number), "planId": plan.code}

    return [
        Request("list of 20 customers", "GET", lambda number: f"/customers?page={1 + number % 2}&limit=20"),
        Request("get a customer", "GET", lambda number: f"/customers/{some(number)}"),
        Request("search", "GET", lambda number: f"/customers?search=bench+{number % 40}"),
        Request("create, with a key", "POST", lambda number: "/customers", person, keyed=True),
        Request("event", "POST", lambda number: "/events", lambda n: event("api", n, names, codes)),
        Request(f"batch of {IN_A_BATCH} events", "POST", lambda number: "/events/batch", many),
        Request("current usage", "GET", lambda number: f"/customers/{some(number)}/usage"),
        Request("preview of invoices", "POST", lambda number: "/invoices/preview", asked),
    ]


def hammer(place: Place, key: str, request: Request, clients: int, seconds: float) -> tuple[Found, float]:
    """What so many clients see within these seconds, and the seconds that it took."""
    found, end = [Found() for _ in range(clients)], time.perf_counter() + seconds
    threads = [
        threading.Thread(target=client, args=[place.stack.port, key, request, one, end]) for one in found
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - started
    return Found([took for one in found for took in one.took], sum(one.errors for one in found)), passed


def client(port: int, key: str, request: Request, found: Found, end: float) -> None:
    """Send one request after the other on one connection until the time is over."""
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    while time.perf_counter() < end:
        number = next(turn)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        if request.keyed:
            headers["Idempotency-Key"] = f"bench-{time.time_ns():x}-{number}"
        body = json.dumps(request.body(number)) if request.body else None
        begun = time.perf_counter()
        try:
            connection.request(request.method, f"/api{request.path(number)}", body, headers)
            answer = connection.getresponse()
            answer.read()
            found.errors += not 200 <= answer.status < 300
        except (OSError, http.client.HTTPException):
            found.errors += 1
            connection.close()
        found.took.append((time.perf_counter() - begun) * 1000)
    connection.close()
