"""A plan's usage thresholds in their drawer: entered, shown, refused, closed to strangers."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.models import Organization, UsageThreshold
from tests.factories.catalog import make_plan, subscribe
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme))


def rows(*typed: tuple[str, str], recurring: str = "") -> dict[str, str]:
    data = {"rows-TOTAL_FORMS": str(len(typed)), "rows-INITIAL_FORMS": "0", "recurring": recurring}
    for index, (amount, name) in enumerate(typed):
        data |= {f"rows-{index}-amount": amount, f"rows-{index}-name": name}
    return data


def test_they_are_entered_shown_and_replaced(admin: Client, acme: Organization) -> None:
    plan = make_plan(acme)
    subscribe(plan)
    path = f"/plans/{plan.public_id}/thresholds"
    assert "subscription has this plan" in admin.get(path).content.decode()
    response = admin.post(path, rows(("50", "First"), ("200.50", ""), recurring="100"))
    assert (response.status_code, response["Location"]) == (302, f"/plans/{plan.public_id}")
    found = UsageThreshold.objects.filter(plan=plan).order_by("recurring", "amount_minor")
    assert list(found.values_list("amount_minor", "name", "recurring")) == [
        (5000, "First", False),
        (20050, "", False),
        (10000, "", True),
    ]
    page = admin.get(f"/plans/{plan.public_id}").content.decode()
    for text in ("First", "€50.00", "€200.50", "Then every", "€100.00"):
        assert text in page
    form = admin.get(path).content.decode()
    assert 'value="200.50"' in form
    assert admin.post(path, rows()).status_code == 302
    assert not UsageThreshold.objects.exists()


@pytest.mark.parametrize(
    "data", [rows(("x", "")), rows(("50", ""), ("50", "")), rows(("50", ""), recurring="nothing")]
)
def test_what_makes_no_sense_stays_in_the_form(
    admin: Client, acme: Organization, data: dict[str, str]
) -> None:
    plan = make_plan(acme)
    assert admin.post(f"/plans/{plan.public_id}/thresholds", data).status_code == 422
    assert not UsageThreshold.objects.exists()


def test_strangers_and_readers_are_kept_out(client: Client, acme: Organization) -> None:
    path = f"/plans/{make_plan(acme).public_id}/thresholds"
    assert sign_in(client, make_member(make_organization("Other"))).get(path).status_code == 404
    assert sign_in(client, make_member(acme, "support")).post(path, rows(("50", ""))).status_code == 403
    assert not UsageThreshold.objects.exists()
