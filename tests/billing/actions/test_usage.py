"""Taking in events: what becomes of each, and that nothing is counted twice or lost."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, InternalError

import billing.tasks
from billing.actions.usage import ingest, match_quarantined, organizations_waiting
from billing.models import Event, QuarantinedEvent, UsageHour
from billing.rules.events import Refused, read_event
from tests.factories.catalog import make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import make_organization
from tests.factories.usage import AT, START, event, make_metered, make_subscription

pytestmark = pytest.mark.django_db


def statuses(organization, *events, at=AT):
    return [result.status for result in ingest(organization, events, at=at)]


def test_stores_an_event_with_what_its_metric_measures():
    subscription, [metric] = make_metered()
    sent = event(subscription, metric, Decimal("12.50"), id="t1", region="eu")
    assert statuses(subscription.organization, sent) == ["accepted"]
    row = Event.objects.get()
    assert (row.subscription, row.metric, row.organization) == (
        subscription,
        metric,
        subscription.organization,
    )
    assert (row.transaction_id, row.external_subscription_id) == ("t1", subscription.external_id)
    assert (row.value, row.text_value, row.timestamp, row.received_at) == (
        Decimal("12.5"),
        "12.50",
        AT,
        AT,
    )
    assert row.properties == {"region": "eu", "value": 12.5}
    hour = UsageHour.objects.get()
    assert (hour.events_count, hour.values_count, hour.sum_value) == (1, 1, Decimal("12.5"))
    assert (hour.hour, hour.latest_at, hour.latest_event) == (AT, AT, row.pk)


def test_keeps_numbers_exact():
    subscription, [metric] = make_metered()
    organization = subscription.organization
    values = [Decimal("0.1"), Decimal("0.2"), 123456789012345678901234, "0.000000000000001"]
    assert (
        statuses(organization, *[event(subscription, metric, value) for value in values]) == ["accepted"] * 4
    )
    assert UsageHour.objects.get().sum_value == Decimal("123456789012345678901234.300000000000001")
    with connection.cursor() as cursor:
        cursor.execute("SELECT properties->>'value' FROM billing_event ORDER BY id")
        assert [row[0] for row in cursor] == [str(value) for value in values]


def test_the_same_again_is_a_duplicate_and_writes_nothing():
    subscription, [metric] = make_metered()
    organization = subscription.organization
    sent = event(subscription, metric, 5, id="t1")
    statuses(organization, sent)
    before = (Event.objects.values().get(), UsageHour.objects.values().get())
    assert statuses(organization, sent, at=AT + timedelta(hours=3)) == ["duplicate"]
    assert (Event.objects.values().get(), UsageHour.objects.values().get()) == before


def test_other_content_is_a_conflict_and_the_first_counts():
    subscription, [metric] = make_metered()
    organization = subscription.organization
    statuses(organization, event(subscription, metric, 5, id="t1"))
    for other in (
        event(subscription, metric, 6, id="t1"),
        event(subscription, metric, 5, id="t1", at=AT + timedelta(seconds=1)),
        event(subscription, metric, 5, id="t1", extra=True),
        event(subscription, "another", 5, id="t1"),
    ):
        assert statuses(organization, other) == ["conflict"]
    assert UsageHour.objects.get().sum_value == 5
    assert QuarantinedEvent.objects.count() == 0


def test_a_retry_without_timestamp_is_a_duplicate():
    subscription, [metric] = make_metered()
    organization = subscription.organization
    sent = event(subscription, metric, 5, id="t1", at=None)
    assert statuses(organization, sent, at=AT) == ["accepted"]
    assert statuses(organization, sent, at=AT + timedelta(minutes=5)) == ["duplicate"]
    assert Event.objects.get().timestamp == AT


def test_repeats_inside_a_batch_do_not_reject_the_others():
    subscription, [metric] = make_metered()
    sent = [
        event(subscription, metric, 1, id="a"),
        event(subscription, metric, 1, id="a"),
        event(subscription, metric, 2, id="a"),
        event(subscription, metric, 4, id="b"),
        event(subscription, "unknown", id="c"),
        event(subscription, "unknown", id="c"),
        event(subscription, metric, id="c"),
    ]
    assert statuses(subscription.organization, *sent) == [
        "accepted",
        "duplicate",
        "conflict",
        "accepted",
        "quarantined",
        "duplicate",
        "conflict",
    ]
    assert UsageHour.objects.get().sum_value == 5
    assert QuarantinedEvent.objects.count() == 1


def test_a_batch_of_old_and_new_stores_the_new():
    subscription, [metric] = make_metered()
    organization = subscription.organization
    statuses(organization, event(subscription, metric, 1, id="a"), event(subscription, metric, 2, id="b"))
    again = [event(subscription, metric, n, id=name) for n, name in ((1, "a"), (9, "b"), (4, "c"))]
    assert statuses(organization, *again) == ["duplicate", "conflict", "accepted"]
    assert UsageHour.objects.get().sum_value == 7


def test_one_transaction_id_on_two_subscriptions_is_two_events():
    subscription, [metric] = make_metered()
    other = make_subscription(subscription.customer, subscription.plan)
    sent = [event(subscription, metric, 1, id="t1"), event(other, metric, 1, id="t1")]
    assert statuses(subscription.organization, *sent) == ["accepted", "accepted"]


def test_an_organization_never_meets_anothers_rows():
    subscription, [metric] = make_metered()
    stranger = make_organization("Other")
    make_metric(stranger, metric.code)
    assert statuses(stranger, event(subscription, metric, 1)) == ["quarantined"]
    assert statuses(stranger, event(subscription.public_id, metric, 1)) == ["quarantined"]
    assert QuarantinedEvent.objects.of(stranger).count() == 2
    assert Event.objects.count() == 0


def test_names_a_subscription_by_id():
    subscription, [metric] = make_metered()
    organization = subscription.organization
    by_id = event(subscription.public_id, metric, 1, id="t1")
    bare = event(str(subscription.pk), metric, 1, id="t1")
    by_external_id = event(subscription, metric, 1, id="t1")
    assert statuses(organization, by_id) == ["accepted"]
    assert statuses(organization, bare, by_external_id) == ["duplicate", "duplicate"]


def test_life_is_half_open_to_the_microsecond():
    end = START + timedelta(days=10)
    subscription, [metric] = make_metered(status="terminated", terminated_at=end)
    tick = timedelta(microseconds=1)
    moments = [START - tick, START, end - tick, end]
    sent = [event(subscription, metric, 1, at=moment) for moment in moments]
    assert statuses(subscription.organization, *sent) == [
        "quarantined",
        "accepted",
        "accepted",
        "quarantined",
    ]
    assert {row.reason for row in QuarantinedEvent.objects.all()} == {"outside_subscription"}


def test_a_used_again_external_id_goes_by_the_moment():
    end = START + timedelta(days=10)
    first, [metric] = make_metered(status="terminated", terminated_at=end, external_id="same")
    second = make_subscription(first.customer, first.plan, external_id="same", started_at=end)
    sent = [event("same", metric, 1, at=end - timedelta(seconds=1)), event("same", metric, 1, at=end)]
    assert statuses(first.organization, *sent) == ["accepted", "accepted"]
    rows = Event.objects.order_by("timestamp")
    assert [row.subscription for row in rows] == [first, second]


def test_a_pending_subscription_quarantines_until_it_starts():
    subscription, [metric] = make_metered()
    later = make_subscription(subscription.customer, subscription.plan, status="pending")
    type(later).objects.filter(pk=later.pk).update(started_at=None)
    organization = subscription.organization
    assert statuses(organization, event(later, metric, 1)) == ["quarantined"]
    assert match_quarantined(organization, at=AT) == 0
    type(later).objects.filter(pk=later.pk).update(started_at=START, status="active")
    assert match_quarantined(organization, at=AT) == 1


def test_quarantine_is_matched_when_the_missing_appears():
    organization = make_organization()
    customer = make_customer(organization)
    sent = [event("late", "calls", Decimal("1.1"), id=f"t{n}", at=AT + timedelta(hours=n)) for n in range(3)]
    assert statuses(organization, *sent) == ["quarantined"] * 3
    assert {row.reason for row in QuarantinedEvent.objects.all()} == {"unknown_subscription"}
    metric = make_metric(organization, "calls")
    assert match_quarantined(organization, at=AT) == 0
    subscription = make_subscription(customer, make_plan(organization, [metric]), external_id="late")
    assert statuses(organization, sent[0]) == ["duplicate"]
    assert statuses(organization, event("late", "calls", 7, id="t1")) == ["conflict"]
    kept = set(QuarantinedEvent.objects.values_list("pk", flat=True))
    assert match_quarantined(organization, at=AT) == 3
    assert match_quarantined(organization, at=AT) == 0
    assert set(Event.objects.values_list("pk", flat=True)) == kept
    assert QuarantinedEvent.objects.count() == 0
    assert [hour.sum_value for hour in UsageHour.objects.order_by("hour")] == [Decimal("1.1")] * 3
    assert Event.objects.first().subscription == subscription
    assert statuses(organization, *sent) == ["duplicate"] * 3


def test_an_unknown_metric_is_quarantined_and_matched():
    subscription, _ = make_metered()
    organization = subscription.organization
    sent = event(subscription, "new-metric", 3, id="t1")
    assert statuses(organization, sent) == ["quarantined"]
    assert QuarantinedEvent.objects.get().reason == "unknown_metric"
    make_metric(organization, "new-metric")
    assert list(organizations_waiting()) == [organization]
    billing.tasks.match_quarantined()
    assert list(organizations_waiting()) == []
    assert UsageHour.objects.get().sum_value == 3


def test_a_copy_that_counts_already_only_leaves_the_quarantine():
    subscription, [metric] = make_metered()
    organization = subscription.organization
    sent = event(subscription, metric, 3, id="t1")
    statuses(organization, sent)
    row = Event.objects.get()
    QuarantinedEvent.objects.create(
        organization=organization,
        external_subscription_id=subscription.external_id,
        code=metric.code,
        transaction_id="t1",
        timestamp=AT,
        content_hash=row.content_hash,
        reason="unknown_metric",
    )
    assert match_quarantined(organization, at=AT) == 0
    assert (Event.objects.count(), QuarantinedEvent.objects.count()) == (1, 0)
    assert UsageHour.objects.get().events_count == 1


def test_values_that_are_no_numbers_count_as_events_only():
    subscription, [metric] = make_metered()
    values = ["1e3", "+5", ".5", "five", True, None, {"a": 1}, "", "7"]
    sent = [event(subscription, metric, value) for value in values]
    assert statuses(subscription.organization, *sent) == ["accepted"] * len(values)
    hour = UsageHour.objects.get()
    assert (hour.events_count, hour.values_count, hour.sum_value) == (9, 1, 7)


def test_a_number_too_fine_to_count_is_refused_by_field():
    subscription, [metric] = make_metered()
    [result] = ingest(
        subscription.organization,
        [event(subscription, metric, Decimal("0.1234567890123456789012345678901"))],
        at=AT,
    )
    assert (result.status, result.field) == ("invalid", "properties.value")
    assert Event.objects.count() == 0


def test_latest_of_an_hour_goes_by_moment_then_reception():
    subscription, [metric] = make_metered(["latest"])
    organization = subscription.organization
    for seconds, value in ((30, 1), (10, 2), (30, 3), (20, 4)):
        statuses(organization, event(subscription, metric, value, at=AT + timedelta(seconds=seconds)))
    assert UsageHour.objects.get().latest_value == 3
    statuses(organization, event(subscription, metric, "no number", at=AT + timedelta(seconds=40)))
    assert UsageHour.objects.get().latest_value == 3


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"subscriptionId": "s", "code": "c"}, "transactionId"),
        ({"transactionId": " ", "subscriptionId": "s", "code": "c"}, "transactionId"),
        ({"transactionId": "x" * 256, "subscriptionId": "s", "code": "c"}, "transactionId"),
        ({"transactionId": "a\x00b", "subscriptionId": "s", "code": "c"}, "transactionId"),
        ({"transactionId": "a\ud800b", "subscriptionId": "s", "code": "c"}, "transactionId"),
        ({"transactionId": 5, "subscriptionId": "s", "code": "c"}, "transactionId"),
        ({"transactionId": "t", "subscriptionId": "s"}, "code"),
        ({"transactionId": "t", "code": "c"}, "subscriptionId"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": True}, "timestamp"),
        ({"timestamp": Decimal("NaN")}, "timestamp"),
        ({"timestamp": "2026-02-30T00:00:00Z"}, "timestamp"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "timestamp"),
        ({"timestamp": "2026-03-16T12:00:01Z"}, "timestamp"),
        ({"timestamp": 1741600000000}, "timestamp"),
        ({"timestamp": 10**400}, "timestamp"),
        ({"properties": []}, "properties"),
        ({"properties": {str(n): n for n in range(51)}}, "properties"),
        ({"properties": {"a": {"b": {"c": {"d": {}}}}}}, "properties.a.b.c.d"),
        ({"properties": {"a": Decimal("1e400")}}, "properties.a"),
        ({"properties": {"a": Decimal("1e-400")}}, "properties.a"),
        ({"properties": {"a": Decimal("Infinity")}}, "properties.a"),
        ({"properties": {"a": 10**25}}, "properties.a"),
        ({"properties": {"a": "x" * 1001}}, "properties.a"),
        ({"properties": {"a": "\x00"}}, "properties.a"),
        ({"properties": {"a": ["ok", "\x00"]}}, "properties.a[1]"),
        ({"properties": {"k" * 256: 1}}, "properties"),
        ({"preciseTotalAmount": "1e3"}, "preciseTotalAmount"),
        ({"surprise": 1}, "surprise"),
        ("text", ""),
        (None, ""),
    ],
)
def test_refuses_what_cannot_be_stored_and_names_the_field(raw, field):
    whole = {"transactionId": "t", "subscriptionId": "s", "code": "c"}
    if isinstance(raw, dict) and not raw.keys() & {"code", "subscriptionId"}:
        raw = whole | raw
    read = read_event(raw, AT)
    assert isinstance(read, Refused), read
    assert read.field == field
    subscription, [metric] = make_metered()
    results = ingest(subscription.organization, [read, event(subscription, metric, 1)], at=AT)
    assert [result.status for result in results] == ["invalid", "accepted"]
    assert results[0].reason == read.message


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        ("2026-03-10T09:30:00Z", "2026-03-10T09:30:00+00:00"),
        ("2026-03-10T09:30:00", "2026-03-10T09:30:00+00:00"),
        ("2026-03-10 09:30:00.123456789+02:00", "2026-03-10T07:30:00.123456+00:00"),
        ("2026-03-10", "2026-03-10T00:00:00+00:00"),
        (1741600000, "2025-03-10T09:46:40+00:00"),
        (Decimal("1741600000.5000019"), "2025-03-10T09:46:40.500001+00:00"),
        ("1741600000.25", "2025-03-10T09:46:40.250000+00:00"),
    ],
)
def test_reads_moments(stamp, text):
    read = read_event({"transactionId": "t", "subscriptionId": "s", "code": "c", "timestamp": stamp}, AT)
    assert read.timestamp.isoformat() == text


def test_any_text_that_is_allowed_is_stored_as_it_is():
    subscription, [metric] = make_metered(["unique_count"])
    nasty = "a\"b\\c{d},NULL\n\t'%s é 漢字 🙂"
    sent = event(subscription, metric, nasty, id=nasty[:200], **{nasty: [nasty, None]})
    assert statuses(subscription.organization, sent) == ["accepted"]
    row = Event.objects.get()
    assert (row.transaction_id, row.text_value) == (nasty[:200], nasty)
    assert row.properties == {"value": nasty, nasty: [nasty, None]}


def test_events_never_change_and_keep_what_they_refer_to():
    subscription, [metric] = make_metered()
    statuses(subscription.organization, event(subscription, metric, 1))
    for act in (
        lambda: Event.objects.update(value=2),
        lambda: Event.objects.all().delete(),
    ):
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
            act()
    for table, key in (("billing_subscription", subscription.pk), ("billing_metric", metric.pk)):
        with (
            pytest.raises(IntegrityError, match="with usage events stays"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table} WHERE id = %s", [key])


@pytest.mark.django_db(transaction=True)
def test_parallel_batches_with_the_same_events_count_once_and_do_not_deadlock():
    subscription, [metric, other] = make_metered(["sum", "count"])
    organization = subscription.organization
    events = [
        event(subscription, metric, n, id=f"t{n}", at=AT + timedelta(minutes=7 * n)) for n in range(150)
    ]
    events += [event(subscription, other, id=f"u{n}", at=AT + timedelta(minutes=3 * n)) for n in range(150)]
    events += [event(subscription, "unknown", id=f"q{n}") for n in range(50)]
    outcomes: list[list[str]] = []
    failures: list[Exception] = []

    def push(order: int) -> None:
        try:
            for _ in range(3):
                mixed = sorted(events, key=lambda e: hash((e.transaction_id, order)))
                outcomes.append(statuses(organization, *mixed))
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=push, args=(order,)) for order in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    flat = [status for outcome in outcomes for status in outcome]
    assert (flat.count("accepted"), flat.count("quarantined")) == (300, 50)
    assert flat.count("duplicate") == len(flat) - 350
    assert Event.objects.count() == 300
    assert sum(UsageHour.objects.filter(metric=metric).values_list("sum_value", flat=True)) == sum(range(150))
    assert sum(UsageHour.objects.filter(metric=other).values_list("events_count", flat=True)) == 150


def make_computed(text, aggregation="sum"):
    organization = make_organization()
    metric = make_metric(organization, "traffic", aggregation, field_name="", expression=text)
    return make_subscription(make_customer(organization), make_plan(organization, [metric])), metric


def test_an_expression_gives_the_value_and_the_properties_stay_as_sent():
    subscription, metric = make_computed("round(event.properties.bytes / 1024, 2) * event.properties.copies")
    sent = event(subscription, metric, bytes=1536, copies="3")
    assert statuses(subscription.organization, sent, sent) == ["accepted", "duplicate"]
    row = Event.objects.get()
    assert (row.value, row.text_value) == (Decimal("4.5"), "4.5")
    assert row.properties == {"bytes": 1536, "copies": "3"}
    assert UsageHour.objects.get().sum_value == Decimal("4.5")


def test_an_event_that_cannot_be_computed_is_refused_at_its_property_and_rejects_no_other():
    subscription, metric = make_computed("event.properties.a / event.properties.b")
    organization = subscription.organization
    good = event(subscription, metric, a=1, b=3)
    bad = [event(subscription, metric, a=1), event(subscription, metric, a="x", b=1)]
    bad += [event(subscription, metric, a=1, b=0)]
    results = ingest(organization, [*bad, good], at=AT)
    assert [result.status for result in results] == ["invalid"] * 3 + ["accepted"]
    assert [result.field for result in results[:3]] == ["properties.b", "properties.a", "properties"]
    assert "“b”, which is missing" in results[0].reason
    assert Event.objects.get().value == Decimal("0.333333333333333333333333333333")


def test_an_expression_sees_the_moment_that_was_filled_in_and_the_code():
    subscription, _ = make_computed("concat(event.code, floor(event.timestamp))", "unique_count")
    assert statuses(subscription.organization, event(subscription, "traffic", at=None)) == ["accepted"]
    assert Event.objects.get().text_value == f"traffic{AT.timestamp():.0f}"


def test_a_waiting_event_that_cannot_be_computed_stays_with_its_reason():
    subscription, metric = make_computed("event.properties.a * 2")
    organization = subscription.organization
    waiting = [event("later", metric, a=2), event("later", metric, b=2)]
    assert statuses(organization, *waiting) == ["quarantined"] * 2
    make_subscription(subscription.customer, subscription.plan, external_id="later")
    assert match_quarantined(organization, at=AT) == 1
    assert Event.objects.get().value == 4
    assert QuarantinedEvent.objects.get().reason == "uncomputable_value"
