"""The run under stress: twice, at once, killed, failing for one customer; and its number of queries."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext

from billing.actions.locks import lock_customer
from billing.models import Job, Metric, Organization, Plan, Subscription
from billing.orm.actor import Actor
from invoicing import tasks
from invoicing.actions import billing_run, periods
from invoicing.actions.billing_run import bill_customer, run
from invoicing.models import Invoice, InvoicedPeriod, InvoiceLine, Sequence
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, default_tax, make_plan, on, set_entity, subscribe
from tests.factories.people import make_organization
from tests.factories.usage import use
from tests.stack import wait_for


def world(customers: int, **fields: Any) -> Organization:
    """An organization whose customers all owe January: 10.00 and 3.00 of usage, 20 % tax."""
    organization = make_organization()
    default_tax(organization, "20")
    set_entity(organization, number_prefix="ACM")
    metric = make_metric(organization)
    plan = make_plan(organization, 1000, charge(metric))
    for _ in range(customers):
        subscription = subscribe(billed_customer(organization, **fields), plan, on(2026, 1, 1))
        use(subscription, metric, 30, at=on(2026, 1, 10))
    return organization


def rows() -> tuple[list[Any], ...]:
    """Everything that a run writes, to compare."""
    return (
        sorted(Invoice.objects.values_list("number", "status", "total_minor", "customer_id")),
        sorted(InvoiceLine.objects.values_list("invoice__number", "position", "amount_minor")),
        sorted(InvoicedPeriod.objects.values_list("subscription_id", "kind", "start", "end")),
        sorted(Sequence.objects.values_list("key", "last")),
        sorted(Subscription.objects.values_list("pk", "next_billing_at")),
    )


@pytest.mark.django_db
def test_running_twice_changes_nothing() -> None:
    world(3)
    assert run(on(2026, 2, 1)).invoices == 3
    before = rows()
    assert run(on(2026, 2, 1)).invoices == 0
    assert rows() == before
    assert set(Invoice.objects.values_list("total_minor", flat=True)) == {1560}


def eight_at_once(at: datetime) -> None:
    """Eight processes do the run. When each of them stands in the middle of an invoice, waiting for the counter that
    is its last lock, one is killed; then the others go on.
    """
    fork, connected = multiprocessing.get_context("fork"), connections["default"]
    go = fork.Event()

    def work(backwards: bool) -> None:
        assert go.wait(timeout=30)
        assert run(at, backwards=backwards).failed == []

    connections.close_all()
    workers = [fork.Process(target=work, args=[number % 2 == 1]) for number in range(8)]
    for worker in workers:
        worker.start()
    try:
        with transaction.atomic():
            Sequence.objects.select_for_update().get(key__startswith="invoice:")
            go.set()
            wait_for(lambda: lock_waiters(connected) == 8, what="eight invoices half made")
            workers[3].kill()
            workers[3].join(timeout=10)
        for worker in workers:
            worker.join(timeout=60)
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, -signal.SIGKILL, 0, 0, 0, 0]


def lock_waiters(connected: BaseDatabaseWrapper) -> int:
    """How many sessions of this database wait for a row that another holds."""
    with connected.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_clear_snapshot()"
        )  # else a transaction sees the sessions of its first look
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_eight_processes_at_once_one_of_them_killed_bill_each_period_once_without_a_gap() -> None:
    """41 subscriptions, half of them with drafts that become final four days later: 10.00 and 30 x 0.10, 20 % tax."""
    organization = world(1)
    run(on(2026, 2, 1))  # opens the counter
    plan = Plan.objects.get(organization=organization)
    metric = Metric.objects.get(organization=organization)
    for number in range(40):
        customer = billed_customer(organization, grace_period_days=number % 2 * 3)
        use(subscribe(customer, plan, on(2026, 1, 1)), metric, 10, 20, at=on(2026, 1, 10))
    eight_at_once(on(2026, 2, 1))
    run(on(2026, 2, 1))  # what the killed one held is due again
    assert Invoice.objects.finalized().count() == 21 and Invoice.objects.draft().count() == 20
    eight_at_once(on(2026, 2, 5))
    run(on(2026, 2, 5))
    before = rows()
    run(on(2026, 2, 5))
    assert rows() == before

    invoices = Invoice.objects.order_by("number")
    assert [row.number for row in invoices] == [f"ACM-202602-{number:03d}" for number in range(1, 42)]
    assert {(row.status, row.total_minor) for row in invoices} == {("finalized", 1560)}
    billed = Counter(InvoicedPeriod.objects.values_list("subscription_id", "kind", "invoice__customer_id"))
    live = Subscription.objects.values_list("pk", "customer_id")
    assert billed == Counter((key, kind, owner) for key, owner in live for kind in ("fee", "usage"))
    assert set(InvoicedPeriod.objects.values_list("start", "end")) == {(on(2026, 1, 1), on(2026, 2, 1))}
    lines = Counter(InvoiceLine.objects.values_list("invoice__number", "units", "amount_minor"))
    assert lines == Counter((row.number, *line) for row in invoices for line in ((1, 1000), (30, 300)))
    assert not Job.objects.exclude(task="invoicing.publish").exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_killed_leaves_whole_invoices_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies in the middle of the third customer: two are billed, the rest is due again, no gap."""
    world(4)
    real, seen = periods.finalize_new, []

    def die_at_the_third(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        seen.append(made)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return made

    with monkeypatch.context() as patch:
        patch.setattr(periods, "finalize_new", die_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            run(on(2026, 2, 1))
    assert Invoice.objects.count() == InvoicedPeriod.objects.filter(kind="fee").count() == 2
    assert Sequence.objects.get(key__startswith="invoice:").last == 2
    assert run(on(2026, 2, 1)).invoices == 2
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"ACM-202602-{number:03d}" for number in range(1, 5)]


@pytest.mark.django_db(transaction=True)
def test_one_customer_that_fails_holds_nobody_up_and_staff_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world(3)
    broken = Invoice._meta.get_field("customer").related_model.objects.order_by("pk")[1]  # type: ignore[union-attr]
    real = billing_run.bill_due

    def fail_for_one(customer: Any, *args: Any, **kwargs: Any) -> Any:
        if customer.pk == broken.pk:
            raise ValueError("no such charge model")
        return real(customer, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(billing_run, "bill_due", fail_for_one)
        for _ in range(2):
            result = run(on(2026, 2, 1))
            assert len(result.failed) == 1
        job = Job.objects.get(task="invoicing.bill_customer")
        assert (job.subject_id, job.state) == (broken.pk, "queued")
        tasks.bill_customer(str(job.pk))
        job.refresh_from_db()
        assert job.state == "failed" and "no such charge model" in job.error
        run(on(2026, 2, 1))
        assert Job.objects.filter(task="invoicing.bill_customer").count() == 1
    assert Invoice.objects.count() == 2

    assert run(on(2026, 2, 1)).invoices == 1
    job.refresh_from_db()
    assert (job.state, job.error) == ("succeeded", "")


@pytest.mark.django_db
def test_the_queries_of_an_invoice_are_few_and_do_not_grow_with_the_lines() -> None:
    organization = make_organization()
    default_tax(organization, "20")
    metrics = [make_metric(organization) for _ in range(6)]
    small = make_plan(organization, 1000, charge(metrics[0]))
    large = make_plan(organization, 1000, *(charge(metric) for metric in metrics))
    counts = []
    # The first invoice of a series also opens its counter.
    for plan, used in ((small, metrics[:1]), (small, metrics[:1]), (large, metrics)):
        customer = billed_customer(organization)
        subscription = subscribe(customer, plan, on(2026, 1, 1))
        for metric in used:
            use(subscription, metric, 30, at=on(2026, 1, 10))
        rates = billing_run.Rates(organization.pk)
        rates.load([plan.pk], [customer.pk])
        assert rates.entity(customer.billing_entity_id).organization_id == rates.organization.pk
        with CaptureQueriesContext(connection) as queries:
            bill_customer(customer.pk, by=Actor.system(), at=on(2026, 2, 1), rates=rates)
        counts.append(len(queries))
    assert counts[1] == counts[2]
    assert counts[1] <= 19, "\n".join(query["sql"][:150] for query in queries)


@pytest.mark.django_db(transaction=True)
def test_a_locked_customer_is_left_to_whoever_holds_it() -> None:
    """A person's action holds the row: the run does not wait, and bills a minute later."""
    world(1)
    customer_id = Subscription.objects.get().customer_id
    counts: list[int] = []

    def work() -> None:
        counts.append(run(on(2026, 2, 1)).invoices)
        connections.close_all()

    with transaction.atomic():
        lock_customer(customer_id)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=30)
        assert not thread.is_alive()
    work()
    assert counts == [0, 1]
