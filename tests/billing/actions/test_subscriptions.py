"""The life of a subscription: what its columns are after each step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.actions.subscriptions import activate, cancel_pending, end_subscription, start_subscription
from billing.models import AuditEntry, Subscription
from billing.rules.errors import Conflict, Invalid
from tests.factories.catalog import make_plan
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timezone", "billing_time", "at", "ends"),
    [
        ("UTC", "calendar", "2026-03-15T12:00", "2026-04-01T00:00"),
        ("Africa/Kampala", "calendar", "2026-03-15T12:00", "2026-03-31T21:00"),
        ("Europe/Berlin", "calendar", "2026-03-15T12:00", "2026-03-31T22:00"),  # summer time by then
        ("America/New_York", "calendar", "2026-04-01T02:00", "2026-04-01T04:00"),  # still 31 March there
        ("UTC", "anniversary", "2026-01-31T12:00", "2026-02-28T00:00"),
        ("UTC", "anniversary", "2026-03-15T12:00", "2026-04-15T00:00"),
    ],
)
def test_the_first_period_ends_at_local_midnight(
    timezone: str, billing_time: str, at: str, ends: str
) -> None:
    organization = make_organization()
    customer = make_customer(organization, timezone=timezone)
    row = start_subscription(
        customer, make_plan(organization), billing_time=billing_time, by=ACTOR, at=utc(at)
    )
    assert (row.status, row.started_at, row.next_billing_at) == ("active", utc(at), utc(ends))
    assert row.external_id == row.public_id
    entry = AuditEntry.objects.get(action="subscription.started")
    assert entry.customer_id == customer.pk


def test_a_start_to_come_waits_and_is_activated_once() -> None:
    organization = make_organization()
    customer = make_customer(organization)
    start = NOW + timedelta(days=3)
    row = start_subscription(customer, make_plan(organization), subscription_at=start, by=ACTOR, at=NOW)
    assert (row.status, row.started_at, row.next_billing_at) == ("pending", None, None)
    assert list(Subscription.objects.starting(NOW)) == []
    assert list(Subscription.objects.starting(start)) == [row]
    activate(row, by=ACTOR, at=start)
    row = activate(row, by=ACTOR, at=start + timedelta(hours=1))
    assert (row.status, row.started_at) == ("active", start)
    assert AuditEntry.objects.filter(action="subscription.started").count() == 1


def test_a_start_in_the_past_is_due_at_once() -> None:
    organization = make_organization()
    start = utc("2025-12-31T00:00")
    row = start_subscription(
        make_customer(organization), make_plan(organization), subscription_at=start, by=ACTOR, at=NOW
    )
    assert (row.status, row.started_at, row.next_billing_at) == ("active", start, utc("2026-01-01T00:00"))
    assert list(Subscription.objects.due(NOW)) == [row]


def test_a_trial_starts_trialing() -> None:
    organization = make_organization()
    row = start_subscription(
        make_customer(organization), make_plan(organization, trial_days=14), by=ACTOR, at=NOW
    )
    assert (row.status, row.trial_ends_at) == ("trialing", NOW + timedelta(days=14))


def test_two_running_subscriptions_cannot_share_an_external_id() -> None:
    organization = make_organization()
    customer, plan = make_customer(organization), make_plan(organization)
    first = start_subscription(customer, plan, external_id="site-1", by=ACTOR, at=NOW)
    with pytest.raises(Conflict) as refused:
        start_subscription(customer, plan, external_id="site-1", by=ACTOR, at=NOW)
    assert refused.value.field == "external_id"
    end_subscription(first, by=ACTOR, at=NOW)
    again = start_subscription(customer, plan, external_id="site-1", by=ACTOR, at=NOW)
    assert again.status == "active"


def test_ending_twice_is_one_end() -> None:
    organization = make_organization()
    row = start_subscription(make_customer(organization), make_plan(organization), by=ACTOR, at=NOW)
    later = NOW + timedelta(days=1)
    end_subscription(row, by=ACTOR, at=later)
    row = end_subscription(row, by=ACTOR, at=later + timedelta(days=1))
    assert (row.status, row.terminated_at, row.next_billing_at) == ("terminated", later, None)
    assert AuditEntry.objects.filter(action="subscription.terminated").count() == 1


def test_only_a_pending_one_can_be_called_off() -> None:
    organization = make_organization()
    customer, plan = make_customer(organization), make_plan(organization)
    running = start_subscription(customer, plan, by=ACTOR, at=NOW)
    with pytest.raises(Conflict):
        cancel_pending(running, by=ACTOR, at=NOW)
    waiting = start_subscription(customer, plan, subscription_at=NOW + timedelta(days=9), by=ACTOR, at=NOW)
    assert cancel_pending(waiting, by=ACTOR, at=NOW).status == "canceled"


def test_an_inactive_plan_and_an_end_before_the_start_are_refused() -> None:
    organization = make_organization()
    customer = make_customer(organization)
    with pytest.raises(Invalid) as refused:
        start_subscription(customer, make_plan(organization, active=False), by=ACTOR, at=NOW)
    assert refused.value.field == "plan"
    with pytest.raises(Invalid):
        start_subscription(customer, make_plan(organization), ending_at=NOW, by=ACTOR, at=NOW)
    assert not Subscription.objects.exists()
