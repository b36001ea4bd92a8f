"""/api/wallets: creating, topping up, the ledger, ending."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.models import Organization, Wallet, WalletEntry
from customers.models import Customer
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, currency="EUR")


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def test_creating_with_first_credits(api: Api, customer: Customer) -> None:
    """20 granted credits at 0.25 are 5.00; 40 sold ones wait for their invoice over 10.00."""
    body = {
        "customerId": customer.public_id,
        "name": "Prepaid",
        "rateAmount": "0.25",
        "grantedCredits": 20,
        "paidCredits": 40,
    }
    status, answer = api.post("/wallets", body)
    data = answer["data"]
    assert status == 201
    assert (data["currency"], data["balance"], data["creditsBalance"]) == ("EUR", 5, 20)
    assert (data["rateAmount"], data["priority"], data["status"]) == (Decimal("0.25"), 50, "active")
    invoice = Invoice.objects.get()
    assert (invoice.type, invoice.total_minor) == ("credit", 1000)
    record_payment(invoice, key="all", by=ACTOR, at=NOW)
    assert api.get(f"/wallets/{data['id']}")[1]["data"]["balance"] == 15
    entries = api.get(f"/wallets/{data['id']}/transactions")[1]
    assert [(row["transactionStatus"], row["amount"]) for row in entries["data"]][::-1] in (
        [("granted", 5), ("purchased", 10)],
        [("purchased", 10), ("granted", 5)],
    )
    assert entries["meta"]["total"] == 2


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"customerId": "cust_" + "0" * 32}, (400, "customer_not_found", "customerId")),
        ({"priority": 0}, (400, "invalid", "priority")),
        ({"priority": 51}, (400, "invalid", "priority")),
        ({"expirationAt": "2020-01-01T00:00:00Z"}, (400, "invalid", "expirationAt")),
        ({"rateAmount": "0"}, (400, "invalid", "rateAmount")),
        ({"rateAmount": "-1"}, (400, "invalid", "rateAmount")),
        ({"currency": "EURO"}, (400, "invalid", "currency")),
        ({"grantedCredits": "-1"}, (400, "invalid_credits", "grantedCredits")),
        ({"paidCredits": 0}, (400, "invalid_credits", "paidCredits")),
        ({"colour": "red"}, (400, "invalid", "colour")),
    ],
)
def test_refusals_name_the_field_and_make_nothing(
    api: Api, customer: Customer, change: dict[str, Any], error: tuple[int, str, str]
) -> None:
    body = {"customerId": customer.public_id, "grantedCredits": 1} | change
    assert refused(api.post("/wallets", body)) == error
    assert not Wallet.objects.in_use().exists() and not Invoice.objects.exists()


def test_a_seventh_wallet_is_a_conflict(api: Api, customer: Customer) -> None:
    body = {"customerId": customer.public_id}
    assert [api.post("/wallets", body)[0] for _ in range(6)] == [201] * 6
    assert refused(api.post("/wallets", body))[:2] == (409, "too_many_wallets")


def test_a_top_up_with_the_same_transaction_id_is_booked_once(api: Api, customer: Customer) -> None:
    wallet = make_wallet(customer, "10", NOW)
    path = f"/wallets/{wallet.public_id}/top-up"
    body = {"grantedCredits": "2.5", "reason": "Goodwill", "transactionId": "t-1"}
    for _ in range(2):
        status, answer = api.post(path, body)
        assert (status, answer["data"]["balance"]) == (200, Decimal("12.5"))
    assert api.post(path, body | {"transactionId": "t-2"})[1]["data"]["balance"] == 15
    assert refused(api.post(path, {"reason": "none"})) == (400, "invalid", "grantedCredits")
    assert WalletEntry.objects.filter(wallet=wallet, reason="Goodwill").count() == 2


def test_sold_credits_with_the_same_transaction_id_are_billed_once(api: Api, customer: Customer) -> None:
    wallet = make_wallet(customer, "10", NOW)
    body = {"paidCredits": 5, "transactionId": "t-1"}
    for _ in range(2):
        assert api.post(f"/wallets/{wallet.public_id}/top-up", body)[0] == 200
    assert Invoice.objects.count() == 1


def test_ending_voids_the_rest_once(api: Api, customer: Customer) -> None:
    wallet = make_wallet(customer, "10", NOW)
    for _ in range(2):
        status, answer = api.delete(f"/wallets/{wallet.public_id}")
        assert (status, answer["data"]["status"], answer["data"]["balance"]) == (200, "terminated", 0)
    entries = api.get(f"/wallets/{wallet.public_id}/transactions")[1]["data"]
    voided = [row for row in entries if row["transactionStatus"] == "voided"]
    assert [(row["amount"], row["type"], row["balanceAfter"]) for row in voided] == [(-10, "outbound", 0)]
    late = api.post(f"/wallets/{wallet.public_id}/top-up", {"grantedCredits": 1})
    assert refused(late)[:2] == (409, "wallet_terminated")


def test_lists_and_strangers(api: Api, customer: Customer) -> None:
    wallet = make_wallet(customer, "10", NOW)
    make_wallet(make_customer(customer.organization, currency="EUR"), "1", NOW)
    assert api.get("/wallets")[1]["meta"]["total"] == 4, "two with credits and two primary ones"
    mine = api.get("/wallets", customerId=customer.public_id)[1]["data"]
    assert [(row["isPrimary"], row["balance"]) for row in mine] == [(False, 10), (True, 0)]
    assert api.get("/wallets", isPrimary="true")[1]["meta"]["total"] == 2
    assert api.get("/wallets", status="TERMINATED")[1]["meta"]["total"] == 0
    stranger = Api(make_organization("Other"))
    path = f"/wallets/{wallet.public_id}"
    found = [stranger.get(path), stranger.delete(path), stranger.get(f"{path}/transactions")]
    found.append(stranger.post(f"{path}/top-up", {"grantedCredits": 1}))
    assert [status for status, _ in found] == [404] * 4
    wallet.refresh_from_db()
    assert wallet.balance_minor == 1000
