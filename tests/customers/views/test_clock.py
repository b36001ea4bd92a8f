"""Developers > Clock."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions import later
from billing.models import ClockMove, Organization
from customers.actions.clock_moves import carry_out
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
START = on(2026, 1, 15)


@pytest.fixture
def lab() -> Organization:
    organization = make_organization("Lab", sandbox=True, at=START)
    organization.clock_at = START
    organization.save()
    return organization


@pytest.fixture
def staff(lab: Organization) -> Client:
    return sign_in(Client(), make_member(lab))


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_month_passes_and_shows_what_happened(staff: Client, lab: Organization) -> None:
    subscribe(billed_customer(lab, name="Acme"), make_plan(lab, 3100), START)
    page = staff.get(reverse("clock"))
    assert "A period ends" in text(page)
    form = {"by": "month", "once": "a" * 32}
    answer = staff.post(reverse("clock"), form)
    move = ClockMove.objects.get()
    assert answer.headers["Location"] == reverse("clock-move", args=[move])
    staff.post(reverse("clock"), form)  # a double click
    assert ClockMove.objects.count() == 1
    moving = text(staff.get(answer.headers["Location"]))
    assert 'hx-trigger="every 1s"' in moving

    later.run(str(move.job_id), carry_out)
    arrived = text(staff.get(answer.headers["Location"]))
    assert "Arrived" in arrived
    assert "Acme" in arrived or "Invoice finalized" in arrived
    assert "hx-trigger" not in arrived.split('id="clock-move"')[1].split(">")[0]
    assert "15 Feb 2026" in text(staff.get(reverse("clock")))


def test_a_day_that_is_over_keeps_what_was_typed(staff: Client, lab: Organization) -> None:
    answer = staff.post(reverse("clock"), {"by": "date", "on": "2026-01-10", "at": "08:30"})
    assert answer.status_code == 422
    assert "only goes forward" in text(answer)
    assert 'value="2026-01-10"' in text(answer)
    assert 'value="08:30"' in text(answer)
    assert "Choose a day" in text(staff.post(reverse("clock"), {"by": "date"}))
    assert "Nothing is due" in text(staff.post(reverse("clock"), {"by": "next"}))


def test_who_may_not_edit_events_only_looks(lab: Organization) -> None:
    looker = sign_in(Client(), make_member(lab, "support"))
    assert 'value="month"' not in text(looker.get(reverse("clock")))
    assert looker.post(reverse("clock"), {"by": "day"}).status_code == 403


def test_a_live_organization_is_told_about_sandboxes() -> None:
    live = make_organization("Live")
    member = make_member(live)
    staff = sign_in(Client(), member)
    assert "Create a sandbox" in text(staff.get(reverse("clock")))
    answer = staff.post(reverse("sandbox-add"), {"once": "b" * 32})
    assert answer.headers["Location"] == reverse("clock")
    made = Organization.objects.get(name="Live sandbox")
    assert made.sandbox
    assert "To a day" in text(staff.get(reverse("clock")))
    manager = sign_in(Client(), make_member(live, "manager"))
    assert manager.post(reverse("sandbox-add")).status_code == 403
