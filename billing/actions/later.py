"""Work that happens after the transaction, in a worker.

A `Job` row is written in the caller's transaction, so the work is never lost: the message in the broker is
only a wake-up call. `sweep` finds in the database what the broker has lost (flushed Redis, killed worker)
and wakes it up again. The only module besides the doors that knows Celery, and it knows tasks by name only.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from billing.models import Job, Organization
from billing.rules.errors import BillingError, Conflict
from billing.rules.states import JobState

logger = logging.getLogger(__name__)

STALE = timedelta(seconds=8)
RESEND_ANYWAY = timedelta(minutes=10)
MAX_ATTEMPTS = 5


class TryAgain(Exception):
    """Raised by a job's work that another system did not take now: the job waits this long and is run again."""

    def __init__(self, message: str, *, after: timedelta) -> None:
        super().__init__(message)
        self.after = after


def after_commit(task: str, *args: Any) -> None:
    """Send a task once the transaction has been committed. A broker that is down is logged, not raised: what
    must not be lost has a job, and the sweep sends it again.
    """
    transaction.on_commit(lambda: send(task, *args))


def send(task: str, *args: Any) -> None:
    """Hand a task to the broker now."""
    try:
        current_app.send_task(task, args=args, ignore_result=True)
    except Exception:
        logger.exception("Could not hand %s to the broker; the sweep will try again.", task)


def enqueue(
    organization: Organization,
    task: str,
    *,
    key: str,
    label: str,
    subject_id: UUID,
    args: Sequence[Any] = (),
    steps: Sequence[dict[str, Any]] = (),
    first: bool = False,
) -> Job:
    """A job for a worker: one open job per `key`, so asking twice is harmless. The task gets the job's id.

    `first`: nobody can have asked before, because the subject is of this transaction; it spares the question.
    """
    if first:
        return queue(organization, task, key=key, label=label, subject_id=subject_id, args=args, steps=steps)
    found = Job.objects.of(organization).open().filter(key=key).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return queue(
                organization, task, key=key, label=label, subject_id=subject_id, args=args, steps=steps
            )
    except IntegrityError:
        return Job.objects.of(organization).open().get(key=key)


@transaction.atomic
def enqueue_again(organization: Organization, task: str, *, key: str, label: str, subject_id: UUID) -> Job:
    """A job for work that has failed where it is done by itself: the failed job of this key once more, so that what
    fails again and again is one row for staff and not one for each time.
    """
    failed = Job.objects.of(organization).filter(key=key, state=JobState.FAILED.value)
    known = failed.order_by("-created_at").select_for_update().first()
    if known is None or Job.objects.of(organization).open().filter(key=key).exists():
        return enqueue(organization, task, key=key, label=label, subject_id=subject_id)
    return run_again(known)


def queue(
    organization: Organization,
    task: str,
    *,
    key: str,
    label: str,
    subject_id: UUID,
    args: Sequence[Any],
    steps: Sequence[dict[str, Any]],
) -> Job:
    """Write the job's row and wake up a worker after the commit."""
    job = first_job(organization, task, key=key, label=label, subject_id=subject_id, args=args, steps=steps)
    job.save(force_insert=True)
    return job


def first_job(
    organization: Organization,
    task: str,
    *,
    key: str,
    label: str,
    subject_id: UUID,
    args: Sequence[Any] = (),
    steps: Sequence[dict[str, Any]] = (),
) -> Job:
    """A job that nobody can have asked for before, because its subject is of this transaction. The caller writes its
    row together with others; a worker is woken up after the commit.
    """
    job = Job(
        organization=organization,
        task=task,
        key=key,
        label=label[:255],
        subject_id=subject_id,
        args=list(args),
        steps=list(steps),
        queued_at=timezone.now(),
    )
    after_commit(task, str(job.pk))
    return job


