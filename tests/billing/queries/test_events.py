"""Finding events of days that lie under newer ones."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.actions.usage import ingest
from billing.models import Event, Organization
from billing.queries.events import EventFilter, find_events
from tests.factories.usage import AT, event, make_metered

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
OLD = EventFilter(start=AT - 3 * DAY, end=AT - 2 * DAY)


@pytest.fixture
def organization() -> Organization:
    """Three events of an old day, the last of them sent late, and many of today."""
    subscription, [metric] = make_metered(["count"])
    for name, moment in (
        ("old-2", AT - 3 * DAY + timedelta(hours=2)),
        ("old-1", AT - 3 * DAY + timedelta(hours=1)),
        *((f"new-{n}", AT) for n in range(13)),
        ("old-also-1", AT - 3 * DAY + timedelta(hours=1)),
    ):
        ingest(subscription.organization, [event(subscription, metric, at=moment, id=name)], at=AT)
    return subscription.organization


def names(rows: list[Event]) -> list[str]:
    return [row.transaction_id for row in rows]


def test_they_come_by_their_own_time_a_page_at_a_time(organization: Organization) -> None:
    expected = ["old-2", "old-also-1", "old-1"]
    assert names(list(find_events(organization, OLD))) == expected
    pages, before = [], ""
    while found := list(find_events(organization, OLD, before=before)[:1]):
        pages += names(found)
        before = found[0].public_id
    assert pages == expected
    assert list(find_events(organization, OLD, before="evt_" + "0" * 32)) == []


def test_what_lies_on_top_comes_as_it_was_received(organization: Organization) -> None:
    everything = EventFilter(start=AT - 3 * DAY, end=AT + DAY)
    assert names(list(find_events(organization, everything)))[:2] == ["old-also-1", "new-12"]
    assert names(list(find_events(organization, EventFilter(start=OLD.start))))[:1] == ["old-also-1"]
