"""The customer portal: what a link opens, and that it opens nothing else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions.clock import now
from billing.rules.wallet_terms import WalletTerms
from customers.actions.delete import request_deletion
from customers.actions.portal import create_link, revoke_link
from customers.models import Customer, PortalLink, StatementFile
from customers.views import portal_statement
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import store
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet
from tests.factories.pages import statuses, text
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
PAGES = ("portal", "portal-invoices", "portal-usage", "portal-wallet", "portal-details", "portal-brand")


@pytest.fixture
def customer() -> Customer:
    return make_customer(make_organization("Acme"), name="Mine")


def entered(customer: Customer, days: int = 7) -> tuple[Client, PortalLink]:
    """A browser that has opened a link of the customer."""
    link, secret = create_link(customer, days=days, by=ACTOR, at=now(customer.organization))
    client = Client()
    assert client.get(reverse("portal-enter", args=[secret])).status_code == 302
    return client, link


def invoice_of(customer: Customer) -> Invoice:
    row = create_one_off(
        customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=now(customer.organization)
    )
    store(row, lambda: b"%PDF-1.7 mine")
    return row


def test_every_page_shows_the_own_data(customer: Customer) -> None:
    row = invoice_of(customer)
    usage = WalletTerms("Pilot", fee_types=("charge",))
    make_wallet(customer, "40", now(customer.organization), terms=usage)
    client, link = entered(customer)
    for name in PAGES:
        answer = client.get(reverse(name))
        assert answer.status_code == 200, name
        assert answer["Cache-Control"] == "private, no-store"
    assert row.number in text(client.get(reverse("portal-invoices")))
    assert "Pays for Usage charges." in text(client.get(reverse("portal-wallet")))
    pdf = client.get(reverse("portal-invoice-pdf", args=[row]))
    assert b"".join(pdf.streaming_content) == b"%PDF-1.7 mine"
    link.refresh_from_db()
    assert link.used_at is not None


def test_nothing_of_another_customer_is_reachable(customer: Customer) -> None:
    neighbour = make_customer(customer.organization, name="Neighbour")
    stranger = make_customer(make_organization("Other"), name="Stranger")
    client, _ = entered(customer)
    for other in (neighbour, stranger):
        row = invoice_of(other)
        assert client.get(reverse("portal-invoice-pdf", args=[row])).status_code == 404
        assert row.number not in text(client.get(reverse("portal-invoices"))) or row.number == "1"
        for name in PAGES:
            assert other.display_name not in text(client.get(reverse(name)))
    draft = create_one_off(customer, [Item("Later", Decimal(1))], by=ACTOR, at=now(customer.organization))
    assert client.get(reverse("portal-invoice-pdf", args=[draft])).status_code == 404


def test_the_link_opens_no_page_of_staff(customer: Customer) -> None:
    client, _ = entered(customer)
    for path in ("/", "/customers", reverse("customer", args=[customer]), "/invoices", "/settings"):
        assert client.get(path).status_code == 302


@pytest.mark.parametrize("end", ["expired", "revoked", "deleting"])
def test_a_link_that_ended_opens_nothing_at_once(customer: Customer, end: str) -> None:
    client, link = entered(customer)
    assert client.get(reverse("portal")).status_code == 200
    at = now(customer.organization)
    if end == "expired":
        PortalLink.objects.filter(pk=link.pk).update(expires_at=at - timedelta(seconds=1))
    elif end == "revoked":
        revoke_link(link, by=ACTOR, at=at)
        revoke_link(link, by=ACTOR, at=at)
    else:
        request_deletion(customer, by=ACTOR, at=at)
    for name in PAGES:
        answer = client.get(reverse(name))
        assert answer.status_code == 403, name
        assert "Mine" not in text(answer)


@pytest.mark.parametrize("secret", ["x", "a" * 43, "..", "%00"])
def test_a_guessed_secret_opens_nothing(customer: Customer, secret: str) -> None:
    client = Client()
    assert client.get(f"/portal/enter/{secret}").status_code in {400, 403, 404}
    client.cookies["portal"] = f"{customer.pk}:forged:forged"
    assert client.get(reverse("portal")).status_code == 403


def test_own_data_are_saved_by_the_same_action(customer: Customer) -> None:
    client, _ = entered(customer)
    page = reverse("portal-details")
    bad = client.post(page, {"email": "no address", "city": "Kampala"})
    assert bad.status_code == 422 and "Kampala" in text(bad)
    assert client.post(page, {"email": "NEW@example.com", "city": "Kampala"}).status_code == 302
    customer.refresh_from_db()
    assert (customer.email, customer.city, customer.name) == ("new@example.com", "Kampala", "Mine")
    client.post(page, {"email": "new@example.com", "currency": "USD", "name": "Else"})
    customer.refresh_from_db()
    assert (customer.currency, customer.name) == ("EUR", "Mine")


def test_staff_make_and_revoke_links(customer: Customer) -> None:
    path = reverse("customer-portal", args=[customer])
    found = statuses(customer.organization, path)
    assert (found["admin"], found["manager"], found["support"], found["stranger"]) == (200, 200, 403, 404)
    made = statuses(customer.organization, path, {"days": "7"})
    assert made["support"] == 403 and made["stranger"] == 404
    assert PortalLink.objects.filter(customer=customer).exists()
    revoke = reverse("portal-link-revoke", args=[PortalLink.objects.filter(customer=customer).first()])
    assert statuses(customer.organization, revoke, {})["admin"] == 302


def test_the_api_answers_a_link_that_works(customer: Customer) -> None:
    api = Api(customer.organization)
    status, body = api.post(f"/customers/{customer.public_id}/portal-link", {"expiresInDays": 2})
    assert status == 201
    address = "/" + body["data"]["url"].split("/", 3)[3]
    assert Client().get(address).status_code == 302
    assert api.post(f"/customers/{customer.public_id}/portal-link", {"expiresInDays": 0})[0] == 400


def test_a_voided_document_is_given_with_its_stamp_alone(customer: Customer) -> None:
    row = invoice_of(customer)
    at = now(customer.organization)
    item = CreditItem(row.lines.get(), "Work taken back", 1000)
    note = create_credit_note(row, [item], 0, key="test", by=ACTOR, at=at)
    store(note, lambda: b"%PDF-1.7 mine")
    void_invoice(row, reason="Twice", by=ACTOR, at=at)
    client, _ = entered(customer)
    for name, found in (("portal-invoice-pdf", row), ("portal-credit-note-pdf", note)):
        url = reverse(name, args=[found])
        assert client.get(url).status_code == 404
        page = text(client.get(reverse("portal-invoices")))
        assert found.number in page and url not in page
        found.refresh_from_db()
        store(found, lambda: b"%PDF-1.7 stamped", found.void_copy)
        assert b"".join(client.get(url).streaming_content) == b"%PDF-1.7 stamped"
        assert url in text(client.get(reverse("portal-invoices")))
    for name in ("invoice-pdf-issued", "credit-note-pdf-issued"):
        assert client.get(reverse(name, args=[row])).status_code == 302  # to the sign-in of staff


def test_statements_are_not_printed_without_end(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair of days is another file; those that were begun are still answered."""
    monkeypatch.setattr(portal_statement, "MOST_AN_HOUR", 2)
    client, _ = entered(customer)
    url = reverse("portal-statement-pdf")
    answers = [client.get(url, {"first": f"2026-01-0{day}", "last": "2026-02-01"}) for day in (1, 2, 3, 1)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert answers[2]["Retry-After"] == "3600"
    assert "That was a lot of statements" in text(answers[2])
    assert StatementFile.objects.filter(customer=customer).count() == 2
