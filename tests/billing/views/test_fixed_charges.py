"""The pages of a plan's fixed charges: add with a price or tiers, change, take out, errors, strangers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import FixedCharge, Organization, Plan
from tests.billing.views.test_plans import HTMX, error_at
from tests.factories.catalog import make_add_on, make_plan
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme))


def fields(add_on: Any, *tiers: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """What the drawer sends."""
    data = {
        "add_on": str(add_on.pk),
        "units": "5",
        "charge_model": "standard",
        "amount": "15",
        "pay": "arrears",
    }
    data |= {"tiers-TOTAL_FORMS": str(len(tiers)), "tiers-INITIAL_FORMS": "0"}
    for index, tier in enumerate(tiers):
        for name, value in zip(("to_value", "price", "flat"), tier, strict=True):
            data[f"tiers-{index}-{name}"] = value
    return data | more


def test_a_fixed_charge_is_added_changed_and_taken_out(admin: Client, acme: Organization) -> None:
    plan, seat = make_plan(acme, name="Team"), make_add_on(acme, "seat")
    path = f"/plans/{plan.public_id}"
    assert "Choose an add-on" in admin.get(f"{path}/fixed-charges/add").content.decode()
    data = fields(seat, pay="advance", prorated="on", invoice_display_name="Seats")
    assert admin.post(f"{path}/fixed-charges/add", data).status_code == 302
    row = FixedCharge.objects.get()
    assert (row.units, row.properties, row.pay_in_advance, row.prorated) == (5, {"amount": "15"}, True, True)
    html = admin.get(path).content.decode()
    for text in ("</span> × Seats", "in advance", "by days", "€15.00"):
        assert text in html
    form = admin.get(f"{path}/fixed-charges/{row.public_id}/edit").content.decode()
    assert 'name="units" value="5"' in form
    tiered = fields(
        seat, ("10", "15", ""), ("", "12", "5"), charge_model="graduated", tiers="", prorated="on"
    )
    assert admin.post(f"{path}/fixed-charges/{row.public_id}/edit", tiered).status_code == 302
    row.refresh_from_db()
    assert row.properties["graduatedRanges"] == [
        {"fromValue": 0, "toValue": 10, "perUnitAmount": "15", "flatAmount": "0"},
        {"fromValue": 11, "toValue": None, "perUnitAmount": "12", "flatAmount": "5"},
    ]
    assert 'value="12"' in admin.get(f"{path}/fixed-charges/{row.public_id}/edit").content.decode()
    assert "0 to 10 units" in admin.get(path).content.decode()
    dialog = admin.get(f"{path}/fixed-charges/{row.public_id}/remove", headers=HTMX | {"HX-Target": "dialog"})
    assert "no longer billed" in dialog.content.decode()
    assert admin.post(f"{path}/fixed-charges/{row.public_id}/remove").status_code == 302
    assert "</span> × Seats" not in admin.get(path).content.decode()
    assert admin.get(f"{path}/fixed-charges/{row.public_id}/edit").status_code == 404


def test_another_model_shows_its_fields_and_keeps_what_was_typed(admin: Client, acme: Organization) -> None:
    plan, seat = make_plan(acme), make_add_on(acme, "seat")
    data = fields(seat, charge_model="volume", units="x", do="model")
    answer = admin.post(f"/plans/{plan.public_id}/fixed-charges/add", data)
    html = answer.content.decode()
    assert answer.status_code == 200
    assert 'name="tiers-0-to_value"' in html
    assert 'name="units" value="x"' in html
    assert "aria-invalid" not in html
    assert not FixedCharge.objects.exists()


def test_errors_stand_at_their_fields(admin: Client, acme: Organization) -> None:
    plan, seat = make_plan(acme), make_add_on(acme, "seat")
    path = f"/plans/{plan.public_id}/fixed-charges/add"
    html = admin.post(path, fields(seat, units="-1", amount="x")).content.decode()
    assert error_at(html, "units")
    wrong = admin.post(path, fields(seat, amount="x"))
    assert (wrong.status_code, error_at(wrong.content.decode(), "amount")) == (
        422,
        "Use digits and a point, like 0.05.",
    )
    for price, cell, text in (
        ("y", "tiers-1-price", "Use digits and a point, like 0.05."),
        ("1", "tiers-1-to_value", "Must be more than 10."),
    ):
        tiers = (("10", "1", ""), ("5", price, ""), ("", "1", ""))
        html = admin.post(path, fields(seat, *tiers, charge_model="graduated")).content.decode()
        assert error_at(html, cell) == text
    volume = fields(seat, ("", "1", ""), charge_model="volume", pay="advance")
    assert "bill in arrears" in admin.post(path, volume).content.decode()
    assert not FixedCharge.objects.exists()


def test_viewers_and_strangers(client: Client, admin: Client, acme: Organization) -> None:
    plan, seat = make_plan(acme), make_add_on(acme, "seat")
    admin.post(f"/plans/{plan.public_id}/fixed-charges/add", fields(seat))
    row, other = FixedCharge.objects.get(), make_plan(acme)
    paths = [f"fixed-charges/{tail}" for tail in ("add", f"{row.public_id}/edit", f"{row.public_id}/remove")]
    assert admin.get(f"/plans/{other.public_id}/{paths[1]}").status_code == 404
    viewer = sign_in(client, make_member(acme, "support"))
    assert [viewer.get(f"/plans/{plan.public_id}/{path}").status_code for path in paths] == [403] * 3
    stranger = sign_in(client, make_member(make_organization("Other")))
    assert [stranger.get(f"/plans/{plan.public_id}/{path}").status_code for path in paths] == [404] * 3
    assert Plan.objects.count() == 2
