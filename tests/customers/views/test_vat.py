"""The VAT card, its drawers, and the settings page."""

from __future__ import annotations

from datetime import time

import pytest
from django.test import Client

from billing.models import Organization
from customers.models import Customer, VatCheck
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, queries, statuses, text, token
from tests.factories.people import make_member, make_organization, sign_in
from tests.services.vies import FakeVies

pytestmark = pytest.mark.django_db
FR = "FR40303265045"


@pytest.fixture
def customer() -> Customer:
    """A French company that waits for its first answer."""
    return make_customer(
        make_organization(), tax_id=FR, country="FR", customer_type="business", name="Globex"
    )


@pytest.fixture
def staff(customer: Customer) -> Client:
    """An admin of the customer's organization."""
    return sign_in(Client(), make_member(customer.organization))


def path(customer: Customer, act: str) -> str:
    """The address of an act on the number."""
    return f"/customers/{customer.public_id}/vat/{act}"


def card(staff: Client, customer: Customer) -> str:
    """The Information tab."""
    return text(staff.get(f"/customers/{customer.public_id}/information"))


def status(customer: Customer) -> str:
    """The status in the table."""
    return str(Customer.objects.values_list("vat_status", flat=True).get(pk=customer.pk))


def test_check_now_shows_what_vies_answered(staff: Client, customer: Customer, vies: FakeVies) -> None:
    page = card(staff, customer)
    assert "Check now" in page and "Next try" in page and vies.log == []
    answer = staff.post(path(customer, "verify"), follow=True)
    page = text(answer)
    assert status(customer) == "valid" and "VIES says that the number is valid." in page
    assert "Globex SARL" in page and "75002 PARIS" in page and "Ours: Globex" in page
    assert text(staff.get(f"/customers/{customer.public_id}")).count("Valid") >= 1


def test_a_fault_is_told_in_words(staff: Client, customer: Customer, vies: FakeVies) -> None:
    vies.answers[FR] = "MS_UNAVAILABLE"
    page = text(staff.post(path(customer, "verify"), follow=True))
    assert "There is no answer yet." in page and "register is out of service." in page
    assert "after 1 try" in page


def test_confirming_by_hand_and_taking_it_back(staff: Client, customer: Customer) -> None:
    drawer = staff.get(path(customer, "override"), headers=htmx("drawer"))
    assert "<html" not in text(drawer) and 'value="90"' in text(drawer)
    for bad, field in (({"reason": "", "days": "3"}, "reason"), ({"reason": "Seen", "days": "400"}, "days")):
        answer = staff.post(path(customer, "override"), bad)
        assert answer.status_code == 422 and field in answer.context["form"].errors
    once = token(staff, path(customer, "override"))
    data = {"reason": "Seen on paper", "days": "30", "once": once}
    for _ in range(2):
        assert staff.post(path(customer, "override"), data).status_code == 302
    assert status(customer) == "manual" and VatCheck.objects.count() == 1
    page = card(staff, customer)
    assert "Confirmed until" in page and "Seen on paper" in page and "Check now" not in page
    staff.post(path(customer, "clear"))
    staff.post(path(customer, "clear"))
    assert status(customer) == "unvalidated" and VatCheck.objects.get().state == "pending"


def test_leaving_a_customer_out_and_taking_it_in(staff: Client, customer: Customer, vies: FakeVies) -> None:
    assert staff.post(path(customer, "opt-out"), {"reason": " "}).status_code == 422
    assert staff.post(path(customer, "opt-out"), {"reason": "Exempt body"}).status_code == 302
    assert "Not checked: Exempt body" in card(staff, customer)
    answer = text(staff.post(path(customer, "verify"), follow=True))
    assert "VAT checks are switched off for this customer: Exempt body" in answer and vies.log == []
    staff.post(path(customer, "opt-in"))
    assert status(customer) == "pending"


def test_numbers_outside_of_vies_say_so(staff: Client, customer: Customer) -> None:
    other = make_customer(customer.organization, tax_id="GB 980 7806 85", country="GB")
    page = card(staff, other)
    assert "It does not look like a UK VAT number" in page and "Check now" not in page
    assert "VAT number" in card(staff, make_customer(customer.organization))


def test_the_settings_with_the_queue(staff: Client, customer: Customer, vies: FakeVies) -> None:
    vies.answers[FR] = "MS_UNAVAILABLE"
    staff.post(path(customer, "verify"))
    page = text(staff.get("/settings/vat"))
    assert "Globex" in page and "register is out of service." in page and "Try now" in page
    row = VatCheck.objects.get()
    before = row.next_at
    assert staff.post(f"/settings/vat/checks/{row.public_id}/try-now").status_code == 302
    row.refresh_from_db()
    assert row.next_at is not None and before is not None and row.next_at < before
    form = {"vat_maintenance_from": "22:00", "vat_maintenance_to": "", "vat_override_days": "30"}
    answer = staff.post("/settings/vat", form)
    assert answer.status_code == 422 and "vat_maintenance_to" in answer.context["form"].errors
    assert staff.post("/settings/vat", form | {"vat_maintenance_to": "22:00"}).status_code == 422
    assert staff.post("/settings/vat", form | {"vat_maintenance_to": "02:30"}).status_code == 302
    found = Organization.objects.get(pk=customer.organization_id)
    assert (found.vat_validation_enabled, found.vat_override_days) == (False, 30)
    assert (found.vat_maintenance_from, found.vat_maintenance_to) == (time(22), time(2, 30))
    assert "VAT checks are switched off" in text(staff.get("/settings/vat"))
    assert 'value="22:00"' in text(staff.get("/settings/vat"))


def test_numbers_without_a_verdict_are_listed(staff: Client, customer: Customer, vies: FakeVies) -> None:
    vies.answers[FR] = "VAT_BLOCKED"
    staff.post(path(customer, "verify"))
    page = text(staff.get("/settings/vat"))
    assert "Without a verdict" in page and "VIES has blocked questions about this number." in page
    assert "No verdict" in card(staff, customer)


def test_who_may(customer: Customer) -> None:
    organization = customer.organization
    may_edit = {"admin": 302, "finance": 403, "manager": 302, "support": 403, "stranger": 404}
    assert statuses(organization, path(customer, "clear"), {}) == may_edit
    assert statuses(organization, path(customer, "opt-in"), {}) == may_edit
    seen = {role: 200 if code == 302 else code for role, code in may_edit.items()}
    assert statuses(organization, path(customer, "override")) == seen
    settings = {"admin": 200, "finance": 200, "manager": 200, "support": 403, "stranger": 200}
    assert statuses(organization, "/settings/vat") == settings


def test_the_queries_of_the_settings_do_not_grow(staff: Client, customer: Customer) -> None:
    queries(staff, "/settings/vat")  # the first one of a session writes it
    first = queries(staff, "/settings/vat")
    for _ in range(5):
        make_customer(customer.organization, tax_id=FR, country="FR")
    assert queries(staff, "/settings/vat") == first
