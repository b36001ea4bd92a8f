"""Coupon pages: list, drawer, view, the two ends, roles, strangers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client

from billing.actions.coupon_terms import terminate_coupon
from billing.actions.coupons import apply_coupon
from billing.models import AppliedCoupon, Coupon, Organization
from tests.factories.catalog import make_coupon, make_metric, make_plan, subscribe
from tests.factories.pages import queries
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization(timezone="Europe/Berlin")


@pytest.fixture
def manager(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme, "manager"))


def fields(**more: str) -> dict[str, str]:
    """A valid form: 10 percent once."""
    return {
        "name": "Ten",
        "code": "ten",
        "kind": "percentage",
        "percentage": "10",
        "frequency": "once",
        "applies_to": "everything",
        **more,
    }


def test_a_percentage_until_a_local_day(manager: Client) -> None:
    response = manager.post("/coupons/add", fields(last_day="2099-06-30", amount="5", currency="EUR"))
    coupon = Coupon.objects.get()
    assert response["Location"] == f"/coupons/{coupon.public_id}"
    assert (coupon.percentage, coupon.amount_minor, coupon.currency) == (Decimal(10), None, "")
    assert coupon.expires_at == datetime(2099, 6, 30, 22, tzinfo=UTC)
    assert coupon.reusable is False
    html = manager.get(f"/coupons/{coupon.public_id}").content.decode()
    assert "30 Jun 2099" in html
    assert 'value="2099-06-30"' in manager.get(f"/coupons/{coupon.public_id}/edit").content.decode()


def test_a_fixed_amount_in_yen_for_three_invoices(manager: Client) -> None:
    data = fields(kind="fixed_amount", amount="500", currency="JPY", frequency="recurring", periods="3")
    assert manager.post("/coupons/add", data | {"percentage": "", "reusable": "on"}).status_code == 302
    coupon = Coupon.objects.get()
    assert (coupon.amount_minor, coupon.currency, coupon.periods, coupon.reusable) == (500, "JPY", 3, True)
    assert "JPY\u00a0500</span> off 3 invoices" in manager.get("/coupons").content.decode()


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"percentage": ""}, "percentage"),
        ({"percentage": "0"}, "percentage"),
        ({"percentage": "101"}, "percentage"),
        ({"kind": "fixed_amount", "amount": "", "currency": "EUR"}, "amount"),
        ({"kind": "fixed_amount", "amount": "0", "currency": "EUR"}, "amount"),
        ({"kind": "fixed_amount", "amount": "1.5", "currency": "JPY"}, "amount"),
        ({"kind": "fixed_amount", "amount": "1", "currency": ""}, "currency"),
        ({"frequency": "recurring"}, "periods"),
        ({"frequency": "recurring", "periods": "0"}, "periods"),
        ({"last_day": "2020-01-01"}, "last_day"),
        ({"name": ""}, "name"),
        ({"applies_to": "plans"}, "plans"),
        ({"applies_to": "metrics", "metrics": "nonsense"}, "metrics"),
        ({"applies_to": ""}, "applies_to"),
    ],
)
def test_terms_that_are_not_whole_are_told_at_the_field(
    manager: Client, more: dict[str, str], field: str
) -> None:
    response = manager.post("/coupons/add", fields(**more))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Coupon.objects.exists()


def test_terms_are_locked_once_given_and_both_ends_say_what_happens(
    manager: Client, acme: Organization
) -> None:
    coupon = make_coupon(acme, "ten", name="<i>Ten")
    customer = subscribe(make_plan(acme)).customer
    applied = apply_coupon(customer, coupon, by=ACTOR, at=NOW)
    path = f"/coupons/{coupon.public_id}"
    html = manager.get(path).content.decode()
    assert customer.name in html
    assert "<i>Ten" not in html
    assert manager.post(f"{path}/edit", fields(name="Tenner", percentage="50", code="x")).status_code == 302
    coupon.refresh_from_db()
    assert (coupon.name, coupon.percentage, coupon.code) == ("Tenner", 10, "ten")
    assert "1 customer who has it keeps it" in manager.get(f"{path}/terminate").content.decode()
    assert manager.post(f"{path}/terminate").status_code == 302
    assert [row.status for row in manager.get("/coupons?status=ended").context["page"]] == ["terminated"]
    assert "<b>1 customer</b> will lose" in manager.get(f"{path}/delete").content.decode()
    assert manager.post(f"{path}/delete").status_code == 302
    applied.refresh_from_db()
    assert applied.status == "terminated"
    assert manager.get(path).status_code == 404


def test_limits_are_chosen_shown_and_counted_once(manager: Client, acme: Organization) -> None:
    pro, metric = make_plan(acme, name="<b>Pro"), make_metric(acme, name="API calls")
    secret = make_plan(make_organization("Other"), name="Secret")
    assert "Secret" not in manager.get("/coupons/add").content.decode()
    foreign = fields(applies_to="plans", plans=str(secret.pk))
    assert "plans" in manager.post("/coupons/add", foreign).context["form"].errors
    body = fields(applies_to="plans", plans=str(pro.pk), metrics=str(metric.pk))
    assert manager.post("/coupons/add", body).status_code == 302
    coupon = Coupon.objects.get()
    assert (list(coupon.plans.all()), list(coupon.metrics.all())) == ([pro], [])
    path = f"/coupons/{coupon.public_id}"
    for page in (path, "/coupons"):
        html = manager.get(page).content.decode()
        assert "&lt;b&gt;Pro" in html and "<b>Pro" not in html
    one = queries(manager, "/coupons")
    for number in range(4):
        make_coupon(acme, plans=[make_plan(acme, name=f"Plan {number}")])
    assert queries(manager, "/coupons") == one
    assert manager.post(f"{path}/edit", body | {"applies_to": "metrics"}).status_code == 302
    assert "Usage of API calls" in manager.get(path).content.decode()
    form = manager.get(f"{path}/edit").context["form"]
    assert (form["applies_to"].value(), form["metrics"].value()) == ("metrics", [metric.pk])
    assert manager.post(f"{path}/edit", body | {"applies_to": "everything"}).status_code == 302
    assert not coupon.metrics.exists() and not coupon.plans.exists()


def test_the_list_filters(manager: Client, acme: Organization) -> None:
    make_coupon(acme, "one", name="Spring")
    terminate_coupon(make_coupon(acme, "two", name="Autumn"), by=ACTOR, at=NOW)
    make_coupon(make_organization("Other"), name="Secret")
    for query, names in (("", {"Spring", "Autumn"}), ("status=active", {"Spring"}), ("q=AUT", {"Autumn"})):
        assert {row.name for row in manager.get(f"/coupons?{query}").context["page"]} == names


def test_strangers_and_roles(client: Client, acme: Organization) -> None:
    coupon = make_coupon(acme)
    sign_in(client, make_member(make_organization("Other")))
    for end in ("", "/edit", "/terminate", "/delete"):
        assert client.get(f"/coupons/{coupon.public_id}{end}").status_code == 404
    for role, status in (("admin", 200), ("manager", 200), ("finance", 403), ("support", 403)):
        sign_in(client, make_member(acme, role))
        assert client.get(f"/coupons/{coupon.public_id}").status_code == 200
        for end in ("edit", "terminate", "delete"):
            assert client.get(f"/coupons/{coupon.public_id}/{end}").status_code == status, (role, end)
    assert not AppliedCoupon.objects.exists()
