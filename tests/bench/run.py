"""The billing run over customers with a plan of a fee and three charges, two taxes and a coupon."""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.bench.place import Place, queries_of
from tests.bench.tables import Table, at_least, percentile
from tests.stack import ROOT

PROFILED = 25


def measure(place: Place, options: argparse.Namespace) -> None:
    """Draft all, finalise all; then the same in one go, as it is without a grace period."""
    from django.db.models import Q

    from invoicing.actions.billing_run import bill_customers

    with place.frozen_worker():  # else it would print the first invoices while the others are being billed
        organization, due_at = customers_to_bill(place, options.invoices, grace_days=3)
        drafted_then_final(place, organization, due_at, options)
        organization, due_at = customers_to_bill(place, options.invoices, grace_days=0)
        final_at_once(place, organization, due_at)
        two_processes(place, options.invoices, (1, 3, 10) if options.grow else (1,))
        if options.profile:
            organization, due_at = customers_to_bill(place, options.invoices, grace_days=0)
            place.report.say(profiled(lambda: one_pass(bill_customers, Q(organization=organization), due_at)))
        forget_documents()


def customers_to_bill(place: Place, count: int, *, grace_days: int) -> tuple[Any, datetime]:
    """An organization with `count` customers whose first period is over at the returned moment."""
    from django.utils import timezone

    from billing.actions.coupons import apply_coupon
    from billing.models import BillingEntity, Tax
    from customers.actions.assign import assign_plan
    from tests.factories.catalog import GRADUATED, charge, make_coupon, make_metric, make_plan, make_tax
    from tests.factories.customers import make_customer
    from tests.factories.people import ACTOR

    organization, _ = place.organization(f"Run {grace_days} {time.time():.0f}")
    BillingEntity.objects.filter(organization=organization).update(grace_period_days=grace_days)
    for rate in ("20", "1.5"):
        tax = make_tax(organization, rate=rate)
        Tax.objects.filter(pk=tax.pk).update(applied_by_default=True)
    metrics = [make_metric(organization, aggregation=kind) for kind in ("count", "sum", "max")]
    package = {"amount": "5", "packageSize": 10, "freeUnits": 0}
    terms = [
        charge(metrics[0]),
        charge(metrics[1], "graduated", GRADUATED),
        charge(metrics[2], "package", package),
    ]
    plan = make_plan(organization, terms)
    coupon = make_coupon(organization, percentage=Decimal(10), frequency="forever", reusable=True)
    now = timezone.now()
    started = now - timedelta(days=1)
    customer = make_customer(organization, currency=plan.currency)
    subscription = assign_plan(customer, plan, billing_time="anniversary", by=ACTOR, at=started)
    applied = apply_coupon(customer, coupon, by=ACTOR, at=started)
    names = [subscription.external_id, *copies(count - 1, customer, subscription, applied)]
    use(organization, names, now)
    return organization, now + timedelta(days=32)


def copies(count: int, customer: Any, subscription: Any, applied: Any) -> list[str]:
    """As many more of the same, in bulk; the subscriptions' external ids."""
    from billing.orm.fields import new_id

    def same(row: Any, **changes: Any) -> Any:
        fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        return type(row)(**fields | {"id": new_id()} | changes)

    for row in (customer, subscription, applied):
        row.refresh_from_db()
    customers = [
        same(customer, external_id=f"c{n}", email=f"c{n}@example.com", sequence=customer.sequence + n)
        for n in range(1, count + 1)
    ]
    pairs = [
        (one, same(subscription, customer_id=one.pk, external_id=f"s-{one.external_id}")) for one in customers
    ]
    type(customer).objects.bulk_create(customers, batch_size=1000)
    type(subscription).objects.bulk_create([row for _, row in pairs], batch_size=1000)
    type(applied).objects.bulk_create(
        [same(applied, customer_id=one.pk) for one in customers], batch_size=1000
    )
    return [row.external_id for _, row in pairs]


