"""The primary wallet comes with the customer, follows it while nobody uses it, and counts for nothing until then."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.actions.alerts import AlertTerms, save_alert
from billing.actions.wallet_debits import consume
from billing.actions.wallet_opening import MOST_WALLETS, create_wallet, primary_wallet
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import grant
from billing.models import AlertKind, AuditEntry, EmittedEvent, Organization, Wallet
from billing.rules.errors import Conflict, Locked
from customers.actions.assign import assign_plan
from customers.actions.customers import add_customer, update_customer
from customers.models import Customer
from customers.queries.locks import lock_reasons
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_plan
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
DO: dict[str, Any] = {"by": ACTOR, "at": NOW}
DEFAULTS = {
    "default_auto_topup_enabled": True,
    "default_auto_topup_amount": 50,
    "default_low_balance_threshold": 20,
    "default_max_balance": 1000,
    "default_max_single_credit": 200,
    "default_credit_limit": 25,
}
IN_MINOR = {
    "credit_limit_minor": 2500,
    "max_balance_minor": 100_000,
    "max_single_credit_minor": 20_000,
    "low_balance_minor": 2000,
    "auto_top_up_enabled": True,
    "auto_top_up_minor": 5000,
}


@pytest.fixture
def organization() -> Organization:
    return make_organization(currency="EUR")


def given() -> dict[str, Any]:
    """The defaults under the names of the action."""
    fields: dict[str, Any] = dict(DEFAULTS)
    fields["default_auto_top_up_enabled"] = fields.pop("default_auto_topup_enabled")
    return fields


def only(customer: Customer) -> Wallet:
    """The one wallet that the customer has."""
    found: Wallet = Wallet.objects.select_related("customer").get(customer=customer)
    return found


def terms(wallet: Wallet) -> dict[str, Any]:
    return {name: getattr(wallet, name) for name in IN_MINOR}


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


def test_a_customer_comes_with_one_primary_wallet_in_its_currency_with_its_defaults(
    organization: Organization,
) -> None:
    """One query more, and no line in the log or event beside the customer's own."""
    make_customer(organization)
    with CaptureQueriesContext(connection) as found:
        customer = make_customer(organization, currency="UGX", default_credit_limit=Decimal(70_000))
    assert sum("billing_wallet" in query["sql"] for query in found) == 1
    wallet = only(customer)
    assert (wallet.currency, wallet.is_primary, wallet.untouched) == ("UGX", True, True)
    assert (wallet.balance_minor, wallet.credit_limit_minor, str(wallet)) == (0, 70_000, "UGX wallet")
    assert AuditEntry.objects.filter(customer=customer).values_list("action", flat=True).get() == (
        "customer.created"
    )
    assert not EmittedEvent.objects.filter(name__startswith="wallet.").exists()


def test_the_form_makes_it(client: Client, organization: Organization) -> None:
    staff = sign_in(client, make_member(organization))
    body = {"name": "Acme", "external_id": "acme", "customer_type": "business", "currency": "USD"}
    body |= {
        "metadata-TOTAL_FORMS": "0",
        "metadata-INITIAL_FORMS": "0",
        "default_low_balance_threshold": "12.50",
    }
    assert staff.post("/customers/add", body).status_code == 302
    wallet = only(Customer.objects.get(external_id="acme"))
    assert (wallet.currency, wallet.low_balance_minor, wallet.is_primary) == ("USD", 1250, True)


def test_the_api_makes_it_once_whether_it_adds_or_updates(organization: Organization) -> None:
    api = Api(organization)
    body = {"email": "a@acme.example", "externalId": "acme"}
    body |= {camel(name): value for name, value in DEFAULTS.items()}  # type: ignore[misc]
    assert [api.post("/customers", body)[0] for _ in range(2)] == [201, 200]
    customer = Customer.objects.get(external_id="acme")
    assert terms(only(customer)) == IN_MINOR
    answer = api.get(f"/customers/{customer.public_id}/wallet")[1]["data"]
    assert (answer["id"], answer["isPrimary"]) == (only(customer).public_id, True)
    assert primary_wallet(customer, **DO) == only(customer)


def test_each_of_many_has_its_own(organization: Organization) -> None:
    customers = [make_customer(organization, **given()) for _ in range(5)]
    assert [terms(only(customer)) for customer in customers] == [IN_MINOR] * 5


def test_a_customer_that_is_refused_leaves_no_wallet(organization: Organization) -> None:
    make_customer(organization, external_id="acme")
    with pytest.raises(Conflict):
        add_customer(organization, {"name": "Again", "external_id": "acme"}, **DO)
    assert Wallet.objects.count() == 1


