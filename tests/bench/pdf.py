"""PDFs: in one warm process, by the two worker processes through Celery, with their memory; a very long one; beside
headless Chromium printing the same HTML.
"""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psutil

from tests.bench import printing
from tests.bench.place import Place, pss
from tests.bench.tables import Table, at_least, at_most, percentile, times

TWO_PAGES = 34  # lines
MOST_TYPED = 200  # lines that a person may put on one invoice


def measure(place: Place, options: argparse.Namespace) -> None:
    """Three tables in one, and one beside Chromium."""
    organization, _ = place.organization("Documents")
    table = Table(place.report, "PDF", ["pages", "PDFs/s", "p50 ms", "p95 ms", "MB"])
    one_process(place, organization, table)
    two_workers(place, organization, table)
    download(place, organization, table)
    very_long(place, organization, table)
    table.show()
    with place.frozen_worker():
        beside_chromium(place)


def issue(organization: Any, lines: int, count: int) -> list[Any]:
    """Finalised one-off invoices for a customer with an address."""
    from django.utils import timezone

    from customers.models import Customer
    from invoicing.actions.one_off import Item, create_one_off
    from tests.factories.customers import make_customer
    from tests.factories.people import ACTOR

    at = timezone.now()
    customer = Customer.objects.filter(organization=organization).first() or make_customer(
        organization,
        external_id=f"documents-{at:%H%M%S%f}",
        email="documents@bench.example",
        name="Ünal & Söhne Größenwahn GmbH",
        address_line1="Hauptstraße 12",
        city="Köln",
        country="DE",
    )
    items = [
        Item(f"Consulting, part {number}", units=Decimal(number % 7 + 1), unit_amount=Decimal("125.50"))
        for number in range(lines)
    ]
    return [create_one_off(customer, items, finalize=True, by=ACTOR, at=at) for _ in range(count)]


def rendered(invoice: Any) -> bytes:
    """The document of an invoice, read and rendered in this process."""
    from invoicing.actions.publish import render
    from invoicing.models import Invoice
    from invoicing.queries.document import invoice_document

    return render(invoice_document(Invoice.objects.get(pk=invoice.pk)))


def pages_of(content: bytes) -> int:
    """How many pages the PDF has."""
    from pypdf import PdfReader

    return len(PdfReader(io.BytesIO(content)).pages)


def one_process(place: Place, organization: Any, table: Table) -> None:
    """A two-page invoice again and again in this process."""
    with place.frozen_worker():
        [invoice] = issue(organization, TWO_PAGES, 1)
        took = times(lambda: rendered(invoice), 5 if place.quick else 40)
        pages = pages_of(rendered(invoice))
    table.add(
        "one warm process",
        pages,
        1000 * len(took) / sum(took),
        percentile(took, 50),
        percentile(took, 95),
        "",
    )


def two_workers(place: Place, organization: Any, table: Table) -> None:
    """Issued invoices until their files are stored, by the worker's own processes."""
    count = 10 if place.quick else 120
    wait_for_files(issue(organization, TWO_PAGES, 4))  # both processes are warm
    with place.frozen_worker():
        invoices = issue(organization, TWO_PAGES, count)
    started = time.monotonic()
    wait_for_files(invoices)
    rate = count / (time.monotonic() - started)
    sizes = [pss(process) for process in pool(place)]
    table.add(
        "two worker processes, from queue to stored file",
        2,
        rate,
        "",
        "",
        " + ".join(f"{size:.0f}" for size in sizes),
        goals=[(at_least(10, "/s"), rate), (at_most(120, "MB per worker"), max(sizes))],
    )


def pool(place: Place) -> list[psutil.Process]:
    """The worker's processes that do the work."""
    return place.stack.part("worker").children()


def wait_for_files(invoices: list[Any]) -> None:
    """Until every PDF is stored."""
    from invoicing.models import Invoice

    keys = [invoice.pk for invoice in invoices]
    deadline = time.monotonic() + 300
    while Invoice.objects.filter(pk__in=keys, pdf_state="ready").count() < len(keys):
        assert time.monotonic() < deadline, "the PDFs did not come within five minutes"
        time.sleep(0.05)


def download(place: Place, organization: Any, table: Table) -> None:
    """A stored PDF over HTTP."""
    from invoicing.models import Invoice

    invoice = Invoice.objects.filter(organization=organization, pdf_state="ready").first()
    assert invoice is not None
    path = f"/invoices/{invoice.public_id}/pdf"
    with place.browser(place.client(organization)) as browser:
        assert browser.get(path).content.startswith(b"%PDF"), "no PDF came"
        took = times(lambda: browser.get(path), 10 if place.quick else 100)
    p95 = percentile(took, 95)
    table.add(
        "download of a stored PDF", 2, "", percentile(took, 50), p95, "", goals=[(at_most(30, "ms"), p95)]
    )


def very_long(place: Place, organization: Any, table: Table) -> None:
    """2,000 lines: how long a person waits."""
    from invoicing.actions.publish import render
    from invoicing.models import Invoice
    from invoicing.queries.document import invoice_document

    with place.frozen_worker():
        [invoice] = issue(organization, MOST_TYPED, 1)
        document = invoice_document(Invoice.objects.get(pk=invoice.pk))
        groups = document.groups * (1 if place.quick else 10)
        lines = sum(len(group.lines) for group in groups)
        started = time.perf_counter()
        content = render(replace(document, groups=groups))
        seconds = time.perf_counter() - started
    goals = [(at_most(6, "s"), seconds)]
    table.add(f"{lines:,} lines", pages_of(content), 1 / seconds, seconds * 1000, "", "", goals=goals)


def beside_chromium(place: Place) -> None:
    """The same documents by our renderer and by Chromium, each in a fresh process that has printed one already."""
    table = Table(
        place.report,
        "PDF beside headless Chromium",
        ["lines", "pages", "PDFs/s", "p50 ms", "CPU ms", "peak MB"],
    )
    for lines, count in printing.SIZES:
        for name, label in (
            ("ours", "Tarn, one worker process"),
            ("chromium", "Chromium, one page, CDP printToPDF"),
        ):
            found = printing.in_a_process(name, lines, max(count // 10, 1) if place.quick else count)
            table.add(
                label,
                lines,
                found["pages"],
                found["rate"],
                found["p50"],
                found["cpu"],
                f"{found['peak']:.0f}",
            )
    table.show()
