"""/api/analytics: the figures of the first page, in one currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.actions.clock import now
from billing.rules.money import from_minor
from customers.queries.charts import recurring_movements
from customers.queries.home import home
from tests.factories.api import Api, refused
from tests.factories.paying import make_due
from tests.factories.people import make_organization
from tests.factories.world import make_world

pytestmark = pytest.mark.django_db


def test_they_are_those_of_the_first_page() -> None:
    world = make_world("alpha")
    api, organization = Api(world.organization), world.organization
    found = home(organization, now(organization))
    currency = found.main_currency(organization.default_currency)
    revenue = api.get("/analytics/revenue")[1]["data"]
    assert (revenue["currency"], revenue["currencies"]) == (currency, found.currencies)
    assert len(revenue["months"]) == 12 and revenue["invoiceCount"] > 0
    billed = {month["month"]: month["invoiced"] for month in revenue["months"] if month["invoiced"]}
    known_months = found.revenue.invoiced[currency].items()
    assert billed == {f"{month}": from_minor(one.minor, currency) for month, one in known_months if one.minor}
    assert revenue["totalInvoiced"] == sum(month["invoiced"] for month in revenue["months"])
    mrr = api.get("/analytics/mrr", currency=currency.lower())[1]["data"]
    known = {one.currency: one.minor for one in found.mrr}
    assert mrr["mrr"] == revenue["mrr"] == from_minor(known.get(currency, 0), currency)
    moved = recurring_movements(organization, currency, found.revenue.months, timezone.now())
    assert [month["end"] for month in mrr["months"]] == [from_minor(item.end, currency) for item in moved]
    payments = api.get("/analytics/payments")[1]["data"]
    unpaid = sum(part.minor for part in found.unpaid if part.currency == currency)
    assert payments["outstanding"] == from_minor(unpaid, currency)
    assert payments["totalPayments"] == sum(payments[name] for name in ("successful", "failed", "pending"))
    assert api.get("/analytics/customers")[1]["data"]["totalCustomers"] == found.count("customers")
    assert api.get("/analytics/subscriptions")[1]["data"]["live"] == found.count("subscriptions")
    churn = api.get("/analytics/churn")[1]["data"]["months"]
    assert [month["churn"] for month in churn] == [from_minor(item.churn, currency) for item in moved]


def test_numbers_of_nothing_and_of_little() -> None:
    organization = make_organization()
    api = Api(organization)
    empty = api.get("/analytics/revenue")[1]["data"]
    assert (empty["currency"], empty["currencies"], empty["totalRevenue"]) == ("EUR", [], 0)
    assert api.get("/analytics/payments")[1]["data"]["successRate"] is None
    assert api.get("/analytics/customers")[1]["data"]["arpu"] is None
    invoice = make_due(organization, 100)
    api.post("/payments", {"invoiceId": invoice.public_id, "amount": 40})
    paid = api.get("/analytics/payments", currency=invoice.currency)[1]["data"]
    assert (paid["successful"], paid["successRate"], paid["receivedThisMonth"]) == (1, Decimal(100), 40)
    assert paid["outstandingInvoices"] == 1
    assert refused(api.get("/analytics/mrr", currency="ZZZ"))[::2] == (400, "currency")
