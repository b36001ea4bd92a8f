"""Changing the prices of a plan in use on the pages: the question, its figures, two tabs, the run, the versions."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.actions import price_changes
from billing.actions.charges import PricedIn
from billing.actions.own_terms import agree_on
from billing.actions.plan_prices import PriceTerms, add_price
from billing.models import FixedCharge, Job, Organization, Plan, PlanVersion, PriceChange, Subscription
from billing.queries.own_terms import OwnTerms
from customers.actions.assign import assign_plan
from tests.billing.views.test_fixed_charges import fields as fixed_fields
from tests.billing.views.test_plans import HTMX
from tests.factories.catalog import charge, make_add_on, make_metric
from tests.factories.invoicing import billed_customer, make_plan
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme))


@pytest.fixture
def plan(acme: Organization) -> Plan:
    """31.00 and 0.10 a unit, in arrears; one subscription, since yesterday, used 10 units."""
    plan = make_plan(acme, 3100, charge(make_metric(acme, "calls")))
    subscribed(plan, units=10)
    return plan


def subscribed(plan: Plan, units: int = 0, **customer: Any) -> Subscription:
    begun = timezone.now() - timedelta(days=1)
    row = assign_plan(billed_customer(plan.organization, **customer), plan, by=ACTOR, at=begun)
    if units:
        use(row, plan.charges.kept().get().metric, units, at=begun + timedelta(hours=1))
    return row


def form(plan: Plan, amount: str = "40", unit: str = "0.20", **more: str) -> dict[str, str]:
    """What the plan's form sends."""
    row = plan.charges.kept().get()
    return {
        "name": plan.name,
        "amount": amount,
        "commitment": "",
        "charges-TOTAL_FORMS": "1",
        "charges-INITIAL_FORMS": "0",
        "charges-0-id": row.pk.hex,
        "charges-0-metric": row.metric_id.hex,
        "charges-0-charge_model": "standard",
        "charges-0-amount": unit,
    } | more


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def carry_out() -> None:
    for job in Job.objects.filter(task=price_changes.TASK, state="queued"):
        price_changes.carry_out(job)
        Job.objects.filter(pk=job.pk).update(state="succeeded")


def test_other_prices_are_asked_about_with_figures_and_nothing_is_written(admin: Client, plan: Plan) -> None:
    """The fee costs 9.00 more, 10 units 1.00 more: 10.00 in the running period now, and in each later one."""
    response = admin.post(f"/plans/{plan.public_id}/edit", form(plan))
    assert response.status_code == 200
    text = words(response.content.decode())
    assert "1 subscription runs or is planned on" in text
    assert "Subscription fee €31.00 €40.00" in text
    assert "Taxes and usage thresholds are not part of this choice: they count at once" in text
    for way, running in (("At renewal", "EUR 0.00"), ("Now", "+ EUR 10.00")):
        found = text[text.index(f" {way} ") :]
        assert f"Running periods {running} · each full period after + EUR 10.00" in found.replace(
            "+EUR", "+ EUR"
        )
    assert "Running periods EUR 0.00 · each full period after EUR 0.00" in text
    plan.refresh_from_db()
    assert (plan.amount_minor, plan.price_version, PlanVersion.objects.count()) == (3100, 1, 0)
    assert 'name="charges-0-amount" value="0.20"' in response.content.decode(), (
        "what was typed is carried along"
    )
    back = admin.post(f"/plans/{plan.public_id}/edit", form(plan, do="back")).content.decode()
    assert 'name="amount" value="40"' in back


def test_the_answer_moves_them_and_the_run_shows_each(admin: Client, plan: Plan) -> None:
    data = form(plan, existing_subscriptions="now", seen_version="1")
    response = admin.post(f"/plans/{plan.public_id}/edit", data)
    change = PriceChange.objects.get()
    assert (response.status_code, response["Location"]) == (
        302,
        f"/plans/{plan.public_id}/price-changes/{change.public_id}",
    )
    page = f"/plans/{plan.public_id}/price-changes/{change.public_id}"
    assert "0 of 1 subscriptions are done" in words(admin.get(page).content.decode())
    carry_out()
    text = words(admin.get(page, headers={**HTMX, "HX-Target": "price-change"}).content.decode())
    assert "All 1 subscription was looked at" in text
    assert "Moved €31.00 €40.00" in text
    versions = words(admin.get(f"/plans/{plan.public_id}/versions").content.decode())
    assert re.search(r"Version 2 .* Counts now 1 subscription ", versions)
    assert "Version 1" in versions
    assert "0 subscriptions" in versions
    assert "Subscription fee €31.00 €40.00" in versions


def test_those_with_own_terms_are_said_to_stay(admin: Client, plan: Plan) -> None:
    """The figures are of the other one; the plan's page marks the one that stays, and its terms do not move."""
    deal = subscribed(plan)
    agree_on(deal, OwnTerms(amount_minor=2000), by=ACTOR, at=timezone.now())
    path = f"/plans/{plan.public_id}"
    asked = words(admin.post(f"{path}/edit", form(plan)).content.decode())
    assert "1 subscription runs or is planned" in asked
    assert "1 more has terms of its own and stays as it is." in asked
    admin.post(f"{path}/edit", form(plan, existing_subscriptions="now"))
    carry_out()
    fees = dict(Subscription.objects.values_list("pk", "amount_minor"))
    assert fees.pop(deal.pk) == 2000 and list(fees.values()) == [4000]
    assert words(admin.get(f"{path}/subscriptions").content.decode()).count("own terms") == 1


