"""Filters and groups in the database are what the rules say, before and after the roll-ups are divided by them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actions.charge_terms import ChargeTerms, FilterTerms
from billing.actions.plans import update_plan
from billing.actions.roll_ups import check_usage, divide_usage
from billing.actions.usage import ingest
from billing.models import Charge, Event, Metric, UsageHour
from billing.queries.usage import charge_usage, whole_period
from billing.queries.usage_facets import charge_parts, event_rows
from billing.rules.aggregation import Aggregation, UsageEvent, aggregate
from billing.rules.filters import facet_of
from billing.rules.periods import Period
from tests.factories.catalog import GRADUATED, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.usage import AT, END, START, event, make_subscription

pytestmark = pytest.mark.django_db

BASE = datetime(2026, 3, 10, tzinfo=UTC)
FILTERS = [{"key": "region", "values": ["eu", "us"]}, {"key": "tier", "values": ["gold", "1.50", "true"]}]
KINDS = [
    *(("count", False), ("sum", False), ("max", False), ("latest", False), ("unique_count", False)),
    *(("weighted_sum", False), ("sum", True), ("unique_count", True), ("weighted_sum", True)),
]
moments = st.one_of(
    st.integers(0, 20 * 3600 * 10**6).map(lambda us: BASE + timedelta(microseconds=us)),
    st.integers(0, 20).map(lambda hour: BASE + timedelta(hours=hour)),
)
carried = st.fixed_dictionaries(
    {},
    optional={
        "value": st.one_of(st.integers(-50, 50), st.decimals(-50, 50, places=3), st.sampled_from(["a", "b"])),
        "region": st.sampled_from(["eu", "us", "asia", "", None, ["eu"], {"eu": 1}]),
        "tier": st.sampled_from(["gold", Decimal("1.50"), Decimal("1.5"), True, False, 7, Decimal("-0.0")]),
        "user": st.sampled_from(["ann", "bo", 3, 'quote " and \\', "é“"]),
        "operation_type": st.sampled_from(["add", "remove"]),
    },
)
one_filter = st.fixed_dictionaries(
    {},
    optional={
        "region": st.sampled_from([["eu"], ["us"], []]),
        "tier": st.sampled_from([["gold"], ["1.50", "true"], []]),
    },
).filter(bool)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    sent=st.lists(st.tuples(moments, carried), min_size=1, max_size=25),
    bounds=st.tuples(moments, moments).map(sorted),
    filters=st.lists(one_filter, max_size=4, unique_by=lambda row: str(sorted(row.items()))),
    groups=st.sampled_from([[], ["user"], ["region", "user"]]),
    late=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_every_part_equals_the_rule(db: None, **given: Any) -> None:
    with transaction.atomic():
        compare(**given)
        transaction.set_rollback(True)


def compare(
    kind: tuple[str, bool], sent: Any, bounds: Any, filters: Any, groups: Any, late: bool, seed: int
) -> None:
    """Events in any order against the rule; `late`: the plan asks for filters and groups after they came."""
    organization, chance = make_organization(), random.Random(seed)
    metric = make_metric(organization, aggregation=kind[0], recurring=kind[1], filters=FILTERS)
    if kind[0] == "count":
        sent = [(moment, {**more, "value": None}) for moment, more in sent]
    rows = [FilterTerms(values, {"amount": "1"}) for values in filters]
    terms = ChargeTerms(metric, "standard", {"amount": "1"}, filters=rows, group_keys=groups)
    plan = make_plan(organization, [] if late else [terms])
    subscription = make_subscription(make_customer(organization), plan)
    events = [
        event(subscription, metric, at=moment, id=f"e{n}", **more) for n, (moment, more) in enumerate(sent)
    ]
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 8)
        assert {result.status for result in ingest(organization, events[:size], at=AT)} == {"accepted"}
        events = events[size:]
    if late:
        update_plan(plan, {}, charges=[terms], by=ACTOR, at=NOW)
    charge = Charge.objects.select_related("metric").get(plan=plan)
    assert charge.metric.rolled == (not (late and "user" in groups))
    check_parts(subscription, charge, Period(*bounds), kind)
    assert check_usage(organization, by=ACTOR, at=NOW) == 0
    charge.metric.refresh_from_db()
    assert charge.metric.rolled
    check_parts(subscription, charge, Period(*bounds), kind)


def check_parts(subscription: Any, charge: Charge, window: Period, kind: tuple[str, bool]) -> None:
    """Each part against the aggregation of the events that the rule sorts into it."""
    name, recurring = Aggregation(kind[0]), kind[1]
    start, end = window.start, window.end
    if start == end:
        return
    whole = whole_period(subscription, end)
    sorting = charge.sorting
    keys = sorted({"region", "tier", "user"})
    mine: dict[Any, list[UsageEvent]] = {}
    for order, row in enumerate(Event.objects.order_by("pk").extra(select={"text": "properties::text"})):
        exact = read_exact(row.text)
        bucket = sorting.bucket_of(dict(zip(keys, facet_of(exact, keys), strict=True)))
        seen = UsageEvent.of(row.timestamp, exact, charge.metric.field_name, order)
        if row.timestamp < end and (recurring or row.timestamp >= start):
            mine.setdefault(bucket, []).append(seen)
    parts = charge_parts(subscription.pk, charge, start, end, whole)
    assert [part.bucket for part in parts] == sorting.buckets(mine)
    for part in parts:
        seen = mine.get(part.bucket, [])
        initial = Decimal(0)
        if kind == ("weighted_sum", True):
            begin = Period(BASE - timedelta(days=1), start) if start > BASE - timedelta(days=1) else window
            initial = aggregate(Aggregation.SUM, seen, begin).units
        expected = aggregate(name, seen, window, recurring=recurring, full=whole, initial=initial)
        assert part.measured.units == expected.units, part
        inside = [one for one in seen if start <= one.timestamp < end]
        assert part.measured.received == len(inside)
        counted = aggregate(name, inside, window)
        assert part.measured.events_count == counted.events_count
        assert len(event_rows(subscription.pk, charge.metric, part.facets, start, end)) == len(inside)


def read_exact(text: str) -> dict[str, Any]:
    """Properties with exact numbers."""
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return found


def priced(*terms: ChargeTerms) -> Any:
    """A subscription to a plan with these charges."""
    organization = terms[0].metric.organization
    return make_subscription(make_customer(organization), make_plan(organization, terms))


def test_the_most_specific_filter_has_the_event_and_what_matches_none_the_charges_price() -> None:
    metric = make_metric(make_organization(), filters=FILTERS)
    rows = [
        FilterTerms({"region": ["eu"]}, {"amount": "2"}),
        FilterTerms({"region": [], "tier": ["gold"]}, {"amount": "3"}, "Gold"),
    ]
    subscription = priced(ChargeTerms(metric, "standard", {"amount": "1"}, filters=rows))
    for region, tier in (("eu", "gold"), ("us", "gold"), ("eu", "none"), ("us", "none"), ("asia", "gold")):
        ingest(metric.organization, [event(subscription, metric, 10, region=region, tier=tier)], at=AT)
    [item] = charge_usage(subscription, START, END)
    assert [(part.label, part.units, part.amount_minor) for part in item.parts] == [
        ("eu", 10, 2000),
        ("Gold", 20, 6000),
        ("", 20, 2000),
    ]
    assert (item.units, item.amount_minor, item.events_count, item.received) == (50, 10000, 5, 5)
    assert [step.label for step in item.priced.steps][:2] == ["eu: All units", "Gold: All units"]


def test_tiers_start_anew_in_each_group_and_each_amount_is_rounded_on_its_own() -> None:
    metric = make_metric(make_organization())
    terms = ChargeTerms(metric, "graduated", GRADUATED, group_keys=["user", "site"])
    subscription = priced(terms)
    [item] = charge_usage(subscription, START, END)
    assert [(part.label, part.units, part.amount_minor) for part in item.parts] == [
        ("no user · no site", 0, 0)
    ]
    sent = [(1200, {"user": "b", "site": "x"}), (1000, {"user": "a"}), (100, {"user": "b", "site": "x"})]
    ingest(metric.organization, [event(subscription, metric, n, **more) for n, more in sent], at=AT)
    [item] = charge_usage(subscription, START, END)
    assert [(part.label, part.units, part.group) for part in item.parts] == [
        ("a · no site", 1000, {"user": "a", "site": None}),
        ("b · x", 1300, {"user": "b", "site": "x"}),
    ]
    plain = charge_usage(priced(ChargeTerms(metric, "graduated", GRADUATED)), START, END)
    assert plain[0].amount_minor == 0
    assert item.amount_minor == sum(part.amount_minor for part in item.parts)


def test_free_events_go_by_the_events_of_the_part() -> None:
    metric = make_metric(make_organization(), filters=FILTERS)
    free = {"rate": "10", "freeUnitsPerEvents": 1}
    rows = [FilterTerms({"region": ["eu"]}, free)]
    subscription = priced(ChargeTerms(metric, "percentage", free, filters=rows))
    sent = [(100, "us"), (50, "eu"), (30, "eu"), (20, "us")]
    ingest(metric.organization, [event(subscription, metric, n, region=region) for n, region in sent], at=AT)
    [item] = charge_usage(subscription, START, END)
    assert [(part.label, part.amount_minor) for part in item.parts] == [("eu", 300), ("", 200)]


def test_hours_are_read_from_roll_ups_and_not_from_events() -> None:
    """Two hundred events of ten groups are ten rows, in one query that does not name the events."""
    metric = make_metric(make_organization())
    subscription = priced(ChargeTerms(metric, "standard", {"amount": "1"}, group_keys=["user"]))
    sent = [event(subscription, metric, 1, user=f"u{n % 10}") for n in range(200)]
    ingest(metric.organization, sent, at=AT)
    assert UsageHour.objects.filter(metric=metric).count() == 10
    charge = Charge.objects.select_related("metric").get(metric=metric)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        parts = charge_parts(subscription.pk, charge, START, END, Period(START, END))
    assert len(parts) == 10
    assert len(queries) == 1
    assert "billing_event" not in queries[0]["sql"]


def test_dividing_again_goes_on_while_another_dimension_is_added() -> None:
    metric = make_metric(make_organization())
    terms = ChargeTerms(metric, "standard", {"amount": "1"})
    subscription = priced(terms)
    ingest(metric.organization, [event(subscription, metric, 1, user="a", site="x")], at=AT)
    plan = subscription.plan
    update_plan(
        plan,
        {},
        charges=[ChargeTerms(metric, "standard", {"amount": "1"}, group_keys=["user"])],
        by=ACTOR,
        at=NOW,
    )
    seen: list[tuple[int, int]] = []

    def report(done: int, of: int) -> None:
        if not seen:
            both = ChargeTerms(metric, "standard", {"amount": "1"}, group_keys=["user", "site"])
            update_plan(plan, {}, charges=[both], by=ACTOR, at=NOW)
        seen.append((done, of))

    row = Metric.objects.get(pk=metric.pk)
    assert (row.rolled, row.dimensions) == (False, ["user"])
    divide_usage(row, report)
    row.refresh_from_db()
    assert (row.rolled, row.dimensions) == (True, ["site", "user"])
    assert UsageHour.objects.get().facet == {"user": "a", "site": "x"}
    assert seen == [(1, 1), (1, 1)]
