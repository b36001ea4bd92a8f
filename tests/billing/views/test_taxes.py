"""Tax pages: list, drawer, deletion, roles, strangers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from billing.models import Organization, Tax
from billing.web.htmx import event_names
from tests.factories.catalog import make_plan, make_tax
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
DRAWER = {"HX-Request": "true", "HX-Target": "drawer"}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def finance(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme, "finance"))


def test_a_tax_is_added_and_the_table_hears_of_it(finance: Client) -> None:
    data = {"name": "VAT 20", "code": "", "rate": "19.25", "applied_by_default": "on"}
    response = finance.post("/taxes/add", data, headers=DRAWER)
    assert response.status_code == 204
    assert {"tax-changed", "close-overlay", "toast"} <= set(event_names(response))
    tax = Tax.objects.get()
    assert (tax.code, tax.rate, tax.applied_by_default) == ("vat_20", Decimal("19.25"), True)
    table = finance.get("/taxes", headers={"HX-Request": "true", "HX-Target": "tax-table"}).content.decode()
    assert table.lstrip().startswith('<div id="tax-table"')
    assert "19.25" in table


@pytest.mark.parametrize("rate", ["", "-1", "101", "1.23456", "x"])
def test_rates_that_make_no_sense(finance: Client, rate: str) -> None:
    response = finance.post("/taxes/add", {"name": "VAT", "code": "vat", "rate": rate}, headers=DRAWER)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["rate"]
    assert not Tax.objects.exists()


def test_edit_and_delete_say_what_is_touched(finance: Client, acme: Organization) -> None:
    tax = make_tax(acme, "vat", name="<b>VAT")
    plan = make_plan(acme, taxes=[tax])
    html = finance.get(f"/taxes/{tax.public_id}/edit").content.decode()
    assert "Used by 1 plan, 0 charges and 0 customers" in html
    assert "<b>VAT" not in html
    assert 'name="rate" value="20"' in html
    data = {"name": "VAT", "code": "vat", "rate": "21"}
    assert finance.post(f"/taxes/{tax.public_id}/edit", data).status_code == 302
    tax.refresh_from_db()
    assert (tax.rate, tax.name) == (21, "VAT")
    assert (
        "<form"
        not in finance.get(
            f"/taxes/{tax.public_id}/delete", headers={"HX-Request": "true", "HX-Target": "dialog"}
        ).content.decode()
    )
    assert finance.post(f"/taxes/{tax.public_id}/delete").status_code == 422
    plan.taxes.clear()
    assert finance.post(f"/taxes/{tax.public_id}/delete").status_code == 302
    assert finance.get(f"/taxes/{tax.public_id}/edit").status_code == 404


def test_strangers_and_roles(client: Client, acme: Organization) -> None:
    tax = make_tax(acme)
    sign_in(client, make_member(make_organization("Other")))
    for end in ("edit", "delete"):
        assert client.get(f"/taxes/{tax.public_id}/{end}").status_code == 404
    for role, status in (("admin", 200), ("finance", 200), ("manager", 403), ("support", 403)):
        sign_in(client, make_member(acme, role))
        assert client.get("/taxes").status_code == 200
        for path in ("/taxes/add", f"/taxes/{tax.public_id}/edit", f"/taxes/{tax.public_id}/delete"):
            assert client.get(path).status_code == status, (role, path)
