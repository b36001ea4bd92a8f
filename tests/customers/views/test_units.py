"""Units of fixed charges on a subscription's page: shown, changed now or later, refused, for others 404."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.actions.fixed_charges import FixedTerms
from billing.models import Organization, Subscription, UnitsChange
from invoicing.models import Invoice
from tests.billing.views.test_plans import HTMX
from tests.factories.catalog import make_add_on
from tests.factories.invoicing import billed_customer, make_plan, subscribe
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


@pytest.fixture
def subscription(organization: Organization) -> Subscription:
    terms = FixedTerms(
        make_add_on(organization, "seat"), properties={"amount": "15"}, units=Decimal(5), pay_in_advance=True
    )
    plan = make_plan(organization, 1000, fixed_charges=[terms])
    return subscribe(billed_customer(organization), plan, timezone.now())


def typed(subscription: Subscription, units: str, start: str = "now") -> dict[str, str]:
    row = subscription.plan.fixed_charges.get()
    return {f"units-{row.pk.hex}": units, "start": start}


def test_units_are_shown_and_changed_with_an_invoice(staff: Client, subscription: Subscription) -> None:
    page = reverse("subscription-plan", args=[subscription.pk])
    assert "Fixed charges" in staff.get(page).content.decode()
    url = reverse("subscription-units", args=[subscription.pk])
    drawer = staff.get(url, headers=HTMX | {"HX-Target": "drawer"}).content.decode()
    assert 'value="5"' in drawer
    assert "<html" not in drawer
    answer = staff.post(url, typed(subscription, "7"), follow=True)
    assert "€30.00 for the added ones" in answer.content.decode()
    assert Invoice.objects.count() == 2
    html = staff.get(page).content.decode()
    assert "own number" in html
    assert staff.post(url, typed(subscription, "9", "next_period")).status_code == 302
    assert ">9</span> from " in staff.get(page).content.decode()
    assert UnitsChange.objects.count() == 2


@pytest.mark.parametrize("units", ["-1", "x", ""])
def test_numbers_that_make_no_sense(staff: Client, subscription: Subscription, units: str) -> None:
    url = reverse("subscription-units", args=[subscription.pk])
    assert staff.post(url, typed(subscription, units)).status_code == 422
    assert not UnitsChange.objects.exists()


def test_others_and_those_who_only_look(
    client: Client, organization: Organization, subscription: Subscription
) -> None:
    url = reverse("subscription-units", args=[subscription.pk])
    stranger = sign_in(client, make_member(make_organization("Other")))
    assert stranger.get(url).status_code == 404
    assert stranger.post(url, typed(subscription, "7")).status_code == 404
    viewer = sign_in(client, make_member(organization, "support"))
    assert viewer.get(url).status_code == 403


def test_the_page_takes_few_queries(
    staff: Client, subscription: Subscription, django_assert_max_num_queries: Any
) -> None:
    url = reverse("subscription", args=[subscription.pk])
    staff.get(url)
    with django_assert_max_num_queries(18):
        staff.get(url)
