"""The customers list with many customers: plain, searched, filtered, sorted, and a page far down."""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.bench.place import Place, fetched, queries_of
from tests.bench.tables import Table, at_most, percentile, times

MOST_MS = 100
# fmt: off
FIRST = ("Nord", "Sued", "Blue", "Green", "Alpha", "Delta", "Omega", "Prime", "Bright", "Quick", "Grand", "Urban",
         "Metro", "Solar", "Lunar", "Terra")
SECOND = ("Water", "Steel", "Paper", "Cloud", "Media", "Food", "Farm", "Trade", "Logistics", "Energy", "Health",
          "Motor", "Textile", "Bank", "Data")
THIRD = ("GmbH", "Ltd", "SA", "Inc", "BV", "Group", "Oy", "AB", "Holding", "Partners")
# fmt: on
RARE = "Zyxomma"  # one customer in 20,000
COUNTRIES, CURRENCIES = ("DE", "FR", "GB", "US", "NG", "JP", "UG", "SE"), ("EUR", "USD", "JPY", "UGX")
COLUMNS = (
    "id, organization_id, created_at, updated_at, billing_entity_id, sequence, external_id, name, customer_type,"
    " first_name, last_name, status, email, phone, url, currency, timezone, locale, legal_name, legal_number,"
    " tax_id, address_line1, address_line2, postal_code, city, state, country, shipping_line1, shipping_line2,"
    " shipping_postal_code, shipping_city, shipping_state, shipping_country, preferred_provider, metadata,"
    " search_text, search_grams"
)


def measure(place: Place, options: argparse.Namespace) -> None:
    """A row per way to ask; plans of the slow ones below."""
    organization, _ = place.organization("Many customers")
    load(place, organization, options.customers)
    last = options.customers // 20
    asked = {
        "plain": "",
        "search, frequent word": "?q=steel",
        "search, rare word": f"?q={RARE.lower()}",
        "search, three letters": "?q=ste",
        "search, two words": "?q=lunar+textile",
        "search, nothing found": "?q=qqqwwweee",
        "filter by country": "?country=JP",
        "filter by country and currency": "?country=JP&currency=UGX",
        "with an active subscription": "?subscriptions=yes",
        "without one": "?subscriptions=no",
        "sorted by name": "?sort=name",
        "sorted by name, backwards": "?sort=-name",
        "sorted by e-mail": "?sort=email",
        "filter, search and sort": "?q=steel&country=DE&sort=name",
        "rare word, sorted by name": f"?q={RARE.lower()}&sort=name",
        "page 100": "?page=100",
        f"the last page ({last:,})": f"?page={last}",
        "search over everything": "/search",
    }
    client = place.client(organization)
    table = Table(
        place.report, f"Customers list, {options.customers:,} customers", ["p50 ms", "p95 ms", "queries"]
    )
    slow: list[tuple[str, list[str]]] = []
    with place.browser(client) as browser:
        for name, query in asked.items():
            path = "/search?q=steel" if query == "/search" else f"/customers{query}"
            took = times(lambda path=path: fetched(browser, path), 5 if place.quick else 30)  # type: ignore[misc]
            queries, texts = queries_of(lambda path=path: fetched(client, path))  # type: ignore[misc]
            p95 = percentile(took, 95)
            table.add(name, percentile(took, 50), p95, queries, goals=[(at_most(MOST_MS, "ms"), p95)])
            if p95 > MOST_MS:
                slow.append((name, texts))
    table.show()
    for name, texts in slow:
        explain(place, name, texts)


def load(place: Place, organization: Any, count: int) -> None:
    """Copy rows in as `add_customer` would write them; one in ten has an active subscription."""
    from billing.models import BillingEntity
    from customers.models import Customer

    there = Customer.objects.filter(organization=organization).count()
    entity = BillingEntity.objects.get(organization=organization)
    dice = random.Random(7)
    started = time.monotonic()
    with psycopg.connect(place.stack.database_url, autocommit=True) as connection:
        with connection.cursor().copy(f"COPY customers_customer ({COLUMNS}) FROM STDIN") as into:
            for number in range(there + 1, count + 1):
                into.write_row(row(number, organization, entity, dice))
        subscribe(connection, organization)
        connection.execute("VACUUM ANALYZE customers_customer")
        connection.execute("ANALYZE billing_subscription")
    place.report.say(f"\n  {count - there:,} customers loaded in {time.monotonic() - started:.0f} s")


def row(number: int, organization: Any, entity: Any, dice: random.Random) -> list[Any]:
    """The values of one customer, in the order of COLUMNS."""
    from billing.orm.fields import new_id
    from billing.orm.search import search_columns

    words = [dice.choice(FIRST), dice.choice(SECOND), str(dice.randrange(10_000)), dice.choice(THIRD)]
    name = " ".join([RARE, *words] if number % 20_000 == 77 else words)
    external_id, email = f"cust-{number}", f"office{number}@{words[0].lower()}-{words[1].lower()}.example"
    found = search_columns(name, email, external_id, "", "", "")
    created = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=number * 37)
    texts = [""] * 5
    return [
        new_id(), organization.pk, created, created, entity.pk, number, external_id, name, "business",
        "", "", "active" if number % 9 else "inactive", email, "", "", dice.choice(CURRENCIES), "", "", *texts[:3],
        "Main street 1", "", "12345", "Somewhere", "", dice.choice(COUNTRIES), *texts, "", "", "{}",
        found["search_text"], found["search_grams"],
    ]  # fmt: skip


def subscribe(connection: Any, organization: Any) -> None:
    """Every tenth customer gets an active subscription to one plan."""
    from billing.models import Plan
    from tests.factories.catalog import make_plan

    plan = Plan.objects.filter(organization=organization).first() or make_plan(organization)
    connection.execute(
        """
        INSERT INTO billing_subscription (id, organization_id, created_at, updated_at, customer_id, plan_id,
            external_id, name, status, billing_time, subscription_at, started_at, next_billing_at, metadata)
        SELECT uuidv7(), organization_id, now(), now(), id, %s, 'sub-' || sequence, '', 'active', 'calendar',
            now() - interval '1 day', now() - interval '1 day', now() + interval '300 days', '{}'
        FROM customers_customer AS customer WHERE organization_id = %s AND sequence %% 10 = 0
        AND NOT EXISTS (SELECT FROM billing_subscription WHERE customer_id = customer.id)
        """,
        [plan.pk, organization.pk],
    )


def explain(place: Place, name: str, texts: list[str]) -> None:
    """The plan of each statement of a page that takes more than 15 ms by itself."""
    with psycopg.connect(place.stack.database_url, autocommit=True) as connection:
        for text in texts:
            if not text.startswith("SELECT") or "FOR UPDATE" in text:
                continue
            lines = [line for (line,) in connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {text}")]  # type: ignore[arg-type]
            took = next(float(line.split()[2]) for line in lines if line.startswith("Execution Time"))
            if took > 15:
                place.report.say(f"\n  {name}: {took:.0f} ms\n    {text[:600]}")
                place.report.say("\n".join(f"      {line}" for line in lines))
