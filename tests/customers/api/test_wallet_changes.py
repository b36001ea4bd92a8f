"""/api/wallets: changing, debiting, narrowing the list; keys; a merged customer's wallet; a new currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.actions.wallet_ledger import ledger_total
from billing.models import Organization, Wallet
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.top_up import sell_credits
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.catalog import make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, make_wallet, owing
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, currency="EUR", mode="postpaid")


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def test_what_is_given_changes_and_the_rest_stays(api: Api, customer: Customer) -> None:
    path = f"/wallets/{make_wallet(customer, '10', NOW, name='Main').public_id}"
    status, answer = api.patch(path, {"creditLimit": "12.50", "maxBalance": 100, "priority": 3})
    assert status == 200
    data = answer["data"]
    assert (data["name"], data["priority"], data["creditLimit"], data["maxBalance"]) == (
        "Main",
        3,
        Decimal("12.50"),
        100,
    )
    data = api.patch(path, {"maxBalance": None, "name": "Other"})[1]["data"]
    assert (data["name"], data["creditLimit"], data["maxBalance"]) == ("Other", Decimal("12.50"), None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "prepaid"}, "mode"),
        ({"priority": 51}, "priority"),
        ({"creditLimit": "-1"}, "creditLimit"),
        ({"maxBalance": "1.001"}, "maxBalance"),
        ({"autoTopupEnabled": True, "lowBalanceThreshold": 1}, "autoTopupAmount"),
    ],
)
def test_a_refused_change_names_its_field(
    api: Api, customer: Customer, body: dict[str, object], field: str
) -> None:
    wallet = make_wallet(customer, "10", NOW)
    status, _, named = refused(api.patch(f"/wallets/{wallet.public_id}", body))
    assert (status, named) == (400, field)
    assert Wallet.objects.get(pk=wallet.pk).updated_at == wallet.updated_at


def test_a_debit_goes_down_to_the_limit_and_is_booked_once(api: Api, customer: Customer) -> None:
    wallet = make_wallet(customer, "10", NOW)
    path = f"/wallets/{wallet.public_id}"
    api.patch(path, {"creditLimit": 5})
    for _ in range(2):
        body = {"credits": 14, "reason": "Use", "transactionId": "t1"}
        assert api.post(f"{path}/debit", body)[1]["data"]["balance"] == -4
    short = refused(api.post(f"{path}/debit", {"credits": "1.01", "reason": "Use"}))
    assert short == (409, "insufficient_credits", "credits")
    assert refused(api.post(f"{path}/debit", {"credits": 1, "reason": " "}))[2] == "reason"
    assert ledger_total(wallet) == -400


@pytest.mark.parametrize("key", ["auto-top-up:1", "x" * 151])
def test_keys_of_the_product_and_long_ones_are_refused(api: Api, customer: Customer, key: str) -> None:
    path = f"/wallets/{make_wallet(customer, '10', NOW).public_id}"
    for act, body in (
        ("top-up", {"paidCredits": 1}),
        ("top-up", {"grantedCredits": 1}),
        ("debit", {"credits": 1, "reason": "Use"}),
    ):
        answer = refused(api.post(f"{path}/{act}", body | {"transactionId": key}))
        assert (answer[0], answer[2]) == (400, "transactionId")
    assert not Invoice.objects.exists()


def test_the_database_refuses_a_second_invoice_with_a_key_of_the_wallet(customer: Customer) -> None:
    one, two = (make_wallet(customer, "10", NOW) for _ in range(2))
    sell_credits(one, Decimal(1), key="same", by=ACTOR, at=NOW)
    sell_credits(two, Decimal(1), key="same", by=ACTOR, at=NOW)
    other = sell_credits(one, Decimal(1), key="other", by=ACTOR, at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=other.pk).update(metadata={"transactionId": "same"})


def test_lists_are_narrowed(api: Api, customer: Customer) -> None:
    mine = make_wallet(customer, "10", NOW, currency="USD")
    primary = api.get(f"/customers/{customer.public_id}/wallet")[1]["data"]["id"]
    api.patch(
        f"/wallets/{mine.public_id}",
        {"autoTopupEnabled": True, "lowBalanceThreshold": 1, "autoTopupAmount": 5},
    )

    def found(**query: str) -> set[str]:
        return {row["id"] for row in api.get("/wallets", **query)[1]["data"]}

    assert found(isPrimary="true") == found(autoTopupEnabled="false") == found(currency="EUR") == {primary}
    assert found(isPrimary="false") == found(autoTopupEnabled="true") == {mine.public_id}
    assert found(currency="usd,eur") == {primary, mine.public_id}


def test_an_untouched_primary_follows_the_currency(api: Api, organization: Organization) -> None:
    """100 EUR become 100 JPY, which has no minor unit; an entry makes the currency stand still."""
    customer = make_customer(organization, currency="EUR", default_credit_limit=Decimal(100))
    path = f"/customers/{customer.public_id}"
    assert api.get(f"{path}/wallet")[1]["data"]["currency"] == "EUR"
    assert api.patch(path, {"currency": "JPY"})[0] == 200
    data = api.get(f"{path}/wallet")[1]["data"]
    assert (data["currency"], data["creditLimit"]) == ("JPY", 100)
    assert Wallet.objects.get().credit_limit_minor == 100
    assert api.post(f"/wallets/{data['id']}/top-up", {"grantedCredits": 1})[0] == 200
    assert refused(api.patch(path, {"currency": "EUR"}))[1] == "customer_field_locked"


def test_the_wallet_of_a_merged_customer_points_to_the_target(api: Api, organization: Organization) -> None:
    source, target = make_customer(organization), make_customer(organization)
    Customer.objects.filter(pk=source.pk).update(deleted_at=NOW, merged_into=target)
    status, body = api.get(f"/customers/{source.public_id}/wallet")
    assert (status, body["error"]["code"]) == (404, "customer_merged")


@pytest.mark.parametrize("finalize", [True, False])
def test_an_invoice_issued_at_once_collects_what_is_owed(organization: Organization, finalize: bool) -> None:
    wallet = make_wallet(billed_customer(organization), "1", NOW)
    owing(wallet, 700)
    items = [Item("Setup", Decimal(5))]
    create_one_off(wallet.customer, items, finalize=finalize, by=ACTOR, at=NOW)
    settled = Invoice.objects.filter(wallet=wallet)
    assert list(settled.values_list("total_minor", flat=True)) == ([700] if finalize else [])


def test_what_a_wallet_pays_for_is_read_and_written(api: Api, customer: Customer) -> None:
    make_metric(customer.organization, code="calls")
    limits = {"feeTypes": ["subscription"], "billableMetricCodes": ["calls"]}
    status, answer = api.post("/wallets", {"customerId": customer.public_id, "appliesTo": limits})
    assert (status, answer["data"]["appliesTo"]) == (201, limits)
    path = f"/wallets/{answer['data']['id']}"
    data = api.patch(path, {"applies_to": {"fee_types": ["CHARGE"]}})[1]["data"]
    assert data["appliesTo"] == {"feeTypes": ["charge"], "billableMetricCodes": ["calls"]}
    assert api.patch(path, {"name": "Kept"})[1]["data"]["appliesTo"] == data["appliesTo"]
    assert api.get("/wallets")[1]["data"][0]["appliesTo"] == data["appliesTo"]
    make_metric(make_organization("Other"), code="theirs")
    for wrong, field in (
        ({"billableMetricCodes": ["theirs"]}, "appliesTo.billableMetricCodes"),
        ({"feeTypes": ["one_off"]}, "appliesTo.feeTypes"),
    ):
        assert refused(api.patch(path, {"appliesTo": wrong}))[2] == field
    nothing = {"feeTypes": [], "billableMetricCodes": []}
    assert api.patch(path, {"appliesTo": None})[1]["data"]["appliesTo"] == nothing