def use(organization: Any, names: list[str], at: datetime) -> None:
    """An event of each metric for each of these subscriptions."""
    from billing.actions.usage import ingest
    from billing.models import Metric
    from billing.rules.events import IncomingEvent

    codes = list(Metric.objects.filter(organization=organization).values_list("code", flat=True))
    events = [
        IncomingEvent(f"{number}-{code}-{at:%m}", name, code, at, {"value": 1200 + number})
        for number, name in enumerate(names)
        for code in codes
    ]
    for start in range(0, len(events), 1000):
        results = ingest(organization, events[start : start + 1000], at=at)
        assert {result.status for result in results} == {"accepted"}


def drafted_then_final(
    place: Place, organization: Any, due_at: datetime, options: argparse.Namespace
) -> None:
    """Two passes with the grace period between them, as most organizations bill."""
    from django.db.models import Q

    from billing.models import Subscription
    from invoicing.actions.billing_run import RunResult, bill_customers, finalize_drafts
    from invoicing.models import Invoice

    mine = Q(organization=organization)
    final_at = due_at + timedelta(days=5)
    table = Table(
        place.report,
        f"Billing run, {options.invoices} customers: fee, 3 charges, 2 taxes, a coupon",
        ["invoices/s", "p50 ms", "p95 ms", "queries each"],
    )
    probes = list(
        Subscription.objects.filter(mine).order_by("customer_id").values_list("customer_id", flat=True)[:3]
    )
    draft_queries, texts = probe_queries(lambda one: bill_customers(one, due_at, RunResult()), probes)
    result, took, each = timed(lambda: one_pass(bill_customers, mine, due_at), "bill_customer")
    assert result.invoices == options.invoices - len(probes), result
    table.add("drafted", result.invoices / took, *spread(each), draft_queries)

    drafts = Invoice.objects.filter(mine, status="draft")
    few = list(drafts.order_by("pk").values_list("customer_id", flat=True)[:3])
    final_queries, more = probe_queries(lambda one: finalize_drafts(one, final_at, RunResult()), few)
    again, took_final, each = timed(lambda: one_pass(finalize_drafts, mine, final_at), "finalize_due")
    assert again.finalized == options.invoices - len(few), again
    table.add("finalised", again.finalized / took_final, *spread(each), final_queries)
    both = again.finalized / (took + took_final)
    table.add("drafted and finalised", both, "", "", draft_queries + final_queries)
    table.show()
    check_numbers(place, organization, options.invoices)
    if options.profile:
        place.report.say("  Statements of one draft:\n" + counted(texts))
        place.report.say("  Statements of one finalisation:\n" + counted(more))


def final_at_once(place: Place, organization: Any, due_at: datetime) -> None:
    """Without a grace period: one transaction makes and issues the invoice. With cProfile's figures on request."""
    from django.db.models import Q

    from billing.models import Subscription
    from invoicing.actions.billing_run import RunResult, bill_customers

    mine = Q(organization=organization)
    count = Subscription.objects.filter(mine).count()
    probes = list(
        Subscription.objects.filter(mine).order_by("customer_id").values_list("customer_id", flat=True)[:3]
    )
    queries, _ = probe_queries(lambda one: bill_customers(one, due_at, RunResult()), probes)
    result, took, each = timed(lambda: one_pass(bill_customers, mine, due_at), "bill_customer")
    rate = result.invoices / took
    table = Table(
        place.report, "Billing run without grace period", ["invoices/s", "p50 ms", "p95 ms", "queries each"]
    )
    table.add("final at once", rate, *spread(each), queries)
    table.show()
    check_numbers(place, organization, count)


def two_processes(place: Place, least: int, sizes: tuple[int, ...]) -> None:
    """As in production: the worker's two processes bill from both ends and meet in the middle. `sizes`: how many
    times the least number of customers.
    """
    from billing.models import BillingEntity, Subscription

    table = Table(place.report, "Billing run by two processes from both ends", ["customers", "invoices/s"])
    for count in (least * size for size in sizes):
        organization, due_at = customers_to_bill(place, count, grace_days=3)
        for month, (name, grace_days) in enumerate((("drafted and finalised", 3), ("final at once", 0))):
            BillingEntity.objects.filter(organization=organization).update(grace_period_days=grace_days)
            if month:
                subscriptions = Subscription.objects.filter(organization=organization)
                use(organization, list(subscriptions.values_list("external_id", flat=True)), due_at)
                due_at += timedelta(days=31)
            rate = count / both_ends(place, organization, due_at, count)
            table.add(name, count, rate, goals=[(at_least(100, "/s"), rate)])
            check_numbers(place, organization, count * (month + 1))
    table.show()


