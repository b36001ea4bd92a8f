"""A subscription's name and end, and a cancellation that can be taken back."""

from __future__ import annotations

from datetime import datetime

import pytest

from billing.actions.subscription_terms import cancel_at_period_end, keep_subscription, update_subscription
from billing.actions.subscriptions import end_subscription
from billing.models import AuditEntry, EmittedEvent, Organization, Subscription
from billing.rules.errors import Conflict, Invalid
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
AT = on(2026, 3, 10, 9)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def running(organization: Organization, **fields: object) -> Subscription:
    """31.00 a month from 1 March."""
    customer = billed_customer(organization, timezone=fields.pop("timezone", "UTC"))
    return subscribe(customer, make_plan(organization, 3100), on(2026, 3, 1), **fields)


def told(action: str) -> list[dict[str, object]]:
    """The payloads of an event."""
    return [row.data for row in EmittedEvent.objects.filter(name=action)]


@pytest.mark.parametrize(
    ("timezone", "ends"),
    [
        ("UTC", on(2026, 4, 1)),
        ("Africa/Kampala", on(2026, 3, 31, 21)),
        ("America/New_York", on(2026, 4, 1, 4)),
    ],
)
def test_a_cancellation_ends_with_the_running_period(
    organization: Organization, timezone: str, ends: datetime
) -> None:
    row = subscribe(
        billed_customer(organization, timezone=timezone), make_plan(organization, 3100), on(2026, 3, 2)
    )
    row = cancel_at_period_end(row, reason="Too dear", by=ACTOR, at=AT)
    assert (row.status, row.ending_at, row.cancel_requested_at) == ("active", ends, AT)
    entry = AuditEntry.objects.get(action="subscription.cancel_scheduled")
    assert (entry.reason, entry.changes["ending_at"]) == ("Too dear", [None, ends.isoformat()])
    [data] = told("subscription.cancel_scheduled")
    assert (data["cancelAtPeriodEnd"], data["status"]) == (True, "active")
    again = cancel_at_period_end(row, by=ACTOR, at=on(2026, 3, 20))
    assert (again.cancel_requested_at, AuditEntry.objects.filter(action__contains="cancel_").count()) == (
        AT,
        1,
    )


def test_keeping_it_restores_the_end_that_was_set(organization: Organization) -> None:
    row = running(organization, ending_at=on(2026, 9, 1))
    row = cancel_at_period_end(row, by=ACTOR, at=AT)
    assert row.ending_at == on(2026, 4, 1)
    row = keep_subscription(row, by=ACTOR, at=on(2026, 3, 30))
    assert (row.ending_at, row.cancel_requested_at, row.end_before_cancel) == (on(2026, 9, 1), None, None)
    assert len(told("subscription.kept")) == 1
    keep_subscription(row, by=ACTOR, at=on(2026, 3, 30))
    assert len(told("subscription.kept")) == 1


def test_an_earlier_end_stays(organization: Organization) -> None:
    row = running(organization, ending_at=on(2026, 3, 20))
    row = cancel_at_period_end(row, by=ACTOR, at=AT)
    assert (row.ending_at, row.is_canceling) == (on(2026, 3, 20), True)


def test_once_its_end_has_come_it_cannot_be_kept(organization: Organization) -> None:
    row = cancel_at_period_end(running(organization), by=ACTOR, at=AT)
    with pytest.raises(Conflict, match="period is over"):
        keep_subscription(row, by=ACTOR, at=on(2026, 4, 1))


def test_only_what_runs_can_be_canceled_at_the_end_of_its_period(organization: Organization) -> None:
    waiting = running(organization, subscription_at=on(2026, 5, 1))
    with pytest.raises(Conflict, match="not started"):
        cancel_at_period_end(waiting, by=ACTOR, at=AT)
    over = end_subscription(running(organization), by=ACTOR, at=AT)
    for act in (cancel_at_period_end, keep_subscription):
        with pytest.raises(Conflict, match="has ended"):
            act(over, by=ACTOR, at=AT)


def test_only_given_fields_change_and_only_once(organization: Organization) -> None:
    row = running(organization, name="Main", metadata={"a": 1})
    row = update_subscription(row, {"ending_at": on(2026, 6, 1)}, by=ACTOR, at=AT)
    assert (row.name, row.ending_at, row.metadata) == ("Main", on(2026, 6, 1), {"a": 1})
    row = update_subscription(row, {"name": " Site ", "metadata": {}}, by=ACTOR, at=AT)
    assert (row.name, row.metadata) == ("Site", {})
    update_subscription(row, {"name": "Site", "ending_at": on(2026, 6, 1)}, by=ACTOR, at=AT)
    entries = AuditEntry.objects.filter(action="subscription.updated").order_by("id")
    assert [sorted(entry.changes) for entry in entries] == [["ending_at"], ["metadata", "name"]]
    row = update_subscription(row, {"ending_at": None}, by=ACTOR, at=AT)
    assert row.ending_at is None


def test_an_end_must_be_ahead_and_none_of_a_canceled_one(organization: Organization) -> None:
    row = running(organization)
    with pytest.raises(Invalid) as refused:
        update_subscription(row, {"ending_at": AT}, by=ACTOR, at=AT)
    assert refused.value.field == "ending_at"
    row = cancel_at_period_end(row, by=ACTOR, at=AT)
    with pytest.raises(Conflict, match="Keep it first"):
        update_subscription(row, {"ending_at": on(2026, 9, 1)}, by=ACTOR, at=AT)
    assert update_subscription(row, {"name": "New"}, by=ACTOR, at=AT).name == "New"
    row.refresh_from_db()
    assert row.ending_at == on(2026, 4, 1)
