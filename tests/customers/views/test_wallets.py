"""Pages of wallets: lists, the ledger, creating, topping up, taking out, ending."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions.wallets import create_wallet
from billing.models import AuditEntry, Organization, Wallet, WalletEntry
from customers.models import Customer
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet
from tests.factories.pages import htmx, queries, statuses, text, token
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 200, "support": 403, "stranger": 404}
FILLED = {"name": "Prepaid", "currency": "eur", "rate": "0.5", "priority": "10", "granted_credits": "100"}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, name="Kampala Tech", currency="EUR")


@pytest.fixture
def wallet(customer: Customer) -> Wallet:
    return make_wallet(customer, "40", NOW, name="Prepaid")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def balance(wallet: Wallet) -> int:
    """The balance now, which the ledger must add up to."""
    wallet.refresh_from_db()
    assert sum(WalletEntry.objects.filter(wallet=wallet).values_list("amount_minor", flat=True)) == (
        wallet.balance_minor
    )
    return int(wallet.balance_minor)


def test_list_search_filter_and_partial(staff: Client, customer: Customer, wallet: Wallet) -> None:
    other = make_customer(customer.organization, name="Nairobi Ltd", currency="EUR")
    second = make_wallet(other, "5", NOW, name="Gift")
    page = text(staff.get("/wallets"))
    assert "<title>" in page and "EUR\u00a040.00" in page and "Nairobi Ltd" in page
    assert (
        text(staff.get("/wallets", headers=htmx("wallet-table"))).strip().startswith('<div id="wallet-table"')
    )
    for query, found in (
        ("q=gift", [second]),
        ("q=kampala", [wallet]),
        ("sort=-balance", [wallet, second]),
        ("sort=balance", [second, wallet]),
        ("status=terminated", []),
    ):
        assert list(staff.get(f"/wallets?{query}").context["page"].object_list) == found, query


def test_tab_and_ledger(staff: Client, customer: Customer, wallet: Wallet) -> None:
    path = f"/customers/{customer.public_id}/wallets"
    assert "€40.00" in text(staff.get(path, headers=htmx("wallet-table")))
    page = text(staff.get(f"/wallets/{wallet.public_id}"))
    assert "Granted" in page and "€40.00" in page and "<title>" in page
    partial = text(staff.get(f"/wallets/{wallet.public_id}", headers=htmx("entry-table")))
    assert "Granted" in partial and "<title>" not in partial
    Customer.objects.filter(pk=customer.pk).update(deleted_at=NOW)
    assert "Kampala Tech (deleted)" in text(staff.get(f"/wallets/{wallet.public_id}"))


def test_who_may(organization: Organization, customer: Customer, wallet: Wallet) -> None:
    everybody = EDITORS | {"support": 200}
    assert statuses(organization, f"/customers/{customer.public_id}/wallets") == everybody
    assert statuses(organization, f"/wallets/{wallet.public_id}") == everybody
    for path in (
        f"/customers/{customer.public_id}/wallets/add",
        *(f"/wallets/{wallet.public_id}/{act}" for act in ("top-up", "void", "terminate")),
    ):
        assert statuses(organization, path) == EDITORS, path
    top_up = f"/wallets/{wallet.public_id}/top-up"
    bad = statuses(organization, top_up, {"granted_credits": "x"})
    assert bad == {name: 422 if code == 200 else code for name, code in EDITORS.items()}
    assert balance(wallet) == 4000


def test_creating_with_first_credits_once(staff: Client, customer: Customer) -> None:
    """100 credits at 0.50 EUR are 50.00 EUR."""
    path = f"/customers/{customer.public_id}/wallets/add"
    assert "<title>" not in text(staff.get(path, headers=htmx("drawer")))
    body = FILLED | {"once": token(staff, path), "reason": "Welcome", "expires_on": "2090-01-31"}
    answer = staff.post(path, body, headers=htmx("drawer"))
    assert answer["HX-Redirect"] == reverse("customer-wallets", args=[customer.pk])
    assert staff.post(path, body).status_code == 302
    row = Wallet.objects.get()
    assert (row.currency, row.rate, row.priority, balance(row)) == ("EUR", Decimal("0.5"), 10, 5000)
    assert row.expires_at is not None and row.expires_at.isoformat() == "2090-02-01T00:00:00+00:00"
    assert row.entries.get().reason == "Welcome"


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"currency": "EURO"}, "currency", "at most 3"),
        ({"currency": "XYZ"}, "currency", "ISO 4217"),
        ({"rate": "0"}, "rate", "greater than or equal"),
        ({"rate": "a"}, "rate", "Enter a number"),
        ({"priority": "0"}, "priority", "greater than or equal to 1"),
        ({"priority": "51"}, "priority", "less than or equal to 50"),
        ({"granted_credits": "-1"}, "granted_credits", "greater than or equal"),
        ({"granted_credits": "1.000001"}, "granted_credits", "5 decimal places"),
        ({"expires_on": "2020-01-01"}, "expires_on", "future"),
    ],
)
def test_errors_of_a_new_wallet_stand_at_their_field(
    staff: Client, customer: Customer, change: dict[str, str], field: str, message: str
) -> None:
    path = f"/customers/{customer.public_id}/wallets/add"
    answer = staff.post(path, FILLED | change, headers=htmx("drawer"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert message in str(answer.context["form"].errors[field]) and message in text(answer)
    assert not Wallet.objects.exists()


def test_a_seventh_wallet_is_refused_above_the_form(staff: Client, customer: Customer) -> None:
    for _ in range(6):
        create_wallet(customer, currency="EUR", by=ACTOR, at=NOW)
    path = f"/customers/{customer.public_id}/wallets/add"
    body = FILLED | {"once": token(staff, path)}
    answer = staff.post(path, body)
    assert answer.status_code == 422 and "at most 6" in text(answer)
    Wallet.objects.filter(pk=Wallet.objects.order_by("pk").values_list("pk", flat=True)[0]).delete()
    assert staff.post(path, body).status_code == 302, "the same form can be sent again"


def test_topping_up_free_and_sold(staff: Client, customer: Customer, wallet: Wallet) -> None:
    """Sold credits arrive when their invoice is paid; sent twice there is one invoice and one grant."""
    path = f"/wallets/{wallet.public_id}/top-up"
    body = {"granted_credits": "10", "paid_credits": "25", "once": token(staff, path)}
    assert [staff.post(path, body).status_code for _ in range(2)] == [302, 302]
    assert balance(wallet) == 5000
    invoice = Invoice.objects.get(customer=customer)
    assert (invoice.type, invoice.total_minor, invoice.status) == ("credit", 2500, "finalized")
    assert invoice.number in text(staff.get(f"/wallets/{wallet.public_id}"))
    record_payment(invoice, key="all", by=ACTOR, at=NOW)
    assert balance(wallet) == 7500
    nothing = staff.post(path, {"once": token(staff, path)}, headers=htmx("drawer"))
    assert nothing.status_code == 422 and "granted_credits" in nothing.context["form"].errors


def test_taking_credits_out(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/void"
    for body, field in (
        ({"credits": "40.5", "reason": "Mistake"}, "credits"),
        ({"credits": "", "reason": "Mistake"}, "credits"),
        ({"credits": "5", "reason": ""}, "reason"),
    ):
        answer = staff.post(path, body, headers=htmx("dialog"))
        assert answer.status_code == 422 and list(answer.context["form"].errors) == [field]
    assert balance(wallet) == 4000
    form = {"credits": "15", "reason": "Mistake", "once": token(staff, path)}
    assert [staff.post(path, form).status_code for _ in range(2)] == [302, 302]
    assert balance(wallet) == 2500
    assert AuditEntry.objects.filter(action="wallet.voided", reason="Mistake").count() == 1


def test_ending_says_what_is_lost_and_refuses_more(staff: Client, wallet: Wallet) -> None:
    path = f"/wallets/{wallet.public_id}/terminate"
    assert "€40.00" in text(staff.get(path, headers=htmx("dialog")))
    body: dict[str, Any] = {"once": token(staff, path)}
    assert [staff.post(path, body).status_code for _ in range(2)] == [302, 302]
    assert balance(wallet) == 0 and wallet.status == "terminated"
    assert WalletEntry.objects.filter(wallet=wallet, kind="voided").count() == 1
    late = staff.post(f"/wallets/{wallet.public_id}/top-up", {"granted_credits": "1"})
    assert late.status_code == 422 and "terminated" in text(late)


def test_queries_do_not_grow_with_the_rows(staff: Client, customer: Customer, wallet: Wallet) -> None:
    paths = ["/wallets", f"/customers/{customer.public_id}/wallets", f"/wallets/{wallet.public_id}"]
    for path in paths:
        staff.get(path)  # the first visit is noted and fills what the shell keeps
    one = [queries(staff, path) for path in paths]
    for number in range(4):
        make_wallet(customer, "1", NOW)
        staff.post(f"/wallets/{wallet.public_id}/top-up", {"granted_credits": number + 1})
    assert [queries(staff, path) for path in paths] == one
    assert one == [5, 7, 8]
