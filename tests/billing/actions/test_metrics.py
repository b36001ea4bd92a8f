"""Metrics: exact rows, what stays once events are counted, deletion with its preview."""

from __future__ import annotations

import pytest

from billing.actions.metrics import create_metric, delete_metric, update_metric
from billing.actions.plans import delete_plan
from billing.models import AuditEntry, Event, Metric
from billing.queries.catalog_use import metric_use
from billing.rules.errors import BillingError, Conflict, Invalid, Locked
from tests.factories.catalog import charge, make_metric, make_plan, subscribe
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def count(metric: Metric) -> None:
    """One counted event as a row."""
    subscription = subscribe(make_plan(metric.organization))
    Event.objects.create(
        organization=metric.organization,
        subscription=subscription,
        metric=metric,
        external_subscription_id="s",
        transaction_id="t",
        timestamp=NOW,
        received_at=NOW,
        content_hash=b"0" * 16,
    )


def test_a_metric_is_written_as_given() -> None:
    acme = make_organization()
    metric = create_metric(
        acme,
        name=" API calls ",
        code="api_calls",
        aggregation="unique_count",
        field_name="user_id",
        description="Who called",
        by=ACTOR,
        at=NOW,
    )
    metric.refresh_from_db()
    assert (metric.name, metric.code, metric.aggregation) == ("API calls", "api_calls", "unique_count")
    assert (metric.field_name, metric.description, metric.organization) == ("user_id", "Who called", acme)
    entry = AuditEntry.objects.get(action="metric.created")
    assert (entry.at, entry.subject_id, entry.changes["code"]) == (NOW, metric.pk, [None, "api_calls"])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"aggregation": "sum", "field_name": ""}, "field_name"),
        ({"aggregation": "count", "field_name": "x"}, "field_name"),
        ({"aggregation": "mean"}, "aggregation"),
        ({"name": " "}, "name"),
        ({"code": "a b"}, "code"),
        ({"name": "x" * 101}, "name"),
    ],
)
def test_what_makes_no_sense_is_named(fields: dict[str, str], field: str) -> None:
    with pytest.raises(BillingError) as caught:
        make_metric(make_organization(), **({"code": "calls"} | fields))  # type: ignore[arg-type]
    assert caught.value.field == field
    assert not Metric.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"aggregation": "sum", "expression": "1 +"}, "At character 4"),
        ({"aggregation": "sum", "expression": "event.code"}, "Gives a text"),
        ({"aggregation": "count", "expression": "1", "field_name": ""}, "A count has no value"),
    ],
)
def test_an_expression_is_checked_when_it_is_saved(fields: dict[str, str], said: str) -> None:
    with pytest.raises(BillingError, match=said) as caught:
        make_metric(make_organization(), **({"code": "calls"} | fields))  # type: ignore[arg-type]
    assert caught.value.field == "expression"
    assert not Metric.objects.exists()


def test_an_expression_stands_for_the_property_and_stays_once_events_are_counted() -> None:
    metric = make_metric(make_organization(), field_name="", expression=" event.properties.gb * 2 ")
    assert (metric.measures, metric.expression) == ("event.properties.gb * 2", "event.properties.gb * 2")
    update_metric(metric, {"expression": "event.properties.gb * 3"}, by=ACTOR, at=NOW)
    update_metric(metric, {"aggregation": "count"}, by=ACTOR, at=NOW)
    metric.refresh_from_db()
    assert (metric.aggregation, metric.expression) == ("count", "")
    update_metric(metric, {"aggregation": "unique_count", "expression": "event.code"}, by=ACTOR, at=NOW)
    count(metric)
    with pytest.raises(Locked) as caught:
        update_metric(metric, {"expression": "1"}, by=ACTOR, at=NOW)
    assert caught.value.field == "expression"


def test_a_code_is_unique_per_organization_until_it_is_deleted() -> None:
    acme = make_organization()
    metric = make_metric(acme, "calls")
    make_metric(make_organization("Other"), "calls")
    with pytest.raises(Conflict) as caught:
        make_metric(acme, "calls")
    assert caught.value.field == "code"
    delete_metric(metric, by=ACTOR, at=NOW)
    make_metric(acme, "calls")


def test_what_is_measured_stays_once_events_are_counted() -> None:
    metric = make_metric(make_organization(), "calls")
    update_metric(metric, {"code": "requests", "aggregation": "count"}, by=ACTOR, at=NOW)
    metric.refresh_from_db()
    assert (metric.code, metric.aggregation, metric.field_name) == ("requests", "count", "")
    count(metric)
    for changes in ({"code": "calls"}, {"aggregation": "sum", "field_name": "x"}):
        with pytest.raises(Locked) as caught:
            update_metric(metric, changes, by=ACTOR, at=NOW)
        assert caught.value.field == next(iter(changes))
    update_metric(metric, {"name": "Requests"}, by=ACTOR, at=NOW)
    metric.refresh_from_db()
    assert (metric.name, metric.code, metric.aggregation) == ("Requests", "requests", "count")
    assert AuditEntry.objects.filter(action="metric.updated").count() == 2


def test_an_aggregation_that_a_charge_cannot_price_is_refused() -> None:
    acme = make_organization()
    metric = make_metric(acme)
    make_plan(acme, [charge(metric, "percentage", {"rate": "1"})])
    with pytest.raises(Invalid, match="Percentage") as caught:
        update_metric(metric, {"aggregation": "latest"}, by=ACTOR, at=NOW)
    assert caught.value.field == "aggregation"


def test_units_that_a_charge_counts_by_days_stay_in_use() -> None:
    acme = make_organization()
    metric = make_metric(acme, recurring=True)
    make_plan(acme, [charge(metric, prorated=True)], name="Team")
    with pytest.raises(Invalid, match="Team") as caught:
        update_metric(metric, {"recurring": False}, by=ACTOR, at=NOW)
    assert caught.value.field == "recurring"


def test_deletion_is_refused_while_somebody_is_subscribed() -> None:
    acme = make_organization()
    metric = make_metric(acme)
    busy, idle = make_plan(acme, [metric], code="busy"), make_plan(acme, [metric], code="idle")
    row = subscribe(busy)
    use = metric_use(metric)
    assert ([plan.code for plan in use.plans], use.charges, use.drafts, use.events) == (
        ["busy", "idle"],
        2,
        0,
        False,
    )
    assert use.busy == [busy]
    with pytest.raises(Conflict, match="Busy") as caught:
        delete_metric(metric, by=ACTOR, at=NOW)
    assert caught.value.code == "metric_in_use"
    assert idle.charges.kept().count() == 1
    row.status = "canceled"
    row.save()
    delete_plan(busy, by=ACTOR, at=NOW)
    delete_metric(metric, by=ACTOR, at=NOW)
    metric.refresh_from_db()
    assert metric.deleted_at == NOW
    assert idle.charges.kept().count() == 0
    assert busy.charges.kept().count() == 1
