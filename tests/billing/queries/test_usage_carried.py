"""Recurring metrics and weighted sums in the database are what the rule says, and are billed month after month."""

from __future__ import annotations

import random
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actions.usage import ingest
from billing.models import Event
from billing.queries.usage import current_usage, measured_of, whole_period
from billing.rules.aggregation import Aggregation, UsageEvent, aggregate
from billing.rules.errors import Conflict
from billing.rules.periods import Period
from invoicing.actions.billing_run import bill_customer, bill_now
from invoicing.models import InvoiceLine
from tests.factories.catalog import charge, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import AT, event, make_subscription, use

pytestmark = pytest.mark.django_db

BASE = datetime(2026, 3, 10, tzinfo=UTC)
KINDS = [("weighted_sum", False), ("weighted_sum", True), ("sum", True), ("unique_count", True)]

moments = st.integers(0, 30 * 3600 * 10**6).map(lambda us: BASE + timedelta(microseconds=us))
hours = st.integers(0, 30).map(lambda hour: BASE + timedelta(hours=hour))
values = st.one_of(st.integers(-50, 50), st.decimals(-50, 50, places=6), st.sampled_from(["a", "b", None]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(
        st.tuples(st.one_of(moments, hours), values, st.sampled_from(["add", "remove"])),
        min_size=1,
        max_size=20,
    ),
    bounds=st.tuples(moments, st.one_of(moments, hours)).map(sorted),
    seed=st.integers(0, 2**32),
)
def test_equals_the_rule_for_any_events_and_window(db: None, sent: Any, bounds: Any, seed: int) -> None:
    with transaction.atomic():
        compare(sent, bounds, random.Random(seed))
        transaction.set_rollback(True)


def compare(sent: Any, bounds: Any, chance: random.Random) -> None:
    """Each event to one of the metrics; then every measure beside its rule."""
    organization = make_organization()
    metrics = {kind: make_metric(organization, aggregation=kind[0], recurring=kind[1]) for kind in KINDS}
    subscription = make_subscription(make_customer(organization), make_plan(organization))
    events = []
    for moment, value, operation in sent:
        kind = chance.choice(KINDS)
        more = {"operation_type": operation}
        events.append(
            (kind, event(subscription, metrics[kind], value, at=moment, id=f"e{len(events)}", **more))
        )
    calls = [one for _, one in events]
    chance.shuffle(calls)
    ingest(organization, calls, at=AT)
    received = {row.transaction_id: at for at, row in enumerate(Event.objects.order_by("pk"))}
    start, end = bounds
    if start == end:
        return
    measured = measured_of(subscription, list(metrics.values()), start, end)
    for kind, metric in metrics.items():
        seen = [
            UsageEvent.of(one.timestamp, one.properties, metric.field_name, received[one.transaction_id])
            for of, one in events
            if of == kind
        ]
        name, recurring = Aggregation(kind[0]), kind[1]
        initial = Decimal(0)
        if recurring and name == Aggregation.WEIGHTED_SUM:
            initial = aggregate(Aggregation.SUM, seen, Period(BASE - timedelta(days=1), start)).units
        expected = aggregate(
            name,
            seen,
            Period(start, end),
            recurring=recurring,
            full=whole_period(subscription, end),
            initial=initial,
        )
        assert measured[metric.pk].units == expected.units, kind


def billed(
    metric: dict[str, Any], sent: list[tuple[datetime, Any, str]], months: int
) -> list[tuple[str, str]]:
    """(units, amount) of each month's line at 3.10 a unit; the events come before the first bill."""
    organization = make_organization()
    found = make_metric(organization, "seats", **metric)
    plan = make_plan(organization, [charge(found, properties={"amount": "3.10"})], amount_minor=0)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    for at, value, operation in sent:
        ingest(organization, [event(subscription, found, value, at=at, operation_type=operation)], at=AT)
    for month in range(2, months + 2):
        bill_customer(subscription.customer_id, by=ACTOR, at=on(2026, month, 1))
    lines = InvoiceLine.objects.filter(subscription=subscription, kind="charge").order_by("period_start")
    return [(f"{line.units.normalize():f}", f"{line.amount_minor}") for line in lines]


def test_seats_stay_in_use_month_after_month() -> None:
    sent = [
        (on(2026, 1, 5), 10, "add"),
        (on(2026, 2, 10), 5, "add"),
        (on(2026, 3, 10), -12, "add"),
    ]
    assert billed({"aggregation": "sum", "recurring": True}, sent, 4) == [
        ("10", "3100"),
        ("15", "4650"),
        ("3", "930"),
        ("3", "930"),
    ]


def test_items_stay_until_they_are_removed() -> None:
    sent = [
        (on(2026, 1, 5), "ann", "add"),
        (on(2026, 1, 6), "bob", "add"),
        (on(2026, 2, 10), "ann", "remove"),
        (on(2026, 3, 1), "bob", "remove"),
    ]
    assert billed({"aggregation": "unique_count", "recurring": True}, sent, 3) == [
        ("2", "620"),
        ("1", "310"),
        ("0", "0"),
    ]


@pytest.mark.parametrize(
    ("aggregation", "value", "lines"),
    [
        ("sum", 10, [("10", "3100")]),
        ("unique_count", "ann", [("1", "310")]),
        ("weighted_sum", 31, [("15", "4650"), ("16", "4960")]),  # 15 and 16 of 31 days
    ],
)
def test_a_bill_in_between_bills_nothing_twice(
    aggregation: str, value: Any, lines: list[tuple[str, str]]
) -> None:
    organization = make_organization()
    found = make_metric(organization, "seats", aggregation, recurring=True)
    plan = make_plan(organization, [charge(found, properties={"amount": "3.10"})], amount_minor=0)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    ingest(organization, [event(subscription, found, value, at=on(2026, 1, 1))], at=AT)
    # What stays in use waits for the end of the period; what weighs by time is billed up to now.
    with nullcontext() if len(lines) > 1 else pytest.raises(Conflict, match="nothing to bill"):
        bill_now(subscription.customer, by=ACTOR, at=on(2026, 1, 16))
    bill_customer(subscription.customer_id, by=ACTOR, at=on(2026, 2, 1))
    billed = InvoiceLine.objects.filter(kind="charge").order_by("period_start")
    assert [(f"{line.units.normalize():f}", f"{line.amount_minor}") for line in billed] == lines


def test_a_weighted_sum_counts_the_time_and_carries_its_value() -> None:
    # 31 from 11 January (21 of 31 days) is 21; February begins with 31 and has 3 more from the 15th (14 of 28 days).
    sent = [(on(2026, 1, 11), 31, "add"), (on(2026, 2, 15), 3, "add")]
    assert billed({"aggregation": "weighted_sum", "recurring": True}, sent, 3) == [
        ("21", "6510"),
        ("32.5", "10075"),
        ("34", "10540"),
    ]
    assert billed({"aggregation": "weighted_sum"}, sent, 3) == [("21", "6510"), ("1.5", "465")]


@pytest.mark.parametrize(
    ("rounding", "precision", "units", "amount"),
    [("", 0, "12.345", 3827), ("round", 1, "12.3", 3813), ("ceil", 0, "13", 4030), ("floor", -1, "10", 3100)],
)
def test_units_are_rounded_before_they_are_priced(
    rounding: str, precision: int, units: str, amount: int
) -> None:
    organization = make_organization()
    metric = make_metric(organization, rounding=rounding, rounding_precision=precision)
    plan = make_plan(organization, [charge(metric, properties={"amount": "3.10"})])
    subscription = make_subscription(make_customer(organization), plan)
    use(subscription, metric, Decimal("12.345"), at=AT)
    [item] = current_usage(subscription, AT).charges
    assert (f"{item.units:f}", item.amount_minor) == (units, amount)
