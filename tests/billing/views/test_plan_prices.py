"""The pages of a plan's prices in other currencies: add, change, remove, errors at their cells, strangers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.actions.charge_terms import FilterTerms
from billing.models import ChargePrice, Organization, PlanPrice
from tests.billing.views.test_plans import HTMX, error_at
from tests.factories.catalog import GRADUATED, charge, make_metric, make_plan, subscribe
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
PERCENTAGE = {"rate": "2.5", "fixedAmount": "0.30", "freeUnitsPerEvents": 3}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme))


@pytest.fixture
def plan(acme: Organization) -> Any:
    """A tiered, a percentage and a dynamic charge in euro."""
    return make_plan(
        acme,
        [
            charge(make_metric(acme, "calls"), "graduated", GRADUATED),
            charge(make_metric(acme, "volume"), "percentage", PERCENTAGE),
            charge(make_metric(acme, "own"), "dynamic", {}),
        ],
        name="Pro",
    )


def cells(plan: Any, **values: str) -> dict[str, str]:
    """The form's inputs: `calls__price_0="1"`."""
    keys = {row.metric.code: f"charge-{row.pk.hex}" for row in plan.charges.select_related("metric")}
    return {f"{keys[name.split('__')[0]]}-{name.split('__')[1]}": value for name, value in values.items()}


def test_a_currency_is_added_with_tiers_and_shown(admin: Client, plan: Any) -> None:
    html = admin.get(f"/plans/{plan.public_id}/prices/add").content.decode()
    assert "0 to 1,000 units" in html
    assert 'value="2.5"' in html, "the rate is no money"
    typed = {"currency": "JPY", "amount": "4500", "commitment": "9000"}
    typed |= cells(
        plan, calls__price_0="15", calls__price_1="8", calls__flat_1="700", calls__min_amount="500"
    )
    typed |= cells(plan, volume__rate="2.5", volume__fixed_amount="40")
    response = admin.post(f"/plans/{plan.public_id}/prices/add", typed)
    assert (response.status_code, response["Location"]) == (302, f"/plans/{plan.public_id}")
    price = PlanPrice.objects.get()
    assert (price.currency, price.amount_minor, price.commitment_minor) == ("JPY", 4500, 9000)
    tiered, share = ChargePrice.objects.order_by("charge__position")
    assert tiered.properties["graduatedRanges"] == [
        {"fromValue": 0, "toValue": 1000, "perUnitAmount": "15", "flatAmount": "0"},
        {"fromValue": 1001, "toValue": None, "perUnitAmount": "8", "flatAmount": "700"},
    ]
    assert (tiered.min_amount_minor, share.properties["fixedAmount"]) == (500, "40")
    assert share.properties["freeUnitsPerEvents"] == 3
    html = admin.get(f"/plans/{plan.public_id}").content.decode()
    for text in ("JPY\u00a04,500", "¥15", "¥700", "no price yet"):
        assert (text in html) == (text != "no price yet"), text
    page = admin.get(f"/plans/{plan.public_id}/prices/JPY").content.decode()
    assert 'value="4500"' in page
    assert 'value="700"' in page
    again = admin.post(f"/plans/{plan.public_id}/prices/JPY", typed | {"amount": "4600"})
    assert again.status_code == 302
    price.refresh_from_db()
    assert price.amount_minor == 4600


def test_a_charge_left_empty_has_no_price_and_is_named(admin: Client, plan: Any) -> None:
    typed = {"currency": "USD", "amount": "30"} | cells(plan, volume__rate="2.5", volume__fixed_amount="0.35")
    assert admin.post(f"/plans/{plan.public_id}/prices/add", typed).status_code == 302
    html = admin.get(f"/plans/{plan.public_id}").content.decode()
    assert "Calls: no price" in html
    assert "no price yet" in html


def test_errors_stand_at_their_cells(admin: Client, plan: Any) -> None:
    typed = {"currency": "JPY", "amount": "12.5", "commitment": "x"}
    typed |= cells(plan, calls__price_0="a", calls__price_1="1", volume__rate="200", volume__min_amount="1.5")
    response = admin.post(f"/plans/{plan.public_id}/prices/add", typed)
    html = response.content.decode()
    assert response.status_code == 422
    names = cells(plan, calls__price_0="", volume__min_amount="")
    assert error_at(html, "amount") == "JPY has no decimals, like 1200."
    assert error_at(html, "commitment") == "Use digits and a point for decimals, like 1200."
    assert [error_at(html, name) for name in names] == [
        "Use digits and a point, like 0.05.",
        "JPY has no decimals, like 1200.",
    ]
    assert 'value="12.5"' in html
    assert not PlanPrice.objects.exists()


def test_an_unused_price_is_removed_a_used_one_stays(admin: Client, plan: Any) -> None:
    typed = {"currency": "JPY", "amount": "1"}
    admin.post(f"/plans/{plan.public_id}/prices/add", typed)
    row = subscribe(plan)
    row.currency = "JPY"
    row.save()
    path = f"/plans/{plan.public_id}/prices/JPY/remove"
    dialog = admin.get(path, headers=HTMX | {"HX-Target": "dialog"}).content.decode()
    assert "stay" in dialog
    assert "<form" not in dialog
    assert admin.post(path).status_code == 422
    row.currency = "EUR"
    row.save()
    assert admin.post(path).status_code == 302
    assert not PlanPrice.objects.exists()
    assert admin.get(path).status_code == 404


def test_viewers_and_strangers(client: Client, acme: Organization, plan: Any) -> None:
    PlanPrice.objects.create(organization=acme, plan=plan, currency="JPY", amount_minor=1)
    paths = [f"/plans/{plan.public_id}/prices/{tail}" for tail in ("add", "JPY", "JPY/remove")]
    viewer = sign_in(client, make_member(acme, "support"))
    assert [viewer.get(path).status_code for path in paths] == [403] * 3
    stranger = sign_in(client, make_member(make_organization("Other")))
    assert [stranger.get(path).status_code for path in paths] == [404] * 3


def test_a_filter_has_cells_of_its_own(admin: Client, acme: Organization) -> None:
    metric = make_metric(acme, "calls", filters=[{"key": "region", "values": ["eu", "us"]}])
    rows = [FilterTerms({"region": [one]}, {"amount": "2"}) for one in ("eu", "us")]
    plan = make_plan(acme, [charge(metric, filters=rows)])
    typed = {"currency": "USD", "amount": "45"} | cells(plan, calls__amount="3")
    path = f"/plans/{plan.public_id}/prices/add"
    wrong = admin.post(path, typed | cells(plan, **{"calls__filter-0-amount": "x"}))
    key = f"charge-{plan.charges.get().pk.hex}-filter-0-amount"
    assert error_at(wrong.content.decode(), key) == "Use digits and a point, like 0.05."
    admin.post(path, typed | cells(plan, **{"calls__filter-0-amount": "5"}))
    stored = ChargePrice.objects.get()
    assert (stored.properties, stored.filters) == (
        {"amount": "3"},
        [{"values": {"region": ["eu"]}, "properties": {"amount": "5"}}],
    )
    html = admin.get(f"/plans/{plan.public_id}/prices/USD").content.decode()
    assert f'name="{key}" value="5"' in html
    assert "In USD" in admin.get(f"/plans/{plan.public_id}").content.decode()
