"""Campaigns in the settings with their preview, and what a customer's page says of its chase."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from billing.models import Organization
from customers.models import Customer
from invoicing.actions.dunning import run
from invoicing.actions.dunning_campaigns import choose_campaign
from invoicing.models import DunningCampaign, DunningChoice
from tests.factories.invoicing import on, set_entity
from tests.factories.overdue import make_debtor, owe
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.invoicing.actions.test_dunning import HARD, make_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_debtor(organization)


@pytest.fixture
def admin(organization: Organization) -> Client:
    return sign_in(Client(), make_member(organization, "admin"))


def text(response: Any) -> str:
    return " ".join(re.sub(r"</?span[^>]*>", "", response.content.decode()).split())


def rows(prefix: str, *values: dict[str, str]) -> dict[str, str]:
    """A formset as a browser sends it."""
    found = {f"{prefix}-TOTAL_FORMS": str(len(values)), f"{prefix}-INITIAL_FORMS": "0"}
    for number, row in enumerate(values):
        found |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return found


def given(organization: Organization, **fields: Any) -> dict[str, Any]:
    """A whole form."""
    data = {
        "name": "Usual reminders",
        "code": "usual",
        "first_day": "0",
        "days_between": "7",
        "max_attempts": "2",
        "defaults": [set_entity(organization).public_id],
        "active": "on",
    }
    thresholds = rows("thresholds", {"currency": "EUR", "amount": "50.00"}, {"currency": "", "amount": ""})
    return data | thresholds | rows("steps", {"day": "21", "kind": "pause"}) | fields


def test_a_campaign_is_previewed_made_changed_and_given_up(
    admin: Client, organization: Organization, customer: Customer
) -> None:
    owe(customer, 100)
    assert "No campaign yet" in text(admin.get("/settings/dunning"))
    piece = {"HX-Request": "true", "HX-Target": "dunning-preview"}
    looked = text(admin.post("/settings/dunning/add", given(organization), headers=piece))
    assert "Globex" in looked and "EUR 100.00" in looked and "1 reminder" in looked and "1 paused" in looked
    assert "<form" not in looked and not DunningCampaign.objects.exists()

    wrong = admin.post("/settings/dunning/add", given(organization, **{"steps-0-day": "7"}))
    assert wrong.status_code == 422 and "Day 7 has another step already" in text(wrong)
    twice = rows("thresholds", {"currency": "EUR", "amount": "5"}, {"currency": "EUR", "amount": "6"})
    assert "Name each currency once" in text(admin.post("/settings/dunning/add", given(organization) | twice))
    assert not DunningCampaign.objects.exists()

    for _ in range(2):
        made = admin.post("/settings/dunning/add", given(organization, once="campaign-add"))
        row = DunningCampaign.objects.get()
        assert made["Location"] == reverse("dunning-campaign", args=[row])
    assert row.thresholds == {"EUR": 5000} and row.escalation == [{"day": 21, "kind": "pause"}]
    page = text(admin.get(reverse("dunning-campaign", args=[row])))
    assert "Day 21" in page and "Globex" in page and "What comes" in page
    assert "usual" in text(admin.get("/settings/dunning"))

    edit = reverse("dunning-edit", args=[row])
    assert 'value="50.00"' in text(admin.get(edit))
    kept = {"thresholds-INITIAL_FORMS": "1", "steps-INITIAL_FORMS": "1"}
    changed = given(organization, max_attempts="3", active="") | kept
    assert admin.post(edit, changed).status_code == 302
    row.refresh_from_db()
    assert (row.max_attempts, row.active) == (3, False)
    switch = reverse("dunning-switch", args=[row])
    assert "Globex" in text(admin.get(switch))
    assert admin.post(switch, {"active": "1", "once": "campaign-on"}).status_code == 302
    row.refresh_from_db()
    assert row.active
    delete = reverse("dunning-delete", args=[row])
    choose_campaign(customer, row, by=ACTOR, at=NOW)
    asked = text(admin.get(delete))
    assert "are not chased any more" in asked and "1 customer that has chosen it is chased by" in asked
    assert admin.post(delete, {"once": "campaign-delete"}).status_code == 302
    assert admin.get(reverse("dunning-campaign", args=[row])).status_code == 404


def test_only_who_may_and_only_their_own(organization: Organization) -> None:
    row = make_campaign(organization)
    manager = sign_in(Client(), make_member(organization, "manager"))
    assert manager.get(reverse("dunning-campaign", args=[row])).status_code == 200
    assert manager.get(reverse("dunning-edit", args=[row])).status_code == 403
    stranger = sign_in(Client(), make_member(make_organization("Other"), "admin"))
    for name in ("dunning-campaign", "dunning-edit", "dunning-switch", "dunning-delete"):
        assert stranger.get(reverse(name, args=[row])).status_code == 404
    assert row.name not in text(stranger.get("/settings/dunning"))


def test_the_customers_page_says_where_its_chase_stands(
    admin: Client, customer: Customer, django_assert_max_num_queries: Any
) -> None:
    campaign = make_campaign(customer.organization, HARD)
    owe(customer, 100)
    run(Q(), on(2026, 4, 1, 9))
    home = reverse("customer", args=[customer])
    stop, resume = (reverse(f"customer-dunning-{name}", args=[customer]) for name in ("stop", "resume"))
    for path in (home, reverse("customer-invoices", args=[customer])):
        page = text(admin.get(path))
        assert "1 of 3 steps done. Next: pause subscriptions on" in page and "(step 2 of 3)" in page
        assert stop in page
    dialog = text(admin.get(stop))
    assert "Pause subscriptions" in dialog and "End subscriptions" in dialog
    assert admin.post(stop, {"reason": "They called", "once": "chase-stop"}).status_code == 302
    page = text(admin.get(home))
    assert "They called" in page and resume in page and stop not in page
    settings = text(admin.get(reverse("customer-settings", args=[customer])))
    assert "They called" in settings and campaign.name in settings
    assert admin.post(resume).status_code == 302
    assert stop in text(admin.get(home))

    own = make_campaign(customer.organization, code="own", usual=False)
    choose = reverse("customer-dunning", args=[customer])
    assert "Same as the billing entity (Usual)" in text(admin.get(choose))
    assert admin.post(choose, {"campaign": "nonsense"}).status_code == 422
    assert admin.post(choose, {"campaign": own.public_id}).status_code == 302
    assert DunningChoice.objects.get().campaign == own
    assert "otherwise Usual" in text(admin.get(reverse("customer-settings", args=[customer])))
    with django_assert_max_num_queries(12):
        admin.get(reverse("dunning-campaign", args=[campaign]))
    support = sign_in(Client(), make_member(customer.organization, "support"))
    assert support.get(stop).status_code == support.post(resume).status_code == 403
    assert stop not in text(support.get(home))
