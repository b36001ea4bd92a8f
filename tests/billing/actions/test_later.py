"""Jobs: once at a time, visible when they fail, found again when the broker or a worker is lost."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from billing.actions import later
from billing.models import Job
from billing.rules.errors import Conflict, Invalid
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was handed to the broker."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(later, "send", lambda task, *args: calls.append((task, *args)))
    return calls


def queue(key: str = "a") -> Job:
    organization = make_organization()
    return later.enqueue(organization, "test.work", key=key, label="Work", subject_id=organization.pk)


def test_asking_twice_makes_one_job(sent: list[tuple[Any, ...]]) -> None:
    organization = make_organization()
    first = later.enqueue(organization, "test.work", key="a", label="Work", subject_id=organization.pk)
    again = later.enqueue(organization, "test.work", key="a", label="Work", subject_id=organization.pk)
    assert first.pk == again.pk
    assert sent == [("test.work", str(first.pk))]


def test_what_fails_again_and_again_is_one_job(sent: list[tuple[Any, ...]]) -> None:
    organization = make_organization()

    def ask() -> Job:
        return later.enqueue_again(
            organization, "test.work", key="a", label="Work", subject_id=organization.pk
        )

    def fail(job: Job) -> None:
        raise Invalid("No price.")

    first = ask()
    assert ask().pk == first.pk  # it is still open
    later.run(str(first.pk), fail)
    again = ask()
    assert (again.pk, again.state, again.error) == (first.pk, "queued", "")
    later.run(str(first.pk), lambda job: None)
    assert ask().pk != first.pk  # what has succeeded is over
    assert Job.objects.count() == 2


def test_a_broker_that_is_down_loses_nothing() -> None:
    with patch("billing.actions.later.current_app.send_task", side_effect=ConnectionError("down")):
        job = queue()
    assert Job.objects.get(pk=job.pk).state == "queued"


def test_work_that_succeeds_is_done_once(sent: list[tuple[Any, ...]]) -> None:
    job = queue()
    done: list[str] = []
    later.run(str(job.pk), lambda row: done.append(row.label))
    later.run(str(job.pk), lambda row: done.append(row.label))
    job.refresh_from_db()
    assert (done, job.state, job.attempts) == (["Work"], "succeeded", 1)


def test_a_failure_shows_its_reason_and_can_be_run_again(sent: list[tuple[Any, ...]]) -> None:
    job = queue()

    def refuse(row: Job) -> None:
        raise Invalid("The seller has no address.")

    later.run(str(job.pk), refuse)
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "The seller has no address.")
    later.run_again(job)
    job.refresh_from_db()
    assert (job.state, job.error, len(sent)) == ("queued", "", 2)
    with pytest.raises(Conflict):
        later.run_again(job)


def test_a_lost_database_connection_is_tried_again_not_shown(sent: list[tuple[Any, ...]]) -> None:
    job = queue()

    def lose(row: Job) -> None:
        raise OperationalError("server closed the connection")

    for attempt in range(1, later.MAX_ATTEMPTS + 1):
        later.run(str(job.pk), lose)
        job.refresh_from_db()
        assert (job.attempts, job.state) == (
            attempt,
            "queued" if attempt < later.MAX_ATTEMPTS else "failed",
        )


def test_two_workers_with_the_same_job_do_it_once(sent: list[tuple[Any, ...]]) -> None:
    job = queue()
    inside, leave = threading.Event(), threading.Event()
    done: list[str] = []

    def slow(row: Job) -> None:
        inside.set()
        assert leave.wait(10)
        done.append("first")

    def first() -> None:
        try:
            later.run(str(job.pk), slow)
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    later.run(str(job.pk), lambda row: done.append("second"))
    leave.set()
    thread.join()
    assert done == ["first"]


def test_the_sweep_finds_what_the_broker_lost(sent: list[tuple[Any, ...]]) -> None:
    job = queue()
    sent.clear()
    soon = timezone.now() + timedelta(seconds=5)
    late = timezone.now() + later.STALE + timedelta(seconds=5)
    assert later.sweep(0, soon) == 0  # still on its way
    assert later.sweep(3, late) == 0  # the broker has work: it waits its turn
    assert later.sweep(0, late) == 1  # the broker is empty: it was lost
    assert sent == [("test.work", str(job.pk))]


def test_the_sweep_leaves_a_working_job_alone_and_takes_one_whose_worker_died(
    sent: list[tuple[Any, ...]],
) -> None:
    job = queue()
    Job.objects.filter(pk=job.pk).update(state="running", attempts=1)
    sent.clear()
    late = timezone.now() + later.STALE + timedelta(seconds=5)
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with later.advisory_lock(job.pk):
            held.set()
            leave.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    assert later.sweep(0, late) == 0
    leave.set()
    thread.join()
    assert later.sweep(0, late) == 1
    assert sent == [("test.work", str(job.pk))]
