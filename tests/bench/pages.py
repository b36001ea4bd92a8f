"""Every page on the demo data: server time, queries, and the bytes of a first load in a browser."""

from __future__ import annotations

import argparse
import os
from typing import Any

from tests.bench.place import Place, fetched, queries_of
from tests.bench.tables import Table, at_most, percentile, times

MOST_MS, MOST_QUERIES, MOST_KB = 60, 12, 100
FIRST_LOADS = ("home", "customers", "customer", "customer-usage", "invoices", "invoice", "plan", "login")


def measure(place: Place, options: argparse.Namespace) -> None:
    """All pages that a GET shows to an admin."""
    from billing.models import Organization

    seconds = place.demo()
    if seconds is not None:
        table = Table(place.report, "Demo data", ["seconds"])
        table.add("manage.py seed_demo", seconds, goals=[(at_most(60, "s"), seconds)])
        table.show()
    organization = Organization.objects.get(name="Tarn Demo")
    client = place.client(organization)
    paths = shown_pages(client, organization)
    server_times(place, client, paths)
    first_loads(place, client, paths)


def shown_pages(client: Any, organization: Any) -> dict[str, str]:
    """{name: path} of every page that answers 200 as HTML."""
    from tests.factories.world import World
    from tests.house.addresses import pages

    world = World(organization, None, demo_rows(organization), "")  # type: ignore[arg-type]
    found = {}
    for address in pages():
        try:
            path = address.path(world)
        except LookupError:
            continue  # the demo has no row of that noun
        answer = client.get(path)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            found[address.name] = path
    return found


def demo_rows(organization: Any) -> dict[str, Any]:
    """A busy row of each noun, by the part of an address before its id."""
    from django.db.models import Count

    from billing.models import (
        ApiKey,
        AppliedCoupon,
        BillingEntity,
        Charge,
        Coupon,
        Event,
        Job,
        Member,
        Metric,
        Plan,
        QuarantinedEvent,
        Subscription,
        Tax,
        Wallet,
    )
    from customers.models import Customer
    from invoicing.models import CreditNote, Invoice, InvoiceLine, Payment

    mine = {"organization": organization}
    invoice = (
        Invoice.objects.filter(**mine, status="finalized").annotate(n=Count("lines")).order_by("-n").first()
    )
    active = Subscription.objects.filter(**mine, status="active").order_by("started_at").first()
    rows: dict[str, Any] = {
        "customers": active and Customer.objects.get(pk=active.customer_id),
        "external": active and active.customer.external_id,
        "subscriptions": active,
        "invoices": invoice,
        "lines": InvoiceLine.objects.filter(invoice=invoice).first(),
        "events": Event.objects.filter(**mine).first(),
        "charges": Charge.objects.filter(plan__organization=organization).first(),
    }
    others = {
        "metrics": Metric,
        "plans": Plan,
        "coupons": Coupon,
        "applied-coupons": AppliedCoupon,
        "taxes": Tax,
        "wallets": Wallet,
        "credit-notes": CreditNote,
        "payments": Payment,
        "quarantine": QuarantinedEvent,
        "jobs": Job,
        "members": Member,
        "billing-entities": BillingEntity,
        "api-keys": ApiKey,
    }
    rows |= {name: model.objects.filter(**mine).first() for name, model in others.items()}
    return {name: row for name, row in rows.items() if row}


def server_times(place: Place, client: Any, paths: dict[str, str]) -> None:
    """A row per page, over HTTP on one kept connection; the queries from the test client."""
    table = Table(place.report, "Pages on the demo data", ["p50 ms", "p95 ms", "queries", "kB html"])
    everything: list[float] = []
    with place.browser(client) as browser:
        for name, path in sorted(paths.items(), key=lambda pair: pair[1]):
            took = times(lambda path=path: fetched(browser, path), 5 if place.quick else 30)  # type: ignore[misc]
            queries, _ = queries_of(lambda path=path: fetched(client, path))  # type: ignore[misc]
            p95 = percentile(took, 95)
            everything += took
            size = len(fetched(browser, path).content) / 1000
            goals = [(at_most(MOST_MS, "ms"), p95), (at_most(MOST_QUERIES - 1, "queries"), queries)]
            table.add(name, percentile(took, 50), p95, queries, size, goals=goals)
    p95 = percentile(everything, 95)
    table.add("all", percentile(everything, 50), p95, "", "", goals=[(at_most(MOST_MS, "ms"), p95)])
    table.show()


def first_loads(place: Place, client: Any, paths: dict[str, str]) -> None:
    """Bytes over the wire of a first visit in Chromium: page, style, scripts, fonts, icons."""
    from playwright.sync_api import sync_playwright

    from tests.conftest import CHROMIUM, CHROMIUM_OPTIONS

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop in this thread
    table = Table(place.report, "First load in Chromium, compressed", ["files", "kB"])
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        for name in FIRST_LOADS:
            path = "/login" if name == "login" else paths.get(name)
            if path is None:
                continue
            context = chromium.new_context(base_url=place.stack.base_url)
            if name != "login":
                session = client.cookies["sessionid"].value
                cookie = {"name": "sessionid", "value": session, "url": place.stack.base_url}
                context.add_cookies([cookie])  # type: ignore[list-item]
            page = context.new_page()
            sizes: list[float] = []
            wire = context.new_cdp_session(page)
            wire.send("Network.enable")
            wire.on(
                "Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"])
            )
            page.goto(path, wait_until="networkidle")
            total = sum(sizes) / 1000
            table.add(name, len(sizes), total, goals=[(at_most(MOST_KB, "kB"), total)])
            context.close()
        chromium.close()
    table.show()
