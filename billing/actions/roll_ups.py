"""The roll-ups of usage: dividing them by another property, comparing them with their events, repairing them.

Laws. An hour's roll-ups are what a count of its events gives, by every property that a filter or a group of
the metric asks for. When a plan or metric asks for another property, new events are rolled up by it at once,
and a job divides the hours that are there; until it is done, figures with filters or groups are read from the
events. Totals never change, so nothing that has been invoiced does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from billing.actions import audit, later
from billing.models import Job, Metric, Organization, UsageHour
from billing.models.usage_locks import own_roll_ups
from billing.models.usage_recount import Pair, different_hours, pairs_of, rewrite_hours
from billing.orm.actor import Actor
from billing.queries.dimensions import needed_dimensions
from billing.queries.usage_totals import HOUR, hour_of

AT_ONCE = 20_000  # events that are counted while ingestion of their metric waits
COMPARED = timedelta(days=31)
DIVIDE, CHECK = "billing.divide_usage", "billing.check_usage"


def keep_dimensions(metrics: Iterable[Metric]) -> None:
    """Divide the roll-ups of these metrics by whatever is asked for by now. In the transaction that asks for it, as
    its last step: ingestion of the metrics waits until it ends.
    """
    for metric in sorted(set(metrics), key=lambda row: row.pk):
        needed = needed_dimensions(metric)
        if needed <= set(metric.dimensions):
            continue
        own_roll_ups(metric.organization_id, [metric.code])
        row = Metric.objects.select_for_update(of=("self",), no_key=True).get(pk=metric.pk)
        row.dimensions = sorted({*row.dimensions, *needed})
        divides = UsageHour.objects.filter(metric=row).exists()
        row.rolled = row.rolled and not divides
        row.save(update_fields=["dimensions", "rolled"])
        metric.dimensions, metric.rolled = row.dimensions, row.rolled
        if divides:
            divide_later(row)


def divide_later(metric: Metric) -> Job:
    """A job that divides the hours of a metric. Dimensions are only ever added, so their number names the work."""
    return later.enqueue(
        metric.organization,
        DIVIDE,
        key=f"{DIVIDE}:{metric.pk}:{len(metric.dimensions)}",
        label=f"Divide the usage of {metric.name} by {', '.join(metric.dimensions)}"[:255],
        subject_id=metric.pk,
    )


def divide_usage(metric: Metric, report: Callable[[int, int], None] = lambda done, of: None) -> None:
    """Write all hours of a metric by its present dimensions. Safe to run twice at once and to be killed."""
    while True:
        metric.refresh_from_db(fields=["dimensions"])
        begun_with = list(metric.dimensions)
        pairs = pairs_of(metric.organization_id, [metric.pk])
        for number, pair in enumerate(pairs):
            for start, end in stretches(pair):
                rewrite(metric, pair.subscription_id, start, end)
            report(number + 1, len(pairs))
        with transaction.atomic():
            own_roll_ups(metric.organization_id, [metric.code])
            row = Metric.objects.select_for_update(of=("self",), no_key=True).get(pk=metric.pk)
            if row.dimensions == begun_with:
                row.rolled = True
                row.save(update_fields=["rolled"])
                return


def stretches(pair: Pair) -> Iterator[tuple[datetime, datetime]]:
    """The time of a subscription's usage in pieces of about AT_ONCE events, whole hours, without gaps."""
    start, end = hour_of(pair.first), hour_of(pair.last) + HOUR
    hours = UsageHour.objects.filter(subscription=pair.subscription_id, metric=pair.metric_id)
    counted = 0
    for hour, count in hours.values_list("hour").annotate(n=Sum("events_count")).order_by("hour"):
        if counted and counted + count > AT_ONCE and start < hour:
            yield start, hour
            start, counted = hour, 0
        counted += count
    if start < end:
        yield start, end


@transaction.atomic
def rewrite(metric: Metric, subscription_id: UUID, start: datetime, end: datetime) -> None:
    """Count the events of some hours again, by the dimensions as they are now."""
    own_roll_ups(metric.organization_id, [metric.code])
    dimensions = Metric.objects.values_list("dimensions", flat=True).get(pk=metric.pk)
    rewrite_hours(metric.organization_id, subscription_id, metric.pk, dimensions, start, end)


def check_later(organization: Organization) -> Job:
    """A job that compares all roll-ups of an organization with their events."""
    return later.enqueue(
        organization,
        CHECK,
        key=f"{CHECK}:{organization.pk}",
        label="Compare usage with its events",
        subject_id=organization.pk,
    )


@transaction.atomic
def check_now(organization: Organization, *, by: Actor, at: datetime) -> Job:
    """The comparison that somebody asks for: the open one, or a new one with a line in the trail."""
    asked = timezone.now()
    job = check_later(organization)
    if job.created_at >= asked:
        audit.record(organization, "usage.check_requested", job, by=by, at=at)
    return job


def check_usage(
    organization: Organization,
    *,
    by: Actor,
    at: datetime,
    report: Callable[[list[dict[str, Any]]], None] = lambda steps: None,
) -> int:
    """Compare the roll-ups of every metric with its events, and write anew the hours that differ; how many did.

    Each metric is a step of the report. What was repaired is in the trail.
    """
    metrics = list(Metric.objects.of(organization).order_by("name", "pk"))
    metrics = [metric for metric in metrics if UsageHour.objects.filter(metric=metric).exists()]
    steps = [{"name": metric.code, "label": metric.name, "state": "waiting"} for metric in metrics]
    repaired = 0
    for step, metric in zip(steps, metrics, strict=True):
        step["state"] = "running"
        report(steps)
        if not metric.rolled:
            divide_usage(metric)
            metric.refresh_from_db()
        wrong = check_metric(metric)
        hours = UsageHour.objects.filter(metric=metric).values("subscription", "hour").distinct().count()
        words = (
            f"{wrong:,} of {hours:,} hours were wrong and are repaired" if wrong else f"{hours:,} hours agree"
        )
        step.update({"state": "done", "detail": words, "hours": hours, "wrong": wrong})
        report(steps)
        if wrong:
            audit.record(
                organization, "usage.repaired", metric, by=by, at=at, changes={"hours": (None, wrong)}
            )
        repaired += wrong
    return repaired


def check_metric(metric: Metric) -> int:
    """Compare the hours of a metric and repair those that differ; how many did."""
    wrong = 0
    for pair in pairs_of(metric.organization_id, [metric.pk]):
        start, last = hour_of(pair.first), hour_of(pair.last)
        while start <= last:
            end = start + COMPARED
            for hour in different_hours(pair.subscription_id, metric.pk, metric.dimensions, start, end):
                wrong += repair_hour(metric, pair.subscription_id, hour)
            start = end
    return wrong


@transaction.atomic
def repair_hour(metric: Metric, subscription_id: UUID, hour: datetime) -> int:
    """Write an hour anew if it still differs, now that nobody else writes; 1 when it did."""
    own_roll_ups(metric.organization_id, [metric.code])
    dimensions = Metric.objects.values_list("dimensions", flat=True).get(pk=metric.pk)
    if not different_hours(subscription_id, metric.pk, dimensions, hour, hour + HOUR):
        return 0
    rewrite_hours(metric.organization_id, subscription_id, metric.pk, dimensions, hour, hour + HOUR)
    return 1


def organizations_with_usage() -> Iterator[Organization]:
    """All whose usage is compared every night."""
    for organization in Organization.objects.order_by("pk"):
        if UsageHour.objects.of(organization).exists():
            yield organization
