"""The Activity tab: filters in the address, days, places, and values in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import AuditEntry, Organization
from billing.orm.fields import new_id
from customers.models import Customer
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, text
from tests.factories.people import NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> Customer:
    return make_customer(make_organization(), currency="EUR")


@pytest.fixture
def staff(client: Client, customer: Customer) -> Client:
    return sign_in(client, make_member(Organization.objects.get(pk=customer.organization_id)))


def entry(customer: Customer, label: str, **given: object) -> AuditEntry:
    values: dict[str, object] = {
        "at": NOW,
        "action": "wallet.updated",
        "actor_kind": "user",
        "actor_label": "Ada",
        "subject_type": "wallet",
        "subject_id": customer.pk,
        "customer": customer,
        "organization_id": customer.organization_id,
        "reason": label,
    }
    return AuditEntry.objects.create(**values | given)


def test_kind_person_and_days_narrow_and_have_chips(staff: Client, customer: Customer) -> None:
    entry(customer, "first-one")
    entry(customer, "second-one", subject_type="invoice", actor_label="Bob", at=NOW - timedelta(days=3))
    root = f"/customers/{customer.public_id}/activity"
    for query, seen, gone in (
        ("kind=invoice", "second-one", "first-one"),
        ("person=Ada", "first-one", "second-one"),
        (f"from={(NOW - timedelta(days=1)).date()}", "first-one", "second-one"),
        (f"to={(NOW - timedelta(days=2)).date()}", "second-one", "first-one"),
    ):
        page = text(staff.get(f"{root}?{query}", headers=htmx("activity-table")))
        assert seen in page and gone not in page and "<title>" not in page, query
    page = text(staff.get(f"{root}?kind=invoice&from=nonsense"))
    assert 'value="invoice" selected' in page and "second-one" in page
    assert "No entry matches" in text(staff.get(f"{root}?person=Nobody"))


def test_the_list_goes_on_at_a_place(staff: Client, customer: Customer) -> None:
    for number in range(35):
        entry(customer, f"mark-{number:02}.", at=NOW + timedelta(minutes=number))
    root = f"/customers/{customer.public_id}/activity"
    answer = staff.get(f"{root}?kind=wallet")
    first = text(answer)
    assert "mark-34." in first and "mark-05." in first and "mark-04." not in first
    second = text(staff.get(root + answer.context["older_url"]))
    assert "mark-04." in second and "mark-00." in second and "mark-05." not in second
    assert "mark-34." in text(staff.get(f"{root}?kind=wallet&before=nonsense"))


def test_values_are_in_words(staff: Client, customer: Customer) -> None:
    changes = {
        "status": ["active", "terminated"],
        "primary": [False, True],
        "expires_on": [None, "2026-03-01"],
        "limit_minor": [0, 123456],
    }
    entry(customer, "", changes=changes)
    page = text(staff.get(f"/customers/{customer.public_id}/activity"))
    for shown in ("Active", "Terminated", "Yes", "1 Mar 2026", "1,234.56"):
        assert shown in page, shown
    assert ">active<" not in page and "2026-03-01" not in page


def test_a_stranger_finds_nothing(client: Client, customer: Customer) -> None:
    sign_in(client, make_member(make_organization()))
    assert client.get(f"/customers/{customer.public_id}/activity").status_code == 404


def test_an_entry_leads_to_what_it_is_about(staff: Client, customer: Customer) -> None:
    key = new_id()
    entry(customer, "to-a-wallet", subject_label="EUR wallet", subject_id=key)
    entry(customer, "to-nothing", subject_type="metric", subject_label="Calls", subject_id=key)
    page = text(staff.get(f"/customers/{customer.public_id}/activity"))
    assert f'<a href="{reverse("wallet", args=[key])}">EUR wallet</a>' in page
    assert "· Calls<" in page
