"""Changing the plan from the subscription's page: the drawer says what it does before it is done."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.models import Organization, Plan, Subscription
from customers.models import Customer
from invoicing.models import CreditNote, Invoice
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.pages import htmx, queries, statuses, text, token
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}
NOW = on(2026, 10, 11, 9)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(sandbox=True)
    organization.clock_at = NOW
    organization.save()
    return organization


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


@pytest.fixture
def small(organization: Organization) -> Plan:
    return make_plan(organization, 3100, pay_in_advance=True, name="Small")


@pytest.fixture
def large(organization: Organization) -> Plan:
    return make_plan(organization, 6200, pay_in_advance=True, name="Large")


@pytest.fixture
def row(customer: Customer, small: Plan) -> Subscription:
    return subscribe(customer, small, on(2026, 10, 1), name="Office")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def test_who_may(organization: Organization, row: Subscription) -> None:
    assert statuses(organization, f"/subscriptions/{row.public_id}/change-plan") == EDITORS
    keep = statuses(organization, f"/subscriptions/{row.public_id}/keep-plan", {})
    assert (keep["admin"], keep["support"], keep["stranger"]) == (302, 403, 404)


def test_the_preview_says_what_comes_and_writes_nothing(
    staff: Client, row: Subscription, large: Plan
) -> None:
    """42.00 now, of which 21.00 by credits, and 62.00 on 1 November instead of 31.00."""
    path = f"/subscriptions/{row.public_id}/change-plan"
    before = Invoice.objects.count()
    piece = text(
        staff.post(path, {"plan": large.pk, "when": "", "act": "look"}, headers=htmx("change-effect"))
    )
    for words in ("42.00", "21.00", "by credits", "1 Nov 2026", "31.00", "62.00", "21 unused days"):
        assert words in piece
    assert "<title>" not in piece and "<form" not in piece
    row.refresh_from_db()
    assert (row.status, Invoice.objects.count(), CreditNote.objects.count()) == ("active", before, 0)
    page = text(staff.post(path, {"plan": large.pk, "when": "", "act": "look"}))  # without JavaScript
    assert "62.00" in page and "Change plan</button>" in page


def test_an_upgrade_is_done_once(staff: Client, row: Subscription, large: Plan) -> None:
    path = f"/subscriptions/{row.public_id}/change-plan"
    data = {"plan": large.pk, "when": "", "once": token(staff, path)}
    answer = staff.post(path, data, follow=True)
    new = Subscription.objects.get(status="active")
    assert (new.plan, new.previous) == (large, row)
    assert answer.request["PATH_INFO"] == f"/subscriptions/{new.public_id}"
    assert "It is on Large now." in text(answer) and "returns the unused days" in text(answer)
    staff.post(path, data)
    assert Subscription.objects.count() == 2


def test_a_scheduled_change_shows_and_can_be_called_off(
    staff: Client, customer: Customer, small: Plan, large: Plan
) -> None:
    row = subscribe(customer, large, on(2026, 10, 1))
    path = f"/subscriptions/{row.public_id}"
    answer = staff.post(
        f"{path}/change-plan",
        {"plan": small.pk, "when": "", "once": token(staff, f"{path}/change-plan")},
        follow=True,
    )
    page = text(answer)
    assert "It changes to Small on 1 Nov 2026." in page and "Keep the plan" in page
    waiting = Subscription.objects.get(previous=row)
    assert "takes over from" in text(staff.get(f"/subscriptions/{waiting.public_id}"))
    assert "Scheduled" in text(staff.get(f"/customers/{customer.public_id}/subscriptions"))
    staff.post(f"{path}/keep-plan")
    waiting.refresh_from_db()
    assert waiting.status == "canceled"
    assert "Keep the plan" not in text(staff.get(path))


def test_calling_off_what_waits_from_its_own_page(
    staff: Client, customer: Customer, small: Plan, large: Plan
) -> None:
    row = subscribe(customer, large, on(2026, 10, 1))
    path = f"/subscriptions/{row.public_id}/change-plan"
    staff.post(path, {"plan": small.pk, "when": "", "once": token(staff, path)})
    waiting = Subscription.objects.get(previous=row)
    end = f"/subscriptions/{waiting.public_id}/terminate"
    assert "has not started" in text(staff.get(end, headers=htmx("dialog")))
    staff.post(end, {"once": token(staff, end)})
    waiting.refresh_from_db()
    assert (waiting.status, waiting.takes_over_at) == ("canceled", None)


def test_what_cannot_be_is_said_at_its_field(staff: Client, row: Subscription, small: Plan) -> None:
    path = f"/subscriptions/{row.public_id}/change-plan"
    dollars = make_plan(row.organization, 100, currency="USD", name="Abroad")
    answer = staff.post(path, {"plan": dollars.pk, "when": "", "once": "x" * 32})
    assert answer.status_code == 422 and "Abroad" not in text(answer)
    assert staff.post(path, {"plan": small.pk, "when": "", "once": "y" * 32}).status_code == 422


def test_the_drawer_asks_little(staff: Client, row: Subscription, large: Plan) -> None:
    assert queries(staff, f"/subscriptions/{row.public_id}/change-plan") <= 8