def test_while_unused_it_follows_currency_and_defaults(organization: Organization) -> None:
    """20.00 EUR become 20 JPY; a default that changes later reaches it, too, and one that is taken away."""
    customer = make_customer(organization, **given())
    update_customer(customer, {"currency": "JPY"}, **DO)
    wallet = only(customer)
    assert wallet.currency == "JPY"
    assert terms(wallet) == IN_MINOR | {
        "credit_limit_minor": 25,
        "max_balance_minor": 1000,
        "max_single_credit_minor": 200,
        "low_balance_minor": 20,
        "auto_top_up_minor": 50,
    }
    update_customer(customer, {"default_max_balance": None, "default_credit_limit": Decimal(9)}, **DO)
    wallet = only(customer)
    assert (wallet.max_balance_minor, wallet.credit_limit_minor, wallet.untouched) == (None, 9, True)


def test_a_plan_in_another_currency_takes_wallet_and_defaults_along(organization: Organization) -> None:
    customer = make_customer(organization, **given())
    assign_plan(customer, make_plan(organization, 1000, currency="JPY"), **DO)
    customer.refresh_from_db()
    assert (customer.currency, customer.default_max_balance_minor) == ("JPY", 1000)
    assert (only(customer).currency, only(customer).max_balance_minor) == ("JPY", 1000)


def test_with_rules_of_its_own_it_follows_the_currency_alone(organization: Organization) -> None:
    customer = make_customer(organization, **given())
    edit_wallet(only(customer), replace(terms_of(only(customer)), max_balance_minor=30_000), **DO)
    assert only(customer).untouched is False
    update_customer(customer, {"currency": "JPY", "default_max_balance": Decimal(5000)}, **DO)
    assert (only(customer).currency, only(customer).max_balance_minor) == ("JPY", 300)


def granted(wallet: Wallet) -> None:
    grant(wallet, Decimal(5), key="k", **DO)


def sold(wallet: Wallet) -> None:
    sell_credits(wallet, Decimal(5), **DO)


def spent(wallet: Wallet) -> None:
    invoice = create_one_off(wallet.customer, [Item("Work", Decimal(5))], finalize=True, **DO)
    assert consume(wallet.customer, 500, "EUR", invoice=invoice, **DO) == [(wallet, 500)]


@pytest.mark.parametrize(
    ("use", "reasons"),
    [(granted, ["a wallet with credits"]), (sold, ["an invoice for credits"])],
)
def test_the_first_use_ends_that_and_fixes_the_currency(
    organization: Organization, use: Any, reasons: list[str]
) -> None:
    customer = make_customer(organization, **given())
    assert lock_reasons(customer) == []
    use(only(customer))
    assert only(customer).untouched is False and lock_reasons(customer) == reasons
    with pytest.raises(Locked):
        update_customer(customer, {"currency": "JPY"}, **DO)
    update_customer(customer, {"default_max_balance": Decimal(5000)}, **DO)
    assert (only(customer).currency, only(customer).max_balance_minor) == ("EUR", 100_000)


def test_an_alert_ends_that_too(organization: Organization) -> None:
    customer = make_customer(organization)
    save_alert(
        only(customer), AlertTerms(AlertKind.WALLET_AMOUNT.value, "low", steps=((Decimal(5), ""),)), **DO
    )
    assert only(customer).untouched is False and lock_reasons(customer) == []


def test_the_credit_of_a_postpaid_customer_is_there_from_the_start(organization: Organization) -> None:
    customer = make_customer(organization, mode="postpaid", **given())
    spent(only(customer))
    assert (only(customer).balance_minor, only(customer).untouched) == (-500, False)


def test_credits_that_were_sold_arrive_in_the_currency_they_were_paid_in(organization: Organization) -> None:
    customer = make_customer(organization)
    invoice = sell_credits(only(customer), Decimal(5), **DO)
    record_payment(invoice, key="all", **DO)
    assert (only(customer).currency, only(customer).balance_minor) == ("EUR", 500)


def test_it_takes_no_place_among_the_six(organization: Organization) -> None:
    customer = make_customer(organization)
    for _ in range(MOST_WALLETS):
        create_wallet(customer, currency="EUR", **DO)
    with pytest.raises(Conflict):
        create_wallet(customer, currency="EUR", **DO)


def test_the_database_lets_no_money_into_an_unused_one(organization: Organization) -> None:
    wallet = only(make_customer(organization))
    with pytest.raises(IntegrityError, match="wallet_untouched_is_empty"), transaction.atomic():
        Wallet.objects.filter(pk=wallet.pk).update(balance_minor=1)
