"""Events that were being stored while a final bill read usage. Two connections on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction

from billing.actions.usage import ingest
from billing.models import Event, Job, LateEvent, Metric, Organization
from invoicing.actions import periods, second_looks
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.models import Invoice, InvoicedPeriod, UsageReading
from invoicing.queries.late import late_usage
from invoicing.tasks import look_at_a_bill
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import event

pytestmark = pytest.mark.django_db(transaction=True)
AT = on(2026, 2, 1)


class Case:
    """Calls at 1.00 and storage in advance, monthly from 1 January; one call and a half of storage are counted."""

    def __init__(self, grace: int = 0) -> None:
        self.organization: Organization = make_organization()
        self.calls = make_metric(self.organization, "calls", "sum")
        self.seats = make_metric(self.organization, "seats", "sum")
        self.ahead = make_metric(self.organization, "ahead", "sum")
        terms = [
            charge(self.calls, properties={"amount": "1"}),
            charge(self.seats, properties={"amount": "5"}),
            charge(self.ahead, properties={"amount": "1"}, pay_in_advance=True),
        ]
        plan = make_plan(self.organization, 0, *terms)
        subscribe(
            billed_customer(self.organization, grace_period_days=grace), plan, on(2026, 1, 1), external_id="s"
        )
        self.send(self.calls, "before")

    def send(self, metric: Metric, id: str) -> None:
        """One unit, on 20 January."""
        [result] = ingest(self.organization, [event("s", metric, 1, at=on(2026, 1, 20, 9), id=id)], at=AT)
        assert result.status == "accepted"

    def late(self) -> list[str]:
        """The transaction ids that are noted."""
        keys = LateEvent.objects.values("event_id")
        return sorted(Event.objects.filter(pk__in=keys).values_list("transaction_id", flat=True))


@contextmanager
def storing(work: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """`work` is done in a transaction of another connection that stays open until the given function is called."""
    done, go = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def other() -> None:
        try:
            with transaction.atomic():
                work()
                done.set()
                assert go.wait(20)
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()
            connections.close_all()

    thread = threading.Thread(target=other)
    thread.start()
    assert done.wait(20)

    def finish() -> None:
        go.set()
        thread.join(20)
        assert not failures

    try:
        yield finish
    finally:
        finish()


@pytest.mark.parametrize("grace", [0, 3])
def test_an_event_stored_while_its_final_bill_is_made_is_noted(grace: int) -> None:
    case = Case(grace)
    if grace:
        run(AT)
    with storing(lambda: case.send(case.calls, "between")) as finish:
        if grace:
            finalize_invoice(Invoice.objects.get(), by=ACTOR, at=AT)
        else:
            run(AT)
        assert second_looks.run() == 0
        assert UsageReading.objects.count() == 1  # somebody still stores: it is too early to look
        finish()
    assert Invoice.objects.get().total_minor == 100
    assert case.late() == []  # the hole: neither billed nor noted
    assert second_looks.run() == 1
    assert case.late() == ["between"]
    missing = late_usage(
        InvoicedPeriod.objects.select_related("invoice", "subscription__plan").get(kind="usage")
    )
    assert missing is not None
    assert (missing.events, missing.minor) == (1, 100)
    assert not UsageReading.objects.exists()
    assert second_looks.run() == 0


def test_what_was_counted_is_not_noted_though_it_came_after_the_snapshot(monkeypatch: Any) -> None:
    case = Case()
    read = periods.window_lines

    def slow(*args: Any, **named: Any) -> Any:
        with storing(lambda: case.send(case.calls, "in time")) as finish:
            finish()
        return read(*args, **named)

    monkeypatch.setattr(periods, "window_lines", slow)
    run(AT)
    assert Invoice.objects.get().total_minor == 200
    assert second_looks.run() == 0
    assert case.late() == []
    assert not UsageReading.objects.exists()


def test_only_events_of_a_metric_that_the_bill_lacks_are_noted(monkeypatch: Any) -> None:
    case = Case()
    read = periods.window_lines

    def slow(*args: Any, **named: Any) -> Any:
        with storing(lambda: case.send(case.seats, "in time")) as finish:
            finish()
        return read(*args, **named)

    monkeypatch.setattr(periods, "window_lines", slow)
    with storing(lambda: case.send(case.calls, "between")) as finish:
        run(AT)
        finish()
    assert Invoice.objects.get().total_minor == 600
    assert second_looks.run() == 1
    assert case.late() == ["between"]


def test_what_is_billed_in_advance_or_noted_itself_or_of_the_next_period_is_left_alone() -> None:
    case = Case()
    with storing(lambda: case.send(case.ahead, "ahead")) as finish:
        run(AT)
        finish()
    case.send(case.calls, "after")
    ingest(case.organization, [event("s", case.calls, 1, at=on(2026, 2, 1, 3), id="next")], at=on(2026, 2, 2))
    assert case.late() == ["after"]
    assert second_looks.run() == 0
    assert case.late() == ["after"]


def test_a_bill_that_was_taken_back_leaves_nothing_to_look_at() -> None:
    case = Case()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        run(AT)
        raise ZeroDivisionError
    assert case.organization
    assert not UsageReading.objects.exists()
    assert second_looks.run() == 0


def test_two_looks_at_once_note_an_event_once() -> None:
    case = Case()
    with storing(lambda: case.send(case.calls, "between")) as finish:
        run(AT)
        finish()
    answers: list[int] = []
    barrier = threading.Barrier(2)

    def look() -> None:
        barrier.wait(20)
        answers.append(second_looks.run())
        connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while UsageReading.objects.exists():  # each may have held the other up
        answers.append(second_looks.run())
    assert sum(answers) == 1
    assert case.late() == ["between"]


def test_of_a_metric_as_many_are_noted_as_the_bill_lacks(monkeypatch: Any) -> None:
    """Two come between the snapshot and the reading and are counted; one is not."""
    case = Case()
    read = periods.window_lines

    def slow(*args: Any, **named: Any) -> Any:
        for number in (1, 2):
            with storing(lambda number=number: case.send(case.calls, f"in time {number}")) as finish:  # type: ignore[misc]
                finish()
        return read(*args, **named)

    monkeypatch.setattr(periods, "window_lines", slow)
    run(AT)
    assert Invoice.objects.get().total_minor == 300
    case.send(case.calls, "after")
    assert second_looks.run() == 0
    assert case.late() == ["after"]


def test_a_look_that_fails_is_a_job_and_holds_up_no_other(monkeypatch: Any) -> None:
    first, second = Case(), Case()
    with storing(lambda: first.send(first.calls, "between")) as one:
        with storing(lambda: second.send(second.calls, "between")) as two:
            run(AT)
            two()
        one()
    price = second_looks.late_usage

    def broken(period: InvoicedPeriod) -> Any:
        if period.organization_id == first.organization.pk:
            raise ValueError("It cannot be priced.")
        return price(period)

    monkeypatch.setattr(second_looks, "late_usage", broken)
    assert second_looks.run() == 1
    assert second_looks.run() == 0
    job = Job.objects.get(task="invoicing.second_look")
    assert (job.organization, UsageReading.objects.get().held) == (first.organization, True)
    monkeypatch.setattr(second_looks, "late_usage", price)
    look_at_a_bill(str(job.pk))
    job.refresh_from_db()
    assert (job.state, LateEvent.objects.count(), UsageReading.objects.count()) == ("succeeded", 2, 0)