def run_again(job: Job) -> Job:
    """Queue a failed job once more."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if job.state != JobState.FAILED.value:
            raise Conflict("Only a failed job can be run again.", code="job_not_failed")
        job.state = JobState.QUEUED.value
        job.error = ""
        job.attempts = 0
        job.queued_at = timezone.now()
        job.save()
        after_commit(job.task, str(job.pk))
    return job


def healed(task: str, subjects: Sequence[UUID]) -> None:
    """What failed before and has worked now by itself needs nobody's attention any more."""
    if subjects:
        known = Job.objects.filter(task=task, subject_id__in=subjects, state=JobState.FAILED.value)
        known.update(state=JobState.SUCCEEDED.value, error="")


def run(job_id: str, work: Callable[[Job], None]) -> None:
    """Do a job's work in a worker: once at a time, its outcome on the job's row.

    A session lock held by this connection tells a running job from one whose worker was killed. `work` must
    be idempotent: after a kill it is called again from the start.
    """
    key = UUID(job_id)
    with advisory_lock(key) as held:
        if not held:
            return
        job = Job.objects.filter(pk=key, state__in=[JobState.QUEUED.value, JobState.RUNNING.value]).first()
        if job is None:
            return
        job.state = JobState.RUNNING.value
        job.started_at = timezone.now()
        job.attempts += 1
        job.save(update_fields=["state", "started_at", "attempts", "updated_at"])
        try:
            work(job)
        except (OperationalError, InterfaceError) as error:
            finish(key, error, again=job.attempts < MAX_ATTEMPTS)
        except TryAgain as error:
            finish(key, error, again=True, after=error.after)
        except (
            Exception
        ) as error:  # the one item of this batch is the job itself; its reason is shown to staff
            logger.exception("Job %s (%s) failed.", job.label, key)
            finish(key, error)
        else:
            finish(key)


def finish(
    key: UUID, error: Exception | None = None, *, again: bool = False, after: timedelta = timedelta(0)
) -> None:
    """Write how the job ended; `again` puts it back in the queue for the sweep, which takes it up `after` a while."""
    job = Job.objects.get(pk=key)
    if error is None:
        job.state, job.error = JobState.SUCCEEDED.value, ""
        job.finished_at = timezone.now()
    elif again:
        job.state, job.error = JobState.QUEUED.value, str(error)
        job.queued_at = timezone.now() + after
    else:
        job.state, job.finished_at = JobState.FAILED.value, timezone.now()
        job.error = reason(error)
    job.save()


def reason(error: Exception) -> str:
    """What staff read: our own errors speak for themselves, others name where they happened."""
    if isinstance(error, BillingError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    place = f" ({frame.name}, line {frame.lineno})" if frame else ""
    return f"{type(error).__name__}: {error}{place}"


def report_steps(job: Job, steps: Sequence[dict[str, Any]]) -> None:
    """Show progress: written outside the work's transaction so that the page sees it at once."""
    Job.objects.filter(pk=job.pk).update(steps=list(steps), updated_at=timezone.now())


def lock_number(key: UUID) -> int:
    """The number by which PostgreSQL knows the advisory lock of a row."""
    return key.int & 0x7FFF_FFFF_FFFF_FFFF


@contextmanager
def advisory_lock(key: UUID) -> Iterator[bool]:
    """A PostgreSQL session lock on a job; False when another connection holds it."""
    number = lock_number(key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def sweep(waiting_in_broker: int, at: datetime | None = None) -> int:
    """Wake up open jobs that nobody works on. Returns how many were sent again.

    A running job whose lock is free lost its worker. A queued job is taken as lost when the broker's queue is
    empty, or after ten minutes in any case.
    """
    moment = at or timezone.now()
    sent = 0
    for job in Job.objects.open().filter(queued_at__lt=moment - STALE).order_by("queued_at")[:1000]:
        if job.state == JobState.QUEUED.value:
            if waiting_in_broker and job.queued_at > moment - RESEND_ANYWAY:
                continue
        else:
            with advisory_lock(job.pk) as free:
                if not free:
                    continue
        Job.objects.filter(pk=job.pk, state=job.state).update(queued_at=moment)
        send(job.task, str(job.pk))
        sent += 1
    return sent
