"""The tabs of a subscription's page: each has an address of its own and works as a plain page."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions.alerts import AlertTerms, save_alert
from billing.actions.plan_prices import PriceTerms, add_price
from billing.actions.subscription_terms import update_subscription
from billing.models import Organization, Plan, Subscription
from customers.models import Customer
from invoicing.actions.billing_run import bill_customer
from tests.factories.catalog import make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import on, subscribe
from tests.factories.pages import htmx, queries, statuses, text
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
NOW = on(2026, 3, 10, 9)
TABS = ["", "/plan", "/usage", "/thresholds", "/alerts", "/invoices", "/activity"]


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(sandbox=True)
    organization.clock_at = NOW
    organization.save()
    return organization


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, name="Kampala Tech", currency="EUR", grace_period_days=0)


@pytest.fixture
def plan(organization: Organization) -> Plan:
    metric = make_metric(organization, "calls", "sum")
    return make_plan(organization, [metric], name="Team", currency="EUR", amount_minor=3100)


@pytest.fixture
def row(customer: Customer, plan: Plan) -> Subscription:
    return subscribe(customer, plan, on(2026, 2, 1), external_id="team-1")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


@pytest.mark.parametrize("tab", TABS)
def test_everybody_of_the_organization_may_look(
    organization: Organization, row: Subscription, tab: str
) -> None:
    found = statuses(organization, f"/subscriptions/{row.public_id}{tab}")
    assert found == {"admin": 200, "manager": 200, "finance": 200, "support": 200, "stranger": 404}


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_marks_itself_and_leads_to_the_others(staff: Client, row: Subscription, tab: str) -> None:
    page = text(staff.get(f"/subscriptions/{row.public_id}{tab}"))
    base = f'href="/subscriptions/{row.public_id}'
    assert [f'{base}{one}"' in page for one in TABS] == [True] * len(TABS)
    assert f'{base}{tab}" aria-current="page"' in page
    assert "team-1" in page and page.count("<h1") == 1


def test_the_plan_tab_shows_what_this_one_pays(staff: Client, organization: Organization, plan: Plan) -> None:
    """In dollars, at the plan's price there."""
    metric_free = make_plan(organization, [], name="Flat", currency="EUR", amount_minor=3100)
    add_price(metric_free, PriceTerms("USD", 4500), by=ACTOR, at=NOW)
    abroad = make_customer(organization, currency="USD")
    row = subscribe(abroad, metric_free, on(2026, 3, 1), currency="USD")
    page = text(staff.get(f"/subscriptions/{row.public_id}/plan"))
    assert "45.00" in page and "31.00" not in page


def test_the_usage_tab(staff: Client, customer: Customer, row: Subscription, plan: Plan) -> None:
    bill_customer(customer.pk, by=ACTOR, at=on(2026, 3, 1))
    use(row, plan.charges.get().metric, 40, at=on(2026, 3, 5))
    path = f"/subscriptions/{row.public_id}/usage"
    page = text(staff.get(path))
    assert "Usage so far" in page and "€4.00" in page
    piece = text(staff.get(path, headers=htmx("usage-panel")))
    assert "€4.00" in piece and "<title>" not in piece
    days = text(staff.get(f"{path}?from=2026-03-01&to=2026-03-04"))
    assert "Usage of these days" in days and "€0.00" in days
    assert staff.get(f"{path}?period=nope").status_code == 404


def test_one_that_waits_has_no_usage_yet(staff: Client, customer: Customer, plan: Plan) -> None:
    row = subscribe(customer, plan, NOW, subscription_at=on(2026, 5, 1))
    assert "No usage to show" in text(staff.get(f"/subscriptions/{row.public_id}/usage"))


def test_alerts_and_invoices_and_activity(staff: Client, customer: Customer, row: Subscription) -> None:
    bill_customer(customer.pk, by=ACTOR, at=on(2026, 3, 1))
    terms = AlertTerms("current_usage_amount", "spend", "Spend watch", steps=((Decimal(100), ""),))
    save_alert(row, terms, by=ACTOR, at=NOW)
    update_subscription(row, {"name": "Office"}, by=ACTOR, at=NOW)
    assert "Spend watch" in text(staff.get(f"/subscriptions/{row.public_id}/alerts"))
    invoices = text(staff.get(f"/subscriptions/{row.public_id}/invoices"))
    assert "31.00" in invoices and "No invoices yet" not in invoices
    activity = text(staff.get(f"/subscriptions/{row.public_id}/activity"))
    assert "Subscription updated" in activity and "Office" in activity
    narrowed = text(staff.get(f"/subscriptions/{row.public_id}/activity?from=2026-03-11"))
    assert "Subscription updated" not in narrowed


def test_the_tabs_ask_little(staff: Client, row: Subscription, customer: Customer) -> None:
    bill_customer(customer.pk, by=ACTOR, at=on(2026, 3, 1))
    staff.get(f"/subscriptions/{row.public_id}")
    found = {tab: queries(staff, f"/subscriptions/{row.public_id}{tab}") for tab in TABS}
    assert max(found.values()) <= 14, found


def test_a_charge_explains_itself_also_of_a_deleted_customer(
    staff: Client, customer: Customer, row: Subscription, plan: Plan
) -> None:
    bill_customer(customer.pk, by=ACTOR, at=on(2026, 3, 1))
    use(row, plan.charges.get().metric, 40, at=on(2026, 3, 5))
    Customer.objects.filter(pk=customer.pk).update(deleted_at=NOW)
    tab = staff.get(f"/subscriptions/{row.public_id}/usage")
    link = reverse("subscription-usage-charge", args=[row, plan.charges.get()])
    assert link in text(tab)
    page = text(staff.get(link))
    assert (
        "€4.00" in page and "The sum of the steps" in page and f"/subscriptions/{row.public_id}/usage" in page
    )
    assert "<title>" not in text(staff.get(link, headers=htmx("drawer")))
