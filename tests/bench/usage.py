"""The Usage tab of a subscription with very many events, through HTTP and in the test client with its queries."""

from __future__ import annotations

import argparse
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg

from tests.bench.place import Place, fetched, queries_of
from tests.bench.tables import Table, at_most, percentile, times

MOST_MS = 100
DAYS = 25
KINDS = ("count", "sum", "max", "latest")
UNIQUE_SHARE = 10  # one event in ten of the second subscription's: unique counts read the events themselves

EVENTS = """
INSERT INTO billing_event (id, organization_id, subscription_id, metric_id, external_subscription_id,
    transaction_id, "timestamp", received_at, value, text_value, removes, amount, properties, content_hash)
SELECT uuidv7(), %(organization)s, %(subscription)s, (%(metrics)s::uuid[])[1 + n %% %(kinds)s], %(external)s,
    'load-' || n, moment, moment, 1 + n %% 997, (1 + n %% 997)::text, false, NULL,
    jsonb_build_object('value', 1 + n %% 997), decode(md5(n::text), 'hex')
FROM (
    SELECT n, %(start)s::timestamptz + (n * %(step)s) * interval '1 microsecond' AS moment
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
) AS row
"""
ROLL_UP = """
INSERT INTO billing_usagehour (organization_id, subscription_id, metric_id, hour, facet, events_count,
    values_count, sum_value, amount_sum, held, max_value, latest_value, latest_at, latest_event)
SELECT organization_id, subscription_id, metric_id, date_trunc('hour', "timestamp", 'UTC'), '{}', count(*),
    count(value), sum(value), coalesce(sum(amount), 0),
    sum(value * extract(epoch FROM date_trunc('hour', "timestamp", 'UTC') + interval '1 hour' - "timestamp")),
    max(value),
    (array_agg(value ORDER BY "timestamp" DESC, id DESC))[1], max("timestamp"),
    (array_agg(id ORDER BY "timestamp" DESC, id DESC))[1]
FROM billing_event WHERE subscription_id = %s GROUP BY 1, 2, 3, 4
"""


def measure(place: Place, options: argparse.Namespace) -> None:
    """Two subscriptions: one whose metrics add up, a smaller one with a unique count."""
    table = Table(place.report, "Usage tab", ["events", "p50 ms", "p95 ms", "queries"])
    for name, kinds, count in (
        (name, kinds, count * times_as_many)
        for times_as_many in ((1, 3, 10) if options.grow else (1,))
        for name, kinds, count in (
            ("count, sum, max, latest", KINDS, options.events),
            ("unique count", ("unique_count",), options.events // UNIQUE_SHARE),
        )
    ):
        organization, _ = place.organization(f"Usage of {name}")
        subscription = load(place, organization, kinds, count)
        client = place.client(organization)
        path = f"/customers/{subscription.customer.public_id}/usage"
        rounds = 5 if place.quick else 40
        queries, _ = queries_of(lambda: fetched(client, path))  # noqa: B023
        inside = times(lambda: fetched(client, path), rounds)  # noqa: B023
        with place.browser(client) as browser:
            took = times(lambda: fetched(browser, path), rounds)  # noqa: B023
        p95 = percentile(took, 95)
        table.add(
            f"{name}: HTTP", count, percentile(took, 50), p95, "", goals=[(at_most(MOST_MS, "ms"), p95)]
        )
        table.add(f"{name}: test client", count, percentile(inside, 50), percentile(inside, 95), queries)
    table.show()


def load(place: Place, organization: Any, kinds: tuple[str, ...], count: int) -> Any:
    """A subscription with `count` events spread evenly over 25 days, by SQL; checked against a recount."""
    from django.utils import timezone

    from billing.models import Event, Metric, Subscription
    from customers.actions.assign import assign_plan
    from tests.factories.catalog import make_metric, make_plan
    from tests.factories.customers import make_customer
    from tests.factories.people import ACTOR

    now = timezone.now()
    subscription = Subscription.objects.filter(organization=organization).first()
    if subscription is None:
        metrics = [make_metric(organization, aggregation=kind) for kind in kinds]
        customer = make_customer(organization, external_id="much", email=f"{kinds[0]}@bench.example")
        plan = make_plan(organization, metrics)
        at = now - timedelta(days=DAYS)
        subscription = assign_plan(
            customer, plan, external_id="much", billing_time="anniversary", by=ACTOR, at=at
        )
    there = Event.objects.filter(subscription=subscription).count()
    keys = list(Metric.objects.filter(organization=organization).order_by("pk").values_list("pk", flat=True))
    if there < count:
        started = time.monotonic()
        values = {
            "organization": organization.pk,
            "subscription": subscription.pk,
            "metrics": keys,
            "kinds": len(keys),
            "external": subscription.external_id,
            "start": subscription.started_at,
            "step": DAYS * 86_400_000_000 // (count + 1),
            "first": there + 1,
            "last": count,
        }
        with psycopg.connect(place.stack.database_url, autocommit=True) as connection:
            connection.execute(EVENTS, values)
            connection.execute("DELETE FROM billing_usagehour WHERE subscription_id = %s", [subscription.pk])
            connection.execute(ROLL_UP, [subscription.pk])
            connection.execute("VACUUM ANALYZE billing_event")
            connection.execute("VACUUM ANALYZE billing_usagehour")
        seconds = time.monotonic() - started
        place.report.say(f"\n  {count - there:,} events loaded in {seconds:.0f} s")
    recount(subscription, count)
    return subscription


def recount(subscription: Any, count: int) -> None:
    """What the tab shows equals a count of the events themselves."""
    from django.db.models import Count, Max, Sum
    from django.utils import timezone

    from billing.models import Event
    from billing.queries.usage import current_usage

    report = current_usage(subscription, timezone.now())
    assert report.events_count == count, (report.events_count, count)
    plain = Event.objects.filter(subscription=subscription).values("metric").order_by("metric")
    rows = plain.annotate(
        n=Count("pk"), sum=Sum("value"), max=Max("value"), unique=Count("text_value", distinct=True)
    )
    found = {row["metric"]: row for row in rows}
    for item in report.charges:
        row = found[item.metric.pk]
        kind = item.metric.aggregation
        expected = {"count": row["n"], "sum": row["sum"], "max": row["max"], "unique_count": row["unique"]}
        if kind in expected:
            assert item.units == Decimal(expected[kind]), (kind, item.units, expected[kind])
