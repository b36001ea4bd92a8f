"""What is done to one subscription from its page: terms, canceling and keeping, ending."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from billing.models import Organization, Plan, Subscription
from customers.models import Customer
from invoicing.models import CreditNote
from tests.factories.catalog import make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import on, subscribe
from tests.factories.pages import htmx, statuses, text, token
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}
NOW = on(2026, 3, 10, 9)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(sandbox=True)
    organization.clock_at = NOW
    organization.save()
    return organization


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, name="Kampala Tech", timezone="Africa/Kampala")


@pytest.fixture
def plan(organization: Organization) -> Plan:
    return make_plan(organization, name="Team")


@pytest.fixture
def row(customer: Customer, plan: Plan) -> Subscription:
    return subscribe(customer, plan, on(2026, 3, 1))


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


@pytest.mark.parametrize("act", ["edit", "cancel", "terminate", "pause", "resume"])
def test_who_may(organization: Organization, row: Subscription, act: str) -> None:
    assert statuses(organization, f"/subscriptions/{row.public_id}/{act}") == EDITORS


def test_canceling_states_the_day_and_keeping_takes_it_back(staff: Client, row: Subscription) -> None:
    path = f"/subscriptions/{row.public_id}"
    dialog = text(staff.get(f"{path}/cancel", headers=htmx("dialog")))
    assert "31 Mar 2026" in dialog and "<title>" not in dialog
    body = {"once": token(staff, f"{path}/cancel")}
    for _ in range(2):
        assert staff.post(f"{path}/cancel", body).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.ending_at) == ("active", on(2026, 3, 31, 21))
    page = text(staff.get(path))
    assert "Canceled at the end of the period" in page and "31 Mar 2026" in page and "Keep it" in page
    assert "Cancel at period end" not in page
    assert staff.get(f"{path}/keep").status_code == 405
    assert staff.post(f"{path}/keep").status_code == 302
    row.refresh_from_db()
    assert row.ending_at is None and "Keep it" not in text(staff.get(path))


def test_support_sees_the_banner_without_the_button(
    client: Client, organization: Organization, row: Subscription
) -> None:
    Subscription.objects.update(ending_at=on(2026, 3, 31, 21), cancel_requested_at=NOW)
    page = text(sign_in(client, make_member(organization, "support")).get(f"/subscriptions/{row.public_id}"))
    assert "Canceled at the end of the period" in page and "Keep it" not in page


def test_editing_name_and_last_day(staff: Client, row: Subscription) -> None:
    path = f"/subscriptions/{row.public_id}/edit"
    assert "Edit subscription" in text(staff.get(path, headers=htmx("drawer")))
    assert staff.post(path, {"name": "Main", "ends_on": "2026-06-30"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.ending_at) == ("Main", on(2026, 6, 30, 21))
    assert 'value="2026-06-30"' in text(staff.get(path))
    answer = staff.post(path, {"name": "Main", "ends_on": "2026-03-09"}, headers=htmx("drawer"))
    assert answer.status_code == 422 and "in the future" in str(answer.context["form"].errors["ends_on"])
    staff.post(path, {"name": "Main", "ends_on": ""})
    row.refresh_from_db()
    assert row.ending_at is None


def test_an_end_in_the_middle_of_a_day_stays_when_only_the_name_changes(
    staff: Client, row: Subscription
) -> None:
    moment = on(2026, 6, 30, 9) + timedelta(minutes=7)
    Subscription.objects.update(ending_at=moment)
    path = f"/subscriptions/{row.public_id}/edit"
    staff.post(path, {"name": "Other", "ends_on": "2026-06-30"})
    row.refresh_from_db()
    assert (row.name, row.ending_at) == ("Other", moment)


def test_the_end_of_a_canceled_one_is_fixed(staff: Client, row: Subscription) -> None:
    Subscription.objects.update(ending_at=on(2026, 3, 31, 21), cancel_requested_at=NOW)
    path = f"/subscriptions/{row.public_id}/edit"
    assert "Keep it to set another end" in text(staff.get(path))
    assert staff.post(path, {"name": "Main", "ends_on": "2026-09-30"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.ending_at) == ("Main", on(2026, 3, 31, 21))


def test_pausing_and_going_on(staff: Client, customer: Customer, organization: Organization) -> None:
    """31.00 in advance for March, paused from the 10th to the 20th: 9 days become credit."""
    customer.grace_period_days = 0
    customer.save()
    row = subscribe(customer, make_plan(organization, amount_minor=3100, pay_in_advance=True), on(2026, 3, 1))
    path = f"/subscriptions/{row.public_id}"
    drawer = text(staff.get(f"{path}/pause", headers=htmx("drawer")))
    assert "No invoice is made" in drawer and "becomes credit" in drawer and "<title>" not in drawer
    refused = staff.post(f"{path}/pause", {"resumes_on": "2026-03-10"}, headers=htmx("drawer"))
    assert refused.status_code == 422 and "resumes_on" in refused.context["form"].errors
    body = {"once": token(staff, f"{path}/pause"), "resumes_on": "2026-03-25", "reason": "Renovation"}
    for _ in range(2):
        assert staff.post(f"{path}/pause", body).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.resumes_at) == ("paused", on(2026, 3, 24, 21))
    page = text(staff.get(path))
    assert "goes on by itself on" in page and "25 Mar 2026" in page and "Resume" in page
    organization.clock_at = on(2026, 3, 20, 9)
    organization.save()
    dialog = text(staff.get(f"{path}/resume", headers=htmx("dialog")))
    assert "Credit for paused days" in dialog and "€9.00" in dialog
    assert staff.post(f"{path}/resume", {"once": token(staff, f"{path}/resume")}).status_code == 302
    row.refresh_from_db()
    assert (row.status, CreditNote.objects.get().net_minor) == ("active", 900)
    assert "It is not paused" in text(staff.get(f"{path}/resume"))
