"""POST /invoices/preview: what planned subscriptions would bring, by the run itself; nothing is written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.coupons import apply_coupon
from billing.models import AppliedCoupon, AuditEntry, EmittedEvent, Organization, Subscription
from customers.models import Customer
from invoicing.actions.billing_run import bill_customer
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.catalog import make_coupon
from tests.factories.invoicing import billed_customer, default_tax, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
NOW = on(2026, 10, 11, 9)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization(sandbox=True)
    organization.clock_at, organization.default_currency = NOW, "EUR"
    organization.save()
    return organization


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def asked(api: Api, body: dict[str, Any]) -> list[tuple[str, Any]]:
    """(day, total) of each invoice."""
    status, answer = api.post("/invoices/preview", body)
    assert status == 200, answer
    return [(one["at"][:10], one["total"]) for one in answer["data"]["invoices"]]


def counts() -> tuple[int, ...]:
    return tuple(
        model.objects.count()
        for model in (Customer, Subscription, Invoice, AppliedCoupon, AuditEntry, EmittedEvent)
    )


def test_a_buyer_who_is_none_yet(api: Api, organization: Organization) -> None:
    """31.00 a month in advance with 20 percent of tax: 21 days of October now, November on the 1st."""
    default_tax(organization)
    make_plan(organization, 3100, pay_in_advance=True, code="team")
    before = counts()
    body = {"customer": {"name": "Soon", "country": "fr"}, "planCode": "team"}
    assert asked(api, body) == [("2026-10-11", Decimal("25.2")), ("2026-11-01", Decimal("37.2"))]
    assert counts() == before


def test_it_is_what_then_comes(api: Api, customer: Customer, organization: Organization) -> None:
    """With a coupon of 10 percent once; afterwards the same is done in earnest."""
    plan = make_plan(organization, 3100, code="team")
    coupon = make_coupon(organization)
    body = {"customerId": customer.public_id, "planId": plan.public_id, "coupons": [coupon.code]}
    [(day, total)] = asked(api, body)
    assert (day, total) == ("2026-11-01", Decimal("18.9"))
    apply_coupon(customer, coupon, by=ACTOR, at=NOW)
    subscribe(customer, plan, NOW)
    bill_customer(customer.pk, by=ACTOR, at=on(2026, 11, 1))
    assert Invoice.objects.get().total_minor == 1890


def test_subscriptions_share_an_invoice_unless_one_wants_its_own(api: Api, customer: Customer) -> None:
    small, large = (make_plan(customer.organization, minor) for minor in (3100, 6200))
    for own, invoices in ((False, [63]), (True, [21, 42])):
        body = {
            "customerId": customer.external_id,
            "subscriptions": [
                {"planId": small.public_id},
                {"planId": large.public_id, "separateInvoice": own},
            ],
        }
        found = asked(api, body)
        assert sorted(total for _, total in found) == invoices
        assert {day for day, _ in found} == {"2026-11-01"}


def test_a_start_to_come_and_a_running_one(api: Api, customer: Customer) -> None:
    """From 15 November in advance: 16 days then, December on the 1st; the one that runs is billed on 1 November."""
    plan = make_plan(customer.organization, 3000, pay_in_advance=True)
    running = subscribe(customer, make_plan(customer.organization, 3100), on(2026, 10, 1))
    body = {
        "customerId": customer.public_id,
        "subscriptions": [{"planId": plan.public_id, "startDate": "2026-11-15T00:00:00Z"}],
        "subscriptionIds": [running.external_id],
    }
    assert asked(api, body) == [("2026-11-01", 31), ("2026-11-15", 16), ("2026-12-01", 61)]


def test_the_lines_say_their_period(api: Api, customer: Customer) -> None:
    plan = make_plan(customer.organization, 3100)
    _, body = api.post("/invoices/preview", {"customerId": customer.public_id, "planId": plan.public_id})
    [invoice] = body["data"]["invoices"]
    [line] = invoice["lines"]
    assert (line["from"][:10], line["to"][:10], line["amount"]) == ("2026-10-11", "2026-11-01", 21)
    assert (invoice["currency"], invoice["amount"], invoice["amountDue"]) == ("EUR", 21, 21)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"customerId": None}, (400, "invalid", "customerId")),
        ({"customer": {"name": "Two"}}, (400, "invalid", "customerId")),
        ({"customerId": "cust_" + "0" * 32}, (400, "customer_not_found", "customerId")),
        ({"planId": "nope"}, (400, "plan_not_found", "subscriptions[0].planId")),
        ({"planId": None}, (400, "invalid", "subscriptions")),
        ({"coupons": ["nope"]}, (400, "coupon_not_found", "coupons")),
        ({"subscriptionIds": ["nope"]}, (400, "invalid", "subscriptionIds")),
        (
            {"customerId": None, "customer": {"currency": "usd"}},
            (400, "price_not_found", "subscriptions[0].plan"),
        ),
        ({"customerId": None, "customer": {"timezone": "Mars"}}, (400, "invalid", "customer.timezone")),
        ({"customerId": None, "customer": {"taxCodes": ["x"]}}, (400, "invalid", "customer.taxCodes[0]")),
    ],
)
def test_refusals_name_the_field(
    api: Api, customer: Customer, change: dict[str, Any], error: tuple[int, str, str]
) -> None:
    plan = make_plan(customer.organization, 3100)
    body = {"customerId": customer.public_id, "planId": plan.public_id} | change
    assert refused(api.post("/invoices/preview", body)) == error


def test_a_strangers_customer_is_unknown(customer: Customer) -> None:
    other = make_organization("Other")
    plan = make_plan(other, 3100)
    body = {"customerId": customer.public_id, "planId": plan.public_id}
    assert refused(Api(other).post("/invoices/preview", body))[1] == "customer_not_found"
