"""Developers > Events and Quarantine."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.utils.html import strip_tags

from billing.actions.usage import ingest
from billing.models import Event, QuarantinedEvent
from billing.views import events as views
from tests.factories.catalog import make_metric
from tests.factories.people import make_member, make_organization, sign_in
from tests.factories.usage import AT, event, make_metered

pytestmark = pytest.mark.django_db


@pytest.fixture
def metered():
    return make_metered(["sum", "count"])


@pytest.fixture
def staff(client, metered):
    return sign_in(client, make_member(metered[0].organization))


def test_lists_and_filters(staff, metered):
    subscription, [one, two] = metered
    ingest(
        subscription.organization,
        [event(subscription, one, 5, id="first"), event(subscription, two, id="second")],
        at=AT,
    )
    text = staff.get("/developers/events").content.decode()
    assert "first" in text
    assert text.index("second") < text.index("first")
    for query, shown, hidden in (
        ("q=first", "first", "second"),
        (f"code={two.code}", "second", "first"),
        (f"subscription={subscription.external_id}&q=second", "second", "first"),
    ):
        answer = staff.get(
            f"/developers/events?{query}", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="event-table"
        )
        text = answer.content.decode()
        assert f">{shown}</a>" in text, query
        assert f">{hidden}</a>" not in text, query
    assert "No event found" in staff.get("/developers/events?subscription=none").content.decode()


def test_pages_by_cursor(staff, metered, monkeypatch):
    monkeypatch.setattr(views, "PER_PAGE", 2)
    subscription, [one, _] = metered
    ingest(subscription.organization, [event(subscription, one, 1, id=f"e{n}") for n in range(3)], at=AT)
    text = staff.get("/developers/events").content.decode()
    older = text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert ">e0</a>" not in text
    assert ">e0</a>" in staff.get(f"/developers/events{older}").content.decode()


def test_an_event_shows_its_content(staff, metered):
    subscription, [one, _] = metered
    ingest(subscription.organization, [event(subscription, one, id="t", note="<b>hi</b>")], at=AT)
    row = Event.objects.get()
    text = staff.get(f"/developers/events/{row.public_id}").content.decode()
    assert "&lt;b&gt;hi&lt;/b&gt;" in text
    assert "It has no value" in text


def test_quarantine_says_why_and_matches_again(staff, metered):
    subscription, _ = metered
    organization = subscription.organization
    ingest(organization, [event(subscription, "later", id="t1"), event("nobody", "later", id="t2")], at=AT)
    text = staff.get("/developers/quarantine").content.decode()
    assert "No billable metric has this code." in text
    assert "No subscription has this external ID." in text
    row = QuarantinedEvent.objects.get(transaction_id="t2")
    assert "In quarantine" in staff.get(f"/developers/events/{row.public_id}").content.decode()
    make_metric(organization, "later")
    assert "It can be matched now." in staff.get("/developers/quarantine").content.decode()
    answer = staff.post("/developers/quarantine/match", follow=True)
    assert "1 event matched." in answer.content.decode()
    assert (Event.objects.count(), QuarantinedEvent.objects.count()) == (1, 1)


def test_support_may_look_and_not_match(client, metered):
    sign_in(client, make_member(metered[0].organization, "support"))
    assert client.get("/developers/quarantine").status_code == 200
    assert client.post("/developers/quarantine/match").status_code == 403


def test_a_stranger_finds_nothing(client, metered):
    subscription, [one, _] = metered
    ingest(subscription.organization, [event(subscription, one, 1, id="secret")], at=AT)
    sign_in(client, make_member(make_organization("Other")))
    assert "secret" not in client.get("/developers/events").content.decode()
    assert client.get(f"/developers/events/{Event.objects.get().public_id}").status_code == 404


def test_days_are_those_of_the_organization(staff, metered):
    subscription, [one, _] = metered
    organization = subscription.organization
    organization.timezone = "Asia/Tokyo"
    organization.save(update_fields=["timezone"])
    times = {
        "before": "2026-03-09T14:59:59Z",
        "first": "2026-03-09T15:00:00Z",
        "last": "2026-03-10T14:59:59Z",
    }
    rows = [event(subscription, one, 1, id=name, at=datetime.fromisoformat(at)) for name, at in times.items()]
    ingest(organization, rows, at=AT)
    text = staff.get("/developers/events?from=2026-03-10&to=2026-03-10").content.decode()
    assert [name for name in times if f">{name}</a>" in text] == ["first", "last"]
    assert "2 of 2 events" in strip_tags(text) and 'value="2026-03-10"' in text
    for nonsense in ("from=2026-02-31", "to=x", "from=9999-12-31"):
        assert "3 of 3 events" in strip_tags(staff.get(f"/developers/events?{nonsense}").content.decode())
    assert "No event found" in staff.get("/developers/events?from=2026-03-11").content.decode()


def test_live_answers_only_when_something_has_come(staff, metered):
    subscription, [one, two] = metered
    organization = subscription.organization
    ingest(organization, [event(subscription, one, 1, id="old")], at=AT)
    asked = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "event-table"}
    text = staff.get("/developers/events?live=1").content.decode()
    address = "/developers/events?" + text.split('hx-get="?')[1].split('"')[0].replace("&amp;", "&")
    assert "data-fresh" not in text
    assert staff.get(address, **asked).status_code == 204
    assert staff.get(address).status_code == 200  # a page that is opened is never empty
    ingest(organization, [event(subscription, two, id="new"), event("nobody", "x", id="lost")], at=AT)
    text = staff.get(address, **asked).content.decode()
    assert text.count("data-fresh") == 1 and text.index("data-fresh") < text.index(">new</a>") < text.index(
        ">old</a>"
    )
    assert "1 event match" in strip_tags(text)
    assert "seen=" in text and address not in text.replace("&amp;", "&")
    assert 'hx-trigger="every' not in staff.get("/developers/events").content.decode()


def test_the_file_has_all_that_is_filtered(staff, metered, monkeypatch):
    monkeypatch.setattr(views, "PER_PAGE", 1)
    subscription, [one, two] = metered
    ingest(
        subscription.organization,
        [event(subscription, one, 5, id=f"e{n}", note="ü") for n in range(2)]
        + [event(subscription, two, id="x")],
        at=AT,
    )
    page = staff.get(f"/developers/events?code={one.code}&live=1").content.decode()
    assert f'href="/developers/events.csv?code={one.code}"' in page
    answer = staff.get(f"/developers/events.csv?code={one.code}&subscription={subscription.external_id}")
    head, *lines = b"".join(answer).decode().splitlines()
    assert head.split(",")[:4] == ["transaction_id", "metric", "external_subscription_id", "value"]
    assert [line.split(",")[:4] for line in lines] == [
        [f"e{n}", one.code, subscription.external_id, "5"] for n in (1, 0)
    ]
    assert "ü" in lines[0]
