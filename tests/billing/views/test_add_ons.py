"""Add-on pages: list, drawer with prices in other currencies, detail, roles, strangers, queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import AddOn, Organization
from tests.billing.views.test_plans import HTMX, error_at
from tests.factories.catalog import make_add_on, make_tax
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme))


def fields(*prices: tuple[str, str], **more: Any) -> dict[str, Any]:
    """What the drawer sends."""
    data: dict[str, Any] = {"name": "Set-up", "code": "", "amount": "99.50", "currency": "EUR"}
    data |= {"prices-TOTAL_FORMS": str(len(prices) + 1), "prices-INITIAL_FORMS": "0"}
    for index, (code, amount) in enumerate(prices):
        data |= {f"prices-{index}-code": code, f"prices-{index}-amount": amount}
    return data | more


def test_an_add_on_is_created_changed_and_deleted_in_the_drawer(admin: Client, acme: Organization) -> None:
    vat = make_tax(acme, "vat")
    drawer = admin.get("/add-ons/add", headers=HTMX | {"HX-Target": "drawer"}).content.decode()
    assert "<html" not in drawer
    assert admin.post("/add-ons/add", fields(("USD", "110"), taxes=[str(vat.pk)])).status_code == 302
    row = AddOn.objects.get()
    assert (row.code, row.amount_minor, row.prices.get().amount_minor) == ("set_up", 9950, 11000)
    html = admin.get(f"/add-ons/{row.public_id}").content.decode()
    for text in ("€99.50", "$110.00", "Not billed yet", "Add-on created"):
        assert text in html
    assert "Set-up" in admin.get("/add-ons?q=set").content.decode()
    assert "No add-on found" in admin.get("/add-ons?q=zzz").content.decode()
    form = admin.get(f"/add-ons/{row.public_id}/edit").content.decode()
    assert 'value="110.00"' in form
    changed = fields(("USD", "120"), ("JPY", "15000"), name="Set up")
    assert admin.post(f"/add-ons/{row.public_id}/edit", changed).status_code == 302
    assert {price.currency: price.amount_minor for price in row.prices.all()} == {"USD": 12000, "JPY": 15000}
    dialog = admin.get(
        f"/add-ons/{row.public_id}/delete", headers=HTMX | {"HX-Target": "dialog"}
    ).content.decode()
    assert "stands on no invoice" in dialog
    assert admin.post(f"/add-ons/{row.public_id}/delete").status_code == 302
    assert admin.get(f"/add-ons/{row.public_id}").status_code == 404


def test_errors_stand_at_their_cells(admin: Client) -> None:
    typed = fields(("JPY", "1.5"), ("", "3"), ("USD", "1"), ("USD", "2"), ("GBP", ""), amount="x")
    answer = admin.post("/add-ons/add", typed)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert error_at(html, "amount") == "Use digits and a point for decimals, like 1200.50."
    assert error_at(html, "prices-0-amount") == "JPY has no decimals, like 1200."
    assert error_at(html, "prices-4-amount") == "Enter a price; 0 is allowed."
    assert "Choose the currency." in html
    assert "There are two prices in USD." in html
    own = admin.post("/add-ons/add", fields(("EUR", "1"))).content.decode()
    assert "The price in EUR is its own." in own
    assert not AddOn.objects.exists()


def test_viewers_and_strangers(client: Client, acme: Organization) -> None:
    row = make_add_on(acme)
    viewer = sign_in(client, make_member(acme, "support"))
    assert viewer.get(f"/add-ons/{row.public_id}").status_code == 200
    for path in ("add", f"{row.public_id}/edit", f"{row.public_id}/delete"):
        assert viewer.get(f"/add-ons/{path}").status_code == 403
    stranger = sign_in(client, make_member(make_organization("Other")))
    for path in (row.public_id, f"{row.public_id}/edit", f"{row.public_id}/delete"):
        assert stranger.get(f"/add-ons/{path}").status_code == 404
    assert row.name not in stranger.get("/add-ons").content.decode()


def test_the_pages_take_the_same_queries_however_much_there_is(
    admin: Client, acme: Organization, django_assert_num_queries: Any
) -> None:
    rows = [make_add_on(acme, taxes=[make_tax(acme)], prices={"USD": 1}) for _ in range(4)]
    admin.get("/add-ons")
    with django_assert_num_queries(6):
        admin.get("/add-ons")
    with django_assert_num_queries(10):
        admin.get(f"/add-ons/{rows[0].public_id}")