def test_names_alone_are_not_asked_about(admin: Client, plan: Plan) -> None:
    data = form(plan, amount="31", unit="0.10") | {"name": "Other"}
    assert admin.post(f"/plans/{plan.public_id}/edit", data).status_code == 302
    plan.refresh_from_db()
    assert (plan.name, plan.price_version) == ("Other", 1)


def test_a_second_tab_has_to_look_again(admin: Client, plan: Plan) -> None:
    """Both tabs have asked about version 1; the first says never. The second's answer is refused, then asked anew."""
    path = f"/plans/{plan.public_id}/edit"
    first = form(plan, existing_subscriptions="never", seen_version="1")
    second = form(plan, "50", existing_subscriptions="now", seen_version="1")
    assert admin.post(path, first).status_code == 302
    refused = admin.post(path, second)
    assert refused.status_code == 422
    assert "The prices have changed meanwhile" in words(refused.content.decode())
    plan.refresh_from_db()
    assert (plan.amount_minor, plan.price_version) == (4000, 2)
    asked = words(admin.post(path, form(plan, "50")).content.decode())
    assert "Subscription fee €40.00 €50.00" in asked
    assert admin.post(path, second | {"seen_version": "2"}).status_code == 302
    assert PriceChange.objects.get().version == 3


def test_what_fails_is_shown_mended_and_tried_again(admin: Client, acme: Organization, plan: Plan) -> None:
    """Seats come without a price in yen: the yen subscription stays, until the price is there."""
    key = plan.charges.get().pk
    add_price(
        plan, PriceTerms("JPY", 3000, 0, {key: PricedIn({"amount": "15"})}), by=ACTOR, at=timezone.now()
    )
    yen = subscribed(plan, currency="JPY")
    seats = make_metric(acme, "seats")
    data = form(plan, "31", "0.10") | {
        "charges-TOTAL_FORMS": "2",
        "charges-1-metric": seats.pk.hex,
        "charges-1-charge_model": "standard",
        "charges-1-amount": "5",
    }
    asked = words(admin.post(f"/plans/{plan.public_id}/edit", data).content.decode())
    assert "1 subscription in JPY cannot follow: Seats has no price there" in asked
    admin.post(f"/plans/{plan.public_id}/edit", data | {"existing_subscriptions": "now", "seen_version": "2"})
    carry_out()
    change = PriceChange.objects.get()
    page = f"/plans/{plan.public_id}/price-changes/{change.public_id}"
    text = words(admin.get(f"{page}?outcome=failed").content.decode())
    assert "Some could not follow" in text
    assert "Seats has no price there" in text
    prices = {"currency": "JPY", "amount": "3000", "commitment": ""}
    for row, unit in zip(plan.charges.kept().order_by("position"), ("15", "700"), strict=True):
        prices[f"charge-{row.pk.hex}-amount"] = unit
    never = {"existing_subscriptions": "never"}
    assert admin.post(f"/plans/{plan.public_id}/prices/JPY", prices | never).status_code == 302
    assert admin.post(f"{page}/again").status_code == 302
    carry_out()
    assert price_changes.outcomes(change) == {"moved": 2}
    yen.refresh_from_db()
    assert yen.price_version == change.version + 1, "the first version that is priced in yen"


def test_fixed_charges_ask_in_their_drawer_and_dialog(admin: Client, acme: Organization, plan: Plan) -> None:
    """5 units at 15.00 in arrears: 75.00 more."""
    seat = make_add_on(acme, "seat")
    path = f"/plans/{plan.public_id}/fixed-charges"
    drawer = {**HTMX, "HX-Target": "drawer"}
    asked = admin.post(f"{path}/add", fixed_fields(seat), headers=drawer).content.decode()
    assert "<!doctype" not in asked
    assert "+EUR 75.00" in words(asked).replace("+ EUR", "+EUR")
    assert not FixedCharge.objects.exists()
    assert admin.post(f"{path}/add", fixed_fields(seat, existing_subscriptions="never")).status_code == 302
    row = FixedCharge.objects.get()
    dialog = {**HTMX, "HX-Target": "dialog"}
    asked = admin.post(f"{path}/{row.public_id}/remove", {}, headers=dialog).content.decode()
    assert 'value="renewal"' in asked
    assert (
        admin.post(f"{path}/{row.public_id}/remove", {"existing_subscriptions": "renewal"}).status_code == 302
    )
    assert not plan.fixed_charges.kept().exists()


def test_pages_are_pinned_and_closed_to_strangers(
    client: Client, admin: Client, plan: Plan, django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        subscribed(plan, external_id=f"more{number}")
    admin.post(f"/plans/{plan.public_id}/edit", form(plan, existing_subscriptions="now"))
    carry_out()
    change = PriceChange.objects.get()
    paths = (f"/plans/{plan.public_id}/versions", f"/plans/{plan.public_id}/price-changes/{change.public_id}")
    for path in paths:
        admin.get(path)
        with django_assert_max_num_queries(16):
            assert admin.get(path).status_code == 200
    other = make_plan(plan.organization, 100)
    assert admin.get(f"/plans/{other.public_id}/price-changes/{change.public_id}").status_code == 404
    sign_in(client, make_member(make_organization("Other")))
    for path in paths:
        assert client.get(path).status_code == 404
    assert client.post(f"{paths[1]}/again").status_code == 404
