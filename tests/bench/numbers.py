"""Numbers without a gap: one series, several processes that finalise, and transactions that are given up after they
have taken their number. Then the proof of the page Reports > Numbers, by its own query, and how long that takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import Any
from uuid import UUID

from tests.bench.place import Place
from tests.bench.run import forget_documents
from tests.bench.tables import Table, at_most, percentile
from tests.stack import ROOT

PROCESSES = 4
MANY = 100_000


def measure(place: Place, options: argparse.Namespace) -> None:
    """Finalise, give up and finalise; then the page with many invoices."""
    finals, aborted = (80, 80) if options.quick else (1_000, 1_000)
    with place.frozen_worker():
        organization = drafts(place, finals)
        rate = by_processes(organization.pk, aborted)
        proven(place, organization, finals, aborted, rate)
        forget_documents()
    pages(place, organization, 2_000 if options.quick else MANY, options)


def drafts(place: Place, count: int) -> Any:
    """An organization with a one-off draft for each of `count` customers, all in one series."""
    from decimal import Decimal

    from billing.models import BillingEntity
    from billing.orm.fields import new_id
    from invoicing.actions.one_off import Item, create_one_off
    from tests.factories.customers import make_customer
    from tests.factories.people import ACTOR, NOW

    def same(row: Any, **changes: Any) -> Any:
        fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        return type(row)(**fields | {"id": new_id()} | changes)

    organization, _ = place.organization(f"Numbers {time.time():.0f}")
    BillingEntity.objects.filter(organization=organization).update(numbering="per_billing_entity")
    customer = make_customer(organization)
    draft = create_one_off(customer, [Item("Work", Decimal(100))], by=ACTOR, at=NOW)
    line = draft.lines.get()
    customer.refresh_from_db()
    draft.refresh_from_db()
    customers = [
        same(customer, external_id=f"n{n}", email=f"n{n}@example.com", sequence=customer.sequence + n)
        for n in range(1, count)
    ]
    invoices = [same(draft, customer_id=one.pk) for one in customers]
    type(customer).objects.bulk_create(customers, batch_size=1000)
    type(draft).objects.bulk_create(invoices, batch_size=1000)
    type(line).objects.bulk_create([same(line, invoice_id=one.pk) for one in invoices], batch_size=1000)
    return organization


def by_processes(organization: UUID, aborted: int) -> float:
    """Invoices per second that several processes finalise together."""
    command = [sys.executable, "-m", "tests.bench.numbering", str(organization), str(PROCESSES)]
    parts = [
        subprocess.Popen(
            [*command, str(part), str(aborted)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in range(PROCESSES)
    ]
    for part in parts:
        assert part.stdout and part.stdout.readline() == "ready\n"
    started = time.perf_counter()
    for part in parts:
        assert part.stdin
        part.stdin.write("go\n")
        part.stdin.flush()
    answers = [part.communicate()[0].split() for part in parts]
    seconds = time.perf_counter() - started
    assert [part.returncode for part in parts] == [0] * PROCESSES
    assert sum(int(gone) for _, gone in answers) == aborted, answers
    return sum(int(final) for final, _ in answers) / seconds


def proven(place: Place, organization: Any, finals: int, aborted: int, rate: float) -> None:
    """What the page says of it."""
    from invoicing.queries.series import SERIES, series_page, sums_of

    kind = SERIES["invoice"]
    sums = sums_of(organization, kind)
    (series,) = series_page(organization, kind, 1)
    assert (series.first, series.last, series.count) == (1, finals, finals), series
    table = Table(
        place.report,
        f"One series, {PROCESSES} processes, {aborted:,} transactions given up with their number",
        ["finalized", "invoices/s", "gaps"],
    )
    found = sums.missing + sums.outside + sums.strays
    table.add("one-off drafts", finals, rate, found, goals=[(at_most(0, "gaps"), found)])
    table.show()


def pages(place: Place, organization: Any, count: int, options: argparse.Namespace) -> None:
    """The proof over many invoices: how long its statements take, whole and with a hole in the middle."""
    from billing.orm.fields import new_id
    from invoicing.models import Invoice, Sequence
    from invoicing.queries.series import SERIES, gaps_of, series_page, sums_of

    kind = SERIES["invoice"]
    row = Invoice.objects.filter(organization=organization).exclude(number="").first()
    assert row is not None
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    counter = Sequence.objects.get(organization=organization, key=row.series)
    for start in range(counter.last + 1, count + 1, 5_000):
        numbers = range(start, min(start + 5_000, count + 1))
        new = (
            Invoice(**fields | {"id": new_id(), "number": f"B-{place}", "series_number": place})
            for place in numbers
        )
        Invoice.objects.bulk_create(new, batch_size=1_000)
    Sequence.objects.filter(pk=counter.pk).update(last=count)
    analysed()
    table = Table(place.report, f"The proof over {count:,} invoices", ["p50 ms", "p95 ms", "missing"])
    show_times(table, "whole", lambda: (sums_of(organization, kind), series_page(organization, kind, 1)))
    if options.plans:
        place.report.say(plan_of(organization))
    middle = count // 2
    Invoice.objects.filter(organization=organization, series_number__in=[middle, middle + 1]).delete()

    def with_gaps() -> Any:
        sums = sums_of(organization, kind)
        (series,) = series_page(organization, kind, 1)
        assert gaps_of(organization, kind, series) == [(middle, middle + 1)]
        return sums, [series]

    show_times(table, "with a hole", with_gaps)
    table.show()


def show_times(table: Table, name: str, ask: Any) -> None:
    """Ten times the statements of the page."""
    each = []
    for _ in range(10):
        started = time.perf_counter()
        sums, _ = ask()
        each.append((time.perf_counter() - started) * 1000)
    p95 = percentile(each, 95)
    table.add(name, percentile(each, 50), p95, sums.missing, goals=[(at_most(500, "ms"), p95)])


def analysed() -> None:
    """As autovacuum leaves a table that has grown."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE invoicing_invoice")


def plan_of(organization: Any) -> str:
    """How PostgreSQL adds up all series."""
    from django.db import connection

    from invoicing.queries.series import FIGURES, SUMS

    with connection.cursor() as cursor:
        sql = (FIGURES + SUMS).format(table="invoicing_invoice", status="status")
        cursor.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {sql}",
            {"organization": organization.pk, "kind": "invoice:%"},
        )
        return "\n".join(f"  {line}" for (line,) in cursor.fetchall())
