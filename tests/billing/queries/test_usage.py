"""What the database measures is what the rule says, for any events, windows and orders of arrival."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.actions.usage import ingest
from billing.models import Event, UsageHour
from billing.queries.usage import charge_usage, current_usage, running_window, share_passed
from billing.queries.usage_totals import daily, event_values, item_steps, measure
from billing.rules.aggregation import Aggregation, UsageEvent, aggregate
from billing.rules.periods import Period
from invoicing.models import Invoice, InvoicedPeriod
from tests.factories.catalog import GRADUATED, charge, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import make_organization
from tests.factories.usage import AT, END, START, event, make_metered, make_subscription, use

pytestmark = pytest.mark.django_db

KINDS = ["count", "sum", "max", "unique_count", "latest"]
TICK = timedelta(microseconds=1)
BASE = datetime(2026, 3, 10, tzinfo=UTC)

values = st.one_of(
    st.none(),
    st.integers(-1000, 1000),
    st.decimals(-1000, 1000, places=6),
    st.sampled_from(["7", "-2.50", "1e3", ".5", "", "abc", True, Decimal("0.1"), Decimal("1.10"), 0]),
)
# Moments on, just before and just after whole hours, and anywhere between.
moments = st.builds(
    lambda hour, away: BASE + timedelta(hours=hour) + away,
    st.integers(0, 8),
    st.one_of(
        st.sampled_from([timedelta(0), TICK, -TICK]),
        st.integers(0, 3_599_999_999).map(lambda us: timedelta(microseconds=us)),
    ),
)
operations = st.sampled_from(["add", "add", "add", "remove", None])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=st.lists(st.tuples(moments, values, operations), min_size=1, max_size=25),
    bounds=st.tuples(moments, moments).map(sorted),
    seed=st.integers(0, 2**32),
)
def test_measures_what_the_rule_says_and_rolls_up_what_a_recount_gives(db, sent, bounds, seed):
    with transaction.atomic():  # each example by itself
        compare_with_the_rule(sent, bounds, random.Random(seed))
        transaction.set_rollback(True)


def compare_with_the_rule(sent, bounds, chance):
    """Send the events, some again, in random batches and order; then compare every measure with its rule."""
    organization = make_organization()
    metrics = {kind: make_metric(organization, aggregation=kind) for kind in KINDS}
    subscription = make_subscription(make_customer(organization), make_plan(organization))
    start, end = bounds
    sent = [*sent, (start, Decimal(3), None), (end, Decimal(5), None), (end - TICK, Decimal(2), "add")]
    events = []
    for moment, value, operation in sent:
        more = {} if operation is None else {"operation_type": operation}
        kind = chance.choice(KINDS)
        events.append(
            (kind, event(subscription, metrics[kind], value, at=moment, id=f"e{len(events)}", **more))
        )
    # Random batches in random order, each event at least once, some again.
    calls = [one for _, one in events] + chance.choices([one for _, one in events], k=len(events) // 3)
    chance.shuffle(calls)
    while calls:
        size = chance.randint(1, 12)
        results = ingest(organization, calls[:size], at=AT)
        assert {result.status for result in results} <= {"accepted", "duplicate"}
        calls = calls[size:]

    rows = Event.objects.filter(subscription=subscription).order_by("pk")
    received = {row.transaction_id: order for order, row in enumerate(rows)}
    assert len(received) == len(events)
    measured = measure(subscription.pk, list(metrics.values()), start, end)
    for kind, metric in metrics.items():
        spec = [
            UsageEvent.of(one.timestamp, one.properties, metric.field_name, received[one.transaction_id])
            for of, one in events
            if of == kind
        ]
        expected = aggregate(Aggregation(kind), spec, Period(start, end))
        assert measured[metric.pk].units == expected.units, kind
        if kind != "count":
            assert measured[metric.pk].events_count == expected.events_count, kind
        if kind == "unique_count":
            assert item_steps(subscription.pk, metric, start, end) == expected.event_values
        elif kind != "count":
            assert event_values(subscription.pk, metric, start, end) == expected.event_values
    check_roll_ups(subscription)


def check_roll_ups(subscription):
    """Every hour equals a recount of its events, and there is no other hour."""
    recount: dict[tuple, list[Event]] = {}
    for row in Event.objects.filter(subscription=subscription).order_by("timestamp", "pk"):
        hour = row.timestamp.replace(minute=0, second=0, microsecond=0)
        recount.setdefault((row.metric_id, hour), []).append(row)
    hours = UsageHour.objects.filter(subscription=subscription)
    assert {(hour.metric_id, hour.hour) for hour in hours} == set(recount)
    for hour in hours:
        rows = recount[(hour.metric_id, hour.hour)]
        numbers = [row for row in rows if row.value is not None]
        last = numbers[-1] if numbers else None
        assert hour.events_count == len(rows)
        assert hour.values_count == len(numbers)
        assert hour.sum_value == sum(row.value for row in numbers)
        assert hour.held == sum(row.value * seconds_left(row.timestamp) for row in numbers)
        assert hour.max_value == max((row.value for row in numbers), default=None)
        assert hour.latest_value == (last and last.value)
        assert (hour.latest_at, hour.latest_event) == (last and last.timestamp, last and last.pk)


def seconds_left(moment):
    """The exact seconds to the end of the hour."""
    end = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return Decimal((end - moment) // TICK) / 1_000_000


def test_prices_each_charge_by_its_model():
    organization = make_organization()
    calls, seats = make_metric(organization, "calls"), make_metric(organization, "seats", "unique_count")
    plan = make_plan(
        organization, [charge(calls, "graduated", GRADUATED), charge(seats, properties={"amount": "9"})]
    )
    subscription = make_subscription(make_customer(organization), plan)
    use(subscription, calls, 700, 500)
    use(subscription, seats, "ann", "bob", "ann")
    one, two = charge_usage(subscription, START, END)
    assert (one.metric, one.units, one.events_count, one.amount_minor) == (calls, 1200, 2, 11500)
    assert [step.amount for step in one.priced.steps if step.amount] == [100, 15]
    assert (two.metric, two.units, two.events_count, two.amount_minor) == (seats, 2, 3, 1800)


def test_a_charge_without_usage_is_there_with_nothing():
    subscription, _ = make_metered(["sum", "max", "latest", "count", "unique_count"])
    assert [(item.units, item.amount_minor) for item in charge_usage(subscription, START, END)] == [
        (0, 0)
    ] * 5


def test_negative_usage_costs_nothing():
    subscription, [metric] = make_metered()
    use(subscription, metric, 5, -8)
    [item] = charge_usage(subscription, START, END)
    assert (item.units, item.amount_minor, item.events_count) == (0, 0, 2)


def test_an_amount_is_rounded_once():
    organization = make_organization()
    metric = make_metric(organization)
    plan = make_plan(organization, [charge(metric, properties={"amount": "0.0049"})])
    subscription = make_subscription(make_customer(organization), plan)
    use(subscription, metric, 1, 1, 1)
    [item] = charge_usage(subscription, START, END)
    assert (item.priced.total, item.amount_minor) == (Decimal("0.0147"), 1)


def test_free_events_go_by_the_order_of_time():
    organization = make_organization()
    metric = make_metric(organization)
    terms = charge(metric, "percentage", {"rate": "1", "freeUnitsPerEvents": 1})
    subscription = make_subscription(make_customer(organization), make_plan(organization, [terms]))
    use(subscription, metric, 100, at=AT)
    use(subscription, metric, 5000, at=AT - timedelta(hours=1))
    [item] = charge_usage(subscription, START, END)
    assert item.amount_minor == 100


def test_events_of_a_dynamic_charge_bring_their_amounts():
    organization = make_organization()
    metric = make_metric(organization)
    subscription = make_subscription(
        make_customer(organization), make_plan(organization, [charge(metric, "dynamic", {})])
    )
    for amount in ("0.101", "9.019"):
        sent = event(subscription, metric, 1)
        sent.amount = Decimal(amount)
        ingest(organization, [sent], at=AT)
    [item] = charge_usage(subscription, START, END)
    assert item.amount_minor == 912


def test_the_running_period_begins_where_the_last_invoice_ended():
    subscription, [metric] = make_metered()
    assert running_window(subscription, AT) == (START, END)
    billed = START + timedelta(days=5)
    invoice = Invoice.objects.create(
        organization=subscription.organization,
        billing_entity=subscription.customer.billing_entity,
        customer=subscription.customer,
        type="subscription",
        currency="EUR",
        issuing_on=billed.date(),
        customer_name="Customer",
    )
    for kind, end in (("usage", billed), ("fee", END)):
        InvoicedPeriod.objects.create(
            organization=subscription.organization,
            invoice=invoice,
            subscription=subscription,
            kind=kind,
            start=START,
            end=end,
        )
    use(subscription, metric, 10, at=billed - TICK)
    use(subscription, metric, 20, at=billed)
    report = current_usage(subscription, AT)
    assert (report.start, report.end, report.amount_minor, report.events_count) == (billed, END, 200, 1)


def test_projects_by_elapsed_time_through_the_tiers():
    organization = make_organization()
    calls, peak = make_metric(organization, "calls"), make_metric(organization, "peak", "max")
    plan = make_plan(organization, [charge(calls, "graduated", GRADUATED), charge(peak)])
    subscription = make_subscription(
        make_customer(organization), plan, next_billing_at=START + timedelta(days=30)
    )
    use(subscription, calls, 600, at=START)
    use(subscription, peak, 50, at=START)
    report = current_usage(subscription, START + timedelta(days=15))
    one, two = report.charges
    assert (one.projected_units, one.projected_minor) == (1200, 11500)
    assert (two.projected_units, two.projected_minor) == (50, 500)
    assert report.projected_minor == 12000
    assert share_passed(START, END, START + timedelta(minutes=59)) is None
    assert share_passed(START, END, END) is None


def test_days_are_those_of_the_customer():
    organization = make_organization()
    metric = make_metric(organization)
    customer = make_customer(organization, timezone="America/New_York")
    subscription = make_subscription(customer, make_plan(organization, [metric]))
    use(subscription, metric, 1, at=datetime(2026, 3, 8, 4, 59, tzinfo=UTC))  # still the 7th in New York
    use(subscription, metric, 2, at=datetime(2026, 3, 8, 5, 1, tzinfo=UTC))
    use(subscription, metric, 4, at=datetime(2026, 3, 9, 3, 59, tzinfo=UTC))  # the day the clocks change
    report = current_usage(subscription, datetime(2026, 3, 10, 12, tzinfo=UTC))
    [series] = report.days_by_charge.values()
    assert {day.on.isoformat(): day.units for day in series if day.units} == {
        "2026-03-07": 1,
        "2026-03-08": 6,
    }
    assert [day.on.day for day in series] == [28, *range(1, 11)]
    assert sum(day.events_count for day in report.days) == 3


def test_days_of_a_unique_count_are_the_items_of_each_day():
    subscription, [metric] = make_metered(["unique_count"])
    use(subscription, metric, "a", "b", "a", at=START)
    use(subscription, metric, "a", at=START + timedelta(days=1))
    found = daily(subscription.pk, [metric], START, END, "UTC")[metric.pk]
    assert [(day.units, day.events_count) for day in found.values()] == [(2, 3), (1, 1)]


def test_a_report_takes_few_queries(django_assert_max_num_queries):
    subscription, metrics = make_metered(KINDS)
    for metric in metrics:
        use(subscription, metric, 3, 4)
    fresh = (
        type(subscription).objects.select_related("plan", "customer__billing_entity").get(pk=subscription.pk)
    )
    with django_assert_max_num_queries(6):
        current_usage(fresh, AT)


def test_two_charges_on_one_metric_price_the_same_events_which_count_once():
    organization = make_organization()
    metric = make_metric(organization)
    terms = [charge(metric), charge(metric, properties={"amount": "2"}, invoice_display_name="Support")]
    subscription = make_subscription(make_customer(organization), make_plan(organization, terms))
    use(subscription, metric, 3, 4)
    report = current_usage(subscription, AT)
    assert [(item.units, item.amount_minor) for item in report.charges] == [(7, 70), (7, 1400)]
    assert (report.amount_minor, report.events_count) == (1470, 2)
    assert sum(day.events_count for day in report.days) == 2
