"""The command palette and what was viewed lately."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Member, Organization
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.catalog import make_plan
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    """A tenant."""
    return make_organization("Acme")


@pytest.fixture
def admin(organization: Organization) -> Client:
    """Its admin's browser."""
    return sign_in(Client(), Member.objects.get(organization=organization, role="admin"))


def palette(client: Client, text: str = "", page: str = "/") -> str:
    """The options as the browser gets them."""
    headers = {
        "HX-Request": "true",
        "HX-Target": "palette-list",
        "HX-Current-URL": f"http://testserver{page}",
    }
    return client.get(reverse("palette"), {"q": text}, headers=headers).content.decode()


def invoice_of(organization: Organization, **fields: Any) -> Invoice:
    """A final one over 1.00."""
    customer = make_customer(organization, **fields)
    return create_one_off(customer, [Item("Work", Decimal(1))], finalize=True, by=ACTOR, at=NOW)


def test_finds_rows_pages_and_acts(admin: Client, organization: Organization) -> None:
    invoice = invoice_of(organization, name="Ärzte & Söhne", tax_id="DE136695976", phone="+256 414 123456")
    for text in ("arzte", "DE1366", "414 1234", invoice.customer.public_id):
        assert "Ärzte &amp; Söhne" in palette(admin, text), text
    assert invoice.number in palette(admin, invoice.number[:6].lower())
    assert invoice.number in palette(admin, invoice.number[-3:])
    assert 'hx-target="#drawer"' in palette(admin, "add customer")
    assert f'href="{reverse("settings")}"' in palette(admin, "setings")
    assert "Nothing fits" in palette(admin, "qqqqzzzz")


def test_every_option_can_be_chosen_by_its_id(admin: Client, organization: Organization) -> None:
    page = palette(admin)
    ids = [
        part.partition('"')[0] for part in page.split('role="option"')[1:] for part in part.split('id="')[1:2]
    ]
    assert len(ids) > 10 and len(set(ids)) == len(ids)


def test_acts_name_the_customer_of_the_open_page_or_of_the_words(
    admin: Client, organization: Organization
) -> None:
    customer = make_customer(organization, name="Northwind")
    assign = reverse("customer-assign", args=[customer])
    assert assign in palette(admin, page=reverse("customer", args=[customer]))
    assert assign in palette(admin, "assign", page=reverse("customer-usage", args=[customer]))
    assert assign in palette(admin, "assign north")
    assert assign not in palette(admin, "assign south")


def test_shows_only_what_the_role_may(organization: Organization) -> None:
    customer = make_customer(organization, name="Northwind")
    support = sign_in(Client(), make_member(organization, "support"))
    page = palette(support, page=reverse("customer", args=[customer]))
    for url in (
        reverse("customer-add"),
        reverse("customer-assign", args=[customer]),
        reverse("settings"),
        reverse("api-keys"),
    ):
        assert f'href="{url}"' not in page
    assert reverse("customer-assign", args=[customer]) not in palette(support, "assign north")
    assert "Northwind" in palette(support, "north")


def test_nothing_of_another_organization(admin: Client) -> None:
    other = make_organization("Other")
    customer = make_customer(other, name="Strangers Ltd")
    assert "Strangers" not in palette(admin, "strangers")
    assert "Strangers" not in palette(admin, customer.public_id)
    assert "Strangers" not in palette(admin, page=reverse("customer", args=[customer]))


def test_viewed_lately_newest_first_and_never_what_is_gone(
    admin: Client, organization: Organization, django_assert_num_queries: Any
) -> None:
    invoice = invoice_of(organization, name="First Ltd")
    second, plan = make_customer(organization, name="Second Ltd"), make_plan(organization, name="Gold")
    for name, row in (
        ("customer", invoice.customer),
        ("invoice", invoice),
        ("plan", plan),
        ("customer", second),
    ):
        admin.get(reverse(name, args=[row]))
    page = palette(admin)
    places = [page.index(words) for words in ("Second Ltd", "Gold", invoice.number, "First Ltd")]
    assert places == sorted(places)
    type(second).objects.filter(pk=second.pk).update(deleted_at=NOW)
    assert "Second Ltd" not in palette(admin)
    for _ in range(9):
        admin.get(reverse("customer", args=[make_customer(organization)]))
    assert len(admin.session["recent"]) == 8


def test_the_session_is_written_only_when_the_newest_changes(
    admin: Client, organization: Organization
) -> None:
    customer = make_customer(organization)
    admin.get(reverse("customer", args=[customer]))
    before = admin.session["recent"]
    again = admin.get(reverse("customer-information", args=[customer]))
    assert not again.wsgi_request.session.modified
    assert admin.session["recent"] == before


def test_as_a_page_it_is_the_search(admin: Client) -> None:
    assert admin.get(reverse("palette"), {"q": "a b"})["Location"] == "/search?q=a+b"


def test_single_keys_can_be_switched_off(admin: Client) -> None:
    assert 'data-keys="off"' not in admin.get("/").content.decode()
    admin.cookies["keys"] = "off"
    page = admin.get("/").content.decode()
    assert '<html lang="en" data-keys="off">' in page and "data-keys-switch checked" not in page


def test_menu_counts_drafts_and_overdue(admin: Client, organization: Organization) -> None:
    invoice_of(organization)
    customer = make_customer(organization)
    create_one_off(customer, [Item("Work", Decimal(1))], finalize=False, by=ACTOR, at=NOW)
    Invoice.objects.filter(status="finalized").update(due_on="2020-01-01")
    page = admin.get("/").content.decode()
    assert 'title="1 drafts"' in page and 'title="1 overdue"' in page
