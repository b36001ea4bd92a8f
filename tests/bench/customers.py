"""The customers list with many customers: plain, searched, filtered, sorted, walked far down, exported."""

from __future__ import annotations

import argparse
import json
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
RARE_COUNTRY = "IS"
TAGS = {"Reseller": 10, "VIP": 15, "Pilot": 25_000}  # every how many customers have it
COLUMNS = (
    "id, organization_id, created_at, updated_at, billing_entity_id, sequence, external_id, name, customer_type,"
    " first_name, last_name, status, email, phone, url, currency, timezone, locale, legal_name, legal_number,"
    " tax_id, address_line1, address_line2, postal_code, city, state, country, shipping_line1, shipping_line2,"
    " shipping_postal_code, shipping_city, shipping_state, shipping_country, preferred_provider, metadata,"
    " search_text, search_grams, tag_ids, custom_fields, vat_status, billing_model, mode, peppol_id, einvoice_email,"
    " prefer_einvoice, vat_validation_disabled, vat_validation_disabled_reason, disabled_providers,"
    " default_auto_top_up_enabled, tax_identifiers"
)


def measure(place: Place, options: argparse.Namespace) -> None:
    """A row per way to ask; plans of the slow ones below."""
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
            if p95 > MOST_MS:
                slow.append((name, texts))
    table.show()
    counted(place, organization)
    exported(place, client, options.customers)
    for name, texts in slow:
        explain(place, name, texts)


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
        "search over everything": "/search?q=steel",
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


def load(place: Place, organization: Any, count: int) -> None:
    """Copy rows in as `add_customer` would write them; one in ten has an active subscription."""
    from billing.models import BillingEntity
    from customers.models import Customer, CustomField, Tag

    there = Customer.objects.filter(organization=organization).count()
    entity = BillingEntity.objects.get(organization=organization)
    dice = random.Random(7)
    started = time.monotonic()
    tags = {name: Tag.objects.get_or_create(organization=organization, name=name)[0].pk for name in TAGS}
    for code, kind, choices in (
        ("segment", "choice", ["SMB", "Enterprise", "Public"]),
        ("seats", "number", []),
    ):
        known = {"name": code.capitalize(), "kind": kind, "choices": choices}
        CustomField.objects.get_or_create(organization=organization, code=code, defaults=known)
    with psycopg.connect(place.stack.database_url, autocommit=True) as connection:
        later = without_large_indexes(connection) if count - there > 50_000 else []
        with connection.cursor().copy(f"COPY customers_customer ({COLUMNS}) FROM STDIN") as into:
            for number in range(there + 1, count + 1):
                into.write_row(row(number, organization, entity, dice, tags))
        for definition in later:
            connection.execute(definition)
        subscribe(connection, organization)
        owe(connection, organization)
        connection.execute("VACUUM ANALYZE customers_customer")
        connection.execute("VACUUM ANALYZE billing_subscription")
        connection.execute("VACUUM ANALYZE invoicing_invoice")
    place.report.say(f"\n  {count - there:,} customers loaded in {time.monotonic() - started:.0f} s")


def without_large_indexes(connection: Any) -> list[str]:
    """Drops the inverted indexes, which are built faster than filled; returns how to make them again."""
    found = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'customers_customer' AND indexdef LIKE '%gin%'"
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("SET maintenance_work_mem = '512MB'")
    return [definition for _, definition in found]


def row(number: int, organization: Any, entity: Any, dice: random.Random, tags: dict[str, Any]) -> list[Any]:
    """The values of one customer, in the order of COLUMNS."""
    from billing.orm.fields import new_id
    from billing.orm.search import search_columns

    words = [dice.choice(FIRST), dice.choice(SECOND), str(dice.randrange(10_000)), dice.choice(THIRD)]
    name = " ".join([RARE, *words] if number % 20_000 == 77 else words)
    external_id, email = f"cust-{number}", f"office{number}@{words[0].lower()}-{words[1].lower()}.example"
    tax_id, phone = f"DE{number:09}", f"+49301{number:07}"
    own = [name for name, every in TAGS.items() if number % every == 0]
    found = search_columns(name, email, external_id, tax_id, phone, *own)
    country = RARE_COUNTRY if number % 20_000 == 99 else dice.choice(COUNTRIES)
    segment = "Public" if number % 20_000 == 55 else ("SMB", "Enterprise")[number % 2]
    fields = json.dumps({"segment": segment, "seats": number % 1000})
    created = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=number * 37)
    texts = [""] * 5
    return [
        new_id(), organization.pk, created, created, entity.pk, number, external_id, name,
        "business" if number % 7 else "consumer", "", "", "active" if number % 9 else "inactive", email, phone, "",
        dice.choice(CURRENCIES), "", "", *texts[:2], tax_id, "Main street 1", "", "12345", "Somewhere", "", country,
        *texts, "", "", "{}", found["search_text"], found["search_grams"], [tags[name] for name in own], fields,
        "invalid" if number % 5_000 == 3 else "valid", "postpaid", "prepaid" if number % 3 else "postpaid", "", "",
        False, False, "", [], False, "{}",
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


def owe(connection: Any, organization: Any) -> None:
    """Every fifth customer has an invoice, two in three of them are unpaid, some of those are overdue."""
    connection.execute(
        """
        INSERT INTO invoicing_invoice (id, organization_id, created_at, updated_at, billing_entity_id, customer_id,
            type, status, payment_status, number, currency, timezone, locale, issuing_on, due_on, customer_name,
            net_payment_term_days, lines_minor, coupons_minor, taxes_minor, credit_notes_minor,
            wallet_credits_minor, total_minor, paid_minor, reverse_charge, custom_fields, seller, buyer,
            purchase_order, notes, metadata, pdf, pdf_state, void_pdf, void_pdf_state, finalized_at,
            void_reason)
        SELECT uuidv7(), organization_id, now(), now(), billing_entity_id, id, 'one_off', 'finalized',
            CASE WHEN sequence % 3 = 0 THEN 'paid' ELSE 'pending' END, 'INV-' || lpad(sequence::text, 7, '0'),
            currency, 'UTC', 'en', current_date - 20, current_date - 10 + (sequence % 4)::int * 5, name,
            14, amount, 0, 0, 0, 0, amount, CASE WHEN sequence % 3 = 0 THEN amount ELSE 0 END, false, '[]', '{}',
            '{}', '', '', '{}', '', 'none', '', 'none', now(), ''
        FROM (SELECT *, (sequence % 1000) * 100 AS amount FROM customers_customer) AS customer
        WHERE organization_id = %(organization)s AND sequence % 5 = 0
        AND NOT EXISTS (SELECT FROM invoicing_invoice WHERE customer_id = customer.id)
        """.replace(" % ", " %% "),
        {"organization": organization.pk},
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
