"""Quantities by days in the database are what the rule says, and cost what the hand finds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actions.charge_terms import ChargeTerms, FilterTerms
from billing.actions.usage import ingest
from billing.models import Charge, Event
from billing.queries.usage import charge_usage, charges_of, current_usage, parts_of
from billing.rules.aggregation import UsageEvent
from billing.rules.filters import Bucket, facet_of
from billing.rules.periods import Period
from billing.rules.prorated import prorated_sum, prorated_unique_count
from tests.factories.catalog import charge, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import make_organization
from tests.factories.usage import AT, END, START, event, make_subscription, use

pytestmark = pytest.mark.django_db

FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
GRADUATED = {
    "graduatedRanges": [
        {"fromValue": 0, "toValue": 10, "perUnitAmount": "1", "flatAmount": "0"},
        {"fromValue": 11, "toValue": None, "perUnitAmount": "2", "flatAmount": "5"},
    ]
}
VOLUME = {
    "volumeRanges": [
        {"fromValue": 0, "toValue": 10, "perUnitAmount": "2", "flatAmount": "0"},
        {"fromValue": 11, "toValue": None, "perUnitAmount": "1", "flatAmount": "0"},
    ]
}
TEN = {"amount": "10"}
CARRIED = [(2, 10, 5), (3, 26, 12)]  # 5 for 31 of 31 days, 12 for 6: 7.3225806… units


@pytest.mark.parametrize(
    ("model", "properties", "events", "units", "amount_minor"),
    [
        ("standard", TEN, CARRIED, 17, 7323),  # 7.32259 x 10
        ("volume", VOLUME, CARRIED, 17, 732),  # the tier of 17 units: 7.32259 x 1
        ("graduated", GRADUATED, CARRIED, 17, 1368),  # 5 + 5 x 6/31 + 7 x 6/31 x 2 + 5 flat
        ("standard", TEN, [(2, 10, 31), (3, 17, -31)], 0, 16000),  # 31 for 16 days are 16
        ("standard", TEN, [(3, 31, 31)], 31, 1000),  # a day
        ("standard", TEN, [(2, 10, 2), (2, 12, -2)], 0, 0),
        ("standard", TEN, [(2, 10, 2), (4, 1, 7)], 2, 2000),  # what comes later is none of it
    ],
)
def test_by_hand(model: str, properties: dict[str, Any], events: Any, units: int, amount_minor: int) -> None:
    organization = make_organization()
    metric = make_metric(organization, recurring=True)
    plan = make_plan(organization, [charge(metric, model, properties, prorated=True)])
    row = make_subscription(make_customer(organization), plan, started_at=FEBRUARY)
    for month, day, value in events:
        use(row, metric, value, at=datetime(2026, month, day, 12, tzinfo=UTC))
    [found] = charge_usage(row, START, END)
    assert (found.units, found.amount_minor) == (units, amount_minor)
    report = current_usage(row, AT, window=(START, END))
    assert (report.amount_minor, report.projected_minor) == (amount_minor, amount_minor)


def test_items_count_from_day_to_day() -> None:
    """Ann for 2 to 20 March and again on the 31st, Bo since February: 20 and 31 days at a euro each."""
    organization = make_organization()
    metric = make_metric(organization, aggregation="unique_count", recurring=True)
    plan = make_plan(organization, [charge(metric, properties={"amount": "31"}, prorated=True)])
    row = make_subscription(make_customer(organization), plan, started_at=FEBRUARY)
    use(row, metric, "bo", at=FEBRUARY + timedelta(days=3))
    use(row, metric, "ann", at=START + timedelta(days=1))
    gone = event(row, metric, "ann", at=START + timedelta(days=19), operation_type="remove")
    assert [one.status for one in ingest(organization, [gone], at=END)] == ["accepted"]
    use(row, metric, "ann", at=START + timedelta(days=30))
    [found] = charge_usage(row, START, END)
    assert (found.units, found.events_count, found.amount_minor) == (2, 3, 5100)


moments = st.integers(-25 * 24 * 60, 33 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
sent = st.fixed_dictionaries(
    {},
    optional={
        "value": st.one_of(st.integers(-50, 50), st.decimals(-50, 50, places=3), st.sampled_from(["a", "b"])),
        "region": st.sampled_from(["eu", "us"]),
        "user": st.sampled_from(["ann", "bo"]),
        "operation_type": st.sampled_from(["add", "remove"]),
    },
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["sum", "unique_count"]),
    rows=st.lists(st.tuples(moments, sent), min_size=1, max_size=20),
    begun=st.sampled_from([FEBRUARY, START + timedelta(days=4, hours=7)]),
    between=st.integers(0, 30),
    divided=st.booleans(),
)
def test_every_part_equals_the_rule(db: None, **given: Any) -> None:
    with transaction.atomic():
        compare(**given)
        transaction.set_rollback(True)


def compare(kind: str, rows: Any, begun: datetime, between: int, divided: bool) -> None:
    """`between`: the days of the period after which it was billed in between, which changes nothing."""
    organization = make_organization()
    declared = [{"key": "region", "values": ["eu", "us"]}]
    metric = make_metric(organization, aggregation=kind, recurring=True, filters=declared)
    own = [FilterTerms({"region": ["eu"]}, {"amount": "2"})]
    parts = {"filters": own, "group_keys": ["user"]} if divided else {}
    plan = make_plan(organization, [ChargeTerms(metric, "standard", {"amount": "1"}, prorated=True, **parts)])
    row = make_subscription(make_customer(organization), plan, started_at=begun)
    events = [
        event(row, metric, at=max(moment, begun), id=f"e{n}", **more) for n, (moment, more) in enumerate(rows)
    ]
    ingest(organization, events, at=END + timedelta(days=3))
    stored = Charge.objects.select_related("metric").get(plan=plan)
    keys = ["region", "user"]
    mine: dict[Bucket, list[UsageEvent]] = {}
    for order, one in enumerate(Event.objects.order_by("pk").extra(select={"text": "properties::text"})):
        exact = json.loads(one.text, parse_float=Decimal)
        bucket = stored.sorting.bucket_of(dict(zip(keys, facet_of(exact, keys), strict=True)))
        mine.setdefault(bucket, []).append(UsageEvent.of(one.timestamp, exact, "value", order))
    rule = prorated_unique_count if kind == "unique_count" else prorated_sum
    start = max(START, begun)
    for since in (start, max(start, START + timedelta(days=between))):
        for part in parts_of(row, charges_of(row), since, END)[stored.pk]:
            expected = rule(mine.get(part.bucket, []), Period(start, END), 31, "UTC")
            found = part.prorated
            assert found is not None
            assert (found.units, found.full_units) == (expected.units, expected.full_units)
            assert sum(found.prorated_values, Decimal(0)) == sum(expected.prorated_values, Decimal(0))