def both_ends(place: Place, organization: Any, due_at: datetime, count: int) -> float:
    """Seconds until both processes have billed and finalised everything."""
    moments = [due_at.isoformat(), (due_at + timedelta(days=5)).isoformat()]
    command = [sys.executable, "-m", "tests.bench.half_run", str(organization.pk), *moments]
    halves = [
        subprocess.Popen([*command, way], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for way in ("forwards", "backwards")
    ]

    def answers(word: str) -> int:
        found = [half.stdout.readline().split() for half in halves]  # type: ignore[union-attr]
        assert all(line and line[0] == word for line in found), found
        return sum(int(line[1]) for line in found if len(line) > 1)

    def go() -> None:
        for half in halves:
            half.stdin.write("go\n")  # type: ignore[union-attr]
            half.stdin.flush()  # type: ignore[union-attr]

    answers("ready")
    started = time.perf_counter()
    go()
    assert answers("billed") == count
    go()
    answers("finalized")
    seconds = time.perf_counter() - started
    assert [half.wait(10) for half in halves] == [0, 0]
    return seconds


def one_pass(act: Any, where: Any, at: datetime) -> Any:
    """One part of the run, for these rows; its result. Every failure ends the benchmark."""
    from invoicing.actions.billing_run import RunResult

    result = RunResult()
    act(where, at, result)
    assert not result.failed, result.failed[0]
    return result


def timed(work: Any, item: str) -> tuple[Any, float, list[float]]:
    """Its answer, its seconds, and the milliseconds of each call of `billing_run.<item>` inside."""
    from invoicing.actions import billing_run

    each: list[float] = []
    real = getattr(billing_run, item)

    def watched(*args: Any, **kwargs: Any) -> Any:
        begun = time.perf_counter()
        try:
            return real(*args, **kwargs)
        finally:
            each.append((time.perf_counter() - begun) * 1000)

    setattr(billing_run, item, watched)
    try:
        started = time.perf_counter()
        answer = work()
        return answer, time.perf_counter() - started, each
    finally:
        setattr(billing_run, item, real)


def spread(each: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return percentile(each, 50), percentile(each, 95)


def probe_queries(act: Any, customers: list[UUID]) -> tuple[int, list[str]]:
    """Statements of one more invoice: those of two customers together, less those of one."""
    from django.db.models import Q

    one, texts = queries_of(lambda: act(Q(customer_id=customers[0])))
    two, _ = queries_of(lambda: act(Q(customer_id__in=customers[1:3])))
    return two - one, texts


def counted(texts: list[str]) -> str:
    """Statements by their beginning, the most frequent first."""
    kinds = Counter(text[:90].replace("\n", " ") for text in texts)
    return "\n".join(f"    {count:3} {text}" for text, count in kinds.most_common())


def check_numbers(place: Place, organization: Any, count: int) -> None:
    """The numbers are 1 … count, none missing and none twice; every total adds up."""
    from invoicing.models import Invoice

    rows = Invoice.objects.filter(organization=organization, status="finalized")
    numbers = sorted(int(number.rpartition("-")[2]) for number in rows.values_list("number", flat=True))
    assert numbers == list(range(1, count + 1)), (
        f"numbers {numbers[:3]} … {numbers[-3:]} for {count} invoices"
    )
    for row in rows:
        net = row.lines_minor - row.coupons_minor + row.taxes_minor
        assert row.total_minor == net - row.credit_notes_minor - row.wallet_credits_minor, row.number
    place.report.say(f"  Numbers 1 to {count}, no gap, none twice; every total adds up.")


def forget_documents() -> None:
    """The PDFs of these invoices are not what is measured next."""
    from billing.celery import app
    from billing.models import Job

    Job.objects.filter(task="invoicing.publish", state="queued").delete()
    app.control.purge()


def profiled(work: Any, lines: int = PROFILED) -> str:
    """cProfile's table of a call, by time inside."""
    profile = cProfile.Profile()
    profile.runcall(work)
    out = io.StringIO()
    pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(lines)
    return out.getvalue()
