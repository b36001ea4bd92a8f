"""Roll-ups that have gone wrong are found and repaired, also while events come in; a job divides them anew."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

import billing.tasks
from billing.actions.charge_terms import ChargeTerms
from billing.actions.metrics import update_metric
from billing.actions.plans import update_plan
from billing.actions.roll_ups import check_later, check_usage, divide_usage, stretches
from billing.actions.usage import ingest
from billing.models import AuditEntry, Job, Metric, UsageHour
from billing.models.usage_recount import pairs_of
from tests.factories.catalog import make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.usage import AT, event, make_metered, make_subscription, use

pytestmark = pytest.mark.django_db


def test_what_agrees_is_left_alone_and_what_differs_is_written_anew() -> None:
    # The sum's name comes last, so its step is the last one told.
    subscription, [highest, total] = make_metered(["max", "sum"], started_at=AT - timedelta(days=100))
    organization = subscription.organization
    for hours in (0, 1, 40 * 24):
        use(subscription, total, 2, 3, at=AT + timedelta(hours=hours) - timedelta(days=60))
    use(subscription, highest, 7)
    right = list(UsageHour.objects.order_by("metric", "hour").values())
    assert check_usage(organization, by=ACTOR, at=NOW) == 0
    assert list(UsageHour.objects.order_by("metric", "hour").values()) == right
    assert not AuditEntry.objects.filter(action="usage.repaired").exists()

    changed, lost, _ = UsageHour.objects.filter(metric=total).order_by("hour")
    UsageHour.objects.filter(pk=changed.pk).update(sum_value=Decimal("5.000001"))
    lost.delete()
    highest_hour = UsageHour.objects.get(metric=highest)
    highest_hour.pk, highest_hour.hour = None, AT - timedelta(days=90)
    highest_hour.save()
    told: list[Any] = []
    assert (
        check_usage(organization, by=ACTOR, at=NOW, report=lambda steps: told.append(steps[-1].copy())) == 3
    )
    kept = [{**row, "id": 0} for row in UsageHour.objects.order_by("metric", "hour").values()]
    assert kept == [{**row, "id": 0} for row in right]
    assert told[-1]["detail"] in (
        "2 of 3 hours were wrong and are repaired",
        "1 of 1 hours were wrong and are repaired",
    )
    entries = AuditEntry.objects.filter(action="usage.repaired")
    assert {entry.subject_id: entry.changes for entry in entries} == {
        total.pk: {"hours": [None, 2]},
        highest.pk: {"hours": [None, 1]},
    }
    assert check_usage(organization, by=ACTOR, at=NOW) == 0


def test_another_organization_is_not_looked_at() -> None:
    subscription, [metric] = make_metered()
    use(subscription, metric, 1)
    UsageHour.objects.update(sum_value=9)
    assert check_usage(make_organization("Other"), by=ACTOR, at=NOW) == 0
    assert UsageHour.objects.get().sum_value == 9


def test_the_night_queues_one_check_for_each_organization_with_usage_and_the_job_does_it() -> None:
    subscription, [metric] = make_metered()
    make_organization("Idle")
    use(subscription, metric, 1)
    UsageHour.objects.update(sum_value=9)
    billing.tasks.check_all_usage()
    billing.tasks.check_all_usage()
    job = Job.objects.get()
    assert (job.organization, job.task) == (subscription.organization, "billing.check_usage")
    billing.tasks.check_usage(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.steps[0]["detail"]) == ("succeeded", "1 of 1 hours were wrong and are repaired")
    assert UsageHour.objects.get().sum_value == 1
    assert check_later(subscription.organization) != job


def test_a_new_filter_divides_the_hours_by_a_job() -> None:
    subscription, [metric] = make_metered()
    organization = subscription.organization
    filters = [{"key": "region", "values": ["eu"]}]
    unused = make_metric(organization)
    update_metric(unused, {"filters": filters}, by=ACTOR, at=NOW)
    unused.refresh_from_db()
    assert (unused.dimensions, unused.rolled, Job.objects.count()) == (["region"], True, 0)
    ingest(organization, [event(subscription, metric, 1, region="eu"), event(subscription, metric, 2)], at=AT)
    assert [hour.facet for hour in UsageHour.objects.all()] == [{}]
    update_metric(metric, {"filters": filters}, by=ACTOR, at=NOW)
    ingest(organization, [event(subscription, metric, 4, region="eu")], at=AT)
    job = Job.objects.get()
    assert (job.task, job.subject_id) == ("billing.divide_usage", metric.pk)
    billing.tasks.divide_usage(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.steps[0]["detail"]) == ("succeeded", "1 of 1 subscriptions")
    rows = UsageHour.objects.values_list("facet", "sum_value", "events_count")
    assert sorted(rows, key=str) == [({"region": "eu"}, 5, 2), ({"region": None}, 2, 1)]
    metric.refresh_from_db()
    assert metric.rolled
    update_metric(metric, {"filters": []}, by=ACTOR, at=NOW)
    metric.refresh_from_db()
    assert (metric.dimensions, metric.rolled) == (["region"], True)


def test_long_usage_is_divided_in_pieces_without_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    subscription, [metric] = make_metered()
    monkeypatch.setattr("billing.actions.roll_ups.AT_ONCE", 3)
    for hours in (0, 1, 2, 9, 10):
        use(subscription, metric, 1, 1, at=AT + timedelta(hours=hours))
    [pair] = pairs_of(subscription.organization_id, [metric.pk])
    hours = [
        ((start - AT) // timedelta(hours=1), (end - AT) // timedelta(hours=1))
        for start, end in stretches(pair)
    ]
    assert hours == [(0, 1), (1, 2), (2, 9), (9, 10), (10, 11)]


@pytest.mark.django_db(transaction=True)
def test_events_that_come_while_the_hours_are_divided_are_rolled_up_by_the_new_dimensions() -> None:
    organization = make_organization()
    metric = make_metric(organization)
    plan = make_plan(organization, [metric])
    subscription = make_subscription(make_customer(organization), plan)
    use(subscription, metric, 1)
    errors: list[Exception] = []
    go_on = threading.Event()

    def send(part: int) -> None:
        try:
            for number in range(25):
                sent = [
                    event(subscription, metric, 1, id=f"{part}-{number}-{n}", user=f"u{n % 3}")
                    for n in range(6)
                ]
                ingest(organization, sent, at=AT + timedelta(minutes=number))
                if number == 5:
                    go_on.set()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(part,)) for part in range(2)]
    for thread in threads:
        thread.start()
    go_on.wait(30)
    terms = ChargeTerms(metric, "standard", {"amount": "1"}, group_keys=["user"])
    update_plan(plan, {}, charges=[terms], by=ACTOR, at=NOW)
    divide_usage(Metric.objects.get(pk=metric.pk))
    for thread in threads:
        thread.join()
    assert errors == []
    assert check_usage(organization, by=ACTOR, at=NOW) == 0
    found = {row["facet"]["user"] for row in UsageHour.objects.values("facet")}
    assert found == {"u0", "u1", "u2", None}
