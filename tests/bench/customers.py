"""The customers list with many customers: plain, searched, filtered, sorted, walked far down, exported."""

from __future__ import annotations

import argparse
import time
from typing import Any

import psycopg

from tests.bench.many import RARE, load
from tests.bench.place import Place, fetched, queries_of
from tests.bench.tables import Table, at_most, percentile, times

MOST_MS = 100


def measure(place: Place, options: argparse.Namespace) -> None:
    """A row per way to ask; plans of the slow ones below, or of all (`--plans`)."""
    organization, _ = place.organization("Many customers")
    load(place, organization, options.customers)
    asked = questions(organization, options.customers)
    client = place.client(organization)
    table = Table(
        place.report, f"Customers list, {options.customers:,} customers", ["p50 ms", "p95 ms", "queries"]
    )
    slow: list[tuple[str, list[str]]] = []
    with place.browser(client) as browser:
        for name, query in asked.items():
            path = query if query.startswith("/") else f"/customers{query}"
            took = times(lambda path=path: fetched(browser, path), 5 if place.quick else 30)  # type: ignore[misc]
            queries, texts = queries_of(lambda path=path: fetched(client, path))  # type: ignore[misc]
            p95 = percentile(took, 95)
            table.add(name, percentile(took, 50), p95, queries, goals=[(at_most(MOST_MS, "ms"), p95)])
            if p95 > MOST_MS or options.plans:
                slow.append((name, texts))
    table.show()
    counted(place, organization)
    exported(place, client, options.customers)
    for name, texts in slow:
        explain(place, name, texts, 2 if options.plans else 15)


def questions(organization: Any, count: int) -> dict[str, str]:
    """{what is asked: the query of the list, or another address}."""
    from billing.orm.windows import cursor_of
    from customers.models import Customer
    from customers.rules.list_columns import COLUMNS as LIST_COLUMNS

    rows = Customer.objects.filter(organization=organization)
    middle = rows.filter(sequence=count // 2).values_list("pk", "created_at").get()
    named = rows.filter(sequence=count // 3).values_list("pk", "name").get()
    last = rows.get(sequence=count - 1)
    far = cursor_of("after", middle)
    return {
        "plain": "",
        "search, frequent word": "?q=steel",
        "search, rare word": f"?q={RARE.lower()}",
        "search, three letters": "?q=ste",
        "search, two letters": "?q=No",
        "search, two words": "?q=lunar+textile",
        "search, nothing found": "?q=qqqwwweee",
        "search, an e-mail": f"?q={last.email}",
        "search, a tax ID": f"?q={last.tax_id}",
        "search, a phone": f"?q={last.phone.removeprefix('+')}",
        "search, a tag": "?q=reseller",
        "search, an external ID": f"?q={last.external_id}",
        "search, an invoice number": "?q=INV-0000045",
        "one tag": "?tags=Reseller",
        "two tags": "?tags=Reseller,VIP",
        "a rare tag": "?tags=Pilot",
        "filter by country": "?country=JP",
        "filter by country and currency": "?country=JP&currency=UGX",
        "filter by a rare country": "?country=IS",
        "filter by a rare country and status": "?country=IS&status=inactive",
        "filter by status": "?status=inactive",
        "filter by type": "?type=consumer",
        "filter by VAT status": "?vat=invalid",
        "filter by mode": "?mode=postpaid",
        "filter by an own choice": "?field_segment=SMB",
        "filter by a rare own choice": "?field_segment=Public",
        "filter by an own number": "?field_seats_min=990",
        "created in a week": "?created_from=2025-03-01&created_to=2025-03-07",
        "with an active subscription": "?subscriptions=yes",
        "without one": "?subscriptions=no",
        "overdue": "?overdue=yes",
        "not overdue": "?overdue=no",
        "outstanding from an amount": "?outstanding_min=900",
        "outstanding between two amounts": "?outstanding_min=100&outstanding_max=200",
        "sorted by name": "?sort=name",
        "sorted by name, backwards": "?sort=-name",
        "sorted by e-mail": "?sort=email",
        "sorted by external ID": "?sort=external_id",
        "sorted by currency": "?sort=currency",
        "filter, search and sort": "?q=steel&country=DE&sort=name",
        "tag, sorted by name": "?tags=Reseller&sort=name",
        "rare word, sorted by name": f"?q={RARE.lower()}&sort=name",
        "page 100": "?page=100",
        "in the middle, by a cursor": f"?cursor={far}",
        "in the middle, by name": f"?sort=name&cursor={cursor_of('after', named)}",
        "all columns": "?columns=" + ",".join(column.key for column in LIST_COLUMNS),
        "page 500": "?page=500",
        "everything at once": "?q=steel&country=DE&status=active&outstanding_min=1&tags=Reseller&sort=name",
        "a bound, a word and an order": "?outstanding_min=100&q=water&sort=-name",
        "search over everything": "/search?q=steel",
        "search over everything, three letters": "/search?q=ste",
        "search over everything, all have it": "/search?q=example",
        "search over everything, rare word": f"/search?q={RARE.lower()}",
        "search over everything, an e-mail": f"/search?q={last.email}",
        "search over everything, a number": "/search?q=INV-0000045",
        "wallets": "/wallets",
        "wallets, a frequent word": "/wallets?q=steel",
        "wallets, a rare word": f"/wallets?q={RARE.lower()}",
        "wallets, a name": "/wallets?q=zebra",
        "wallets, a frequent name": "/wallets?q=marketing",
        "wallets, low": "/wallets?balance=low",
        "wallets, below zero": "/wallets?balance=negative",
        "wallets, with credits": "/wallets?balance=positive",
        "wallets, by currency": "/wallets?currency=UGX",
        "wallets, by mode": "/wallets?mode=postpaid",
        "wallets, totals asked for": "/wallets?totals=1",
    }


def counted(place: Place, organization: Any) -> None:
    """The exact total of the API's list."""
    from customers.models import Customer

    rows = Customer.objects.of(organization).present()
    took = times(lambda: rows.count(), 3 if place.quick else 10)
    table = Table(place.report, "The exact count of GET /api/customers", ["p50 ms", "p95 ms"])
    table.add("all", percentile(took, 50), percentile(took, 95))
    table.show()


def exported(place: Place, client: Any, count: int) -> None:
    """The whole list as CSV: lines per second, and how much memory of this process it takes."""
    import psutil

    process = psutil.Process()
    before, started = process.memory_info().rss, time.monotonic()
    lines, most = 0, before
    for piece in client.get("/customers/export").streaming_content:
        lines += piece.count(b"\n")
        most = max(most, process.memory_info().rss)
    assert lines == count + 1, lines
    seconds = time.monotonic() - started
    table = Table(place.report, "The list as CSV", ["lines", "seconds", "lines/s", "MB more"])
    table.add("all customers", lines, seconds, lines / seconds, (most - before) / 1e6)
    table.show()


def explain(place: Place, name: str, texts: list[str], least: float) -> None:
    """The plan of each statement of a page that takes at least so many ms by itself."""
    with psycopg.connect(place.stack.database_url, autocommit=True) as connection:
        for text in texts:
            if not text.lstrip().startswith(("SELECT", "WITH")) or "FOR UPDATE" in text:
                continue
            lines = [line for (line,) in connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {text}")]  # type: ignore[arg-type]
            took = next(float(line.split()[2]) for line in lines if line.startswith("Execution Time"))
            if took >= least:
                place.report.say(f"\n  {name}: {took:.0f} ms\n    {text[:600]}")
                place.report.say("\n".join(f"      {line}" for line in lines))
