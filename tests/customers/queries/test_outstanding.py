"""What is outstanding is found alike for few matches and for many, and as it is added up by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from customers.models import Customer
from customers.queries.narrow import narrowed
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
BOUNDS = [
    (None, "499"),
    ("500", None),
    ("500.01", None),
    ("0", None),
    ("0", "0"),
    ("600", "1000"),
    ("1001", None),
]


def test_few_and_many_are_the_same() -> None:
    organization, other = make_organization("Acme"), make_organization("Else")
    owed = {"Nothing": [], "Once": [500], "Twice": [500, 500], "Paid": [700], "Changed": [900]}
    for name, amounts in owed.items():
        customer = make_customer(organization, name=name)
        for amount in amounts:
            create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=NOW)
    yen = make_customer(organization, name="Yen", currency="JPY")
    create_one_off(yen, [Item("Work", Decimal(500))], finalize=True, by=ACTOR, at=NOW)
    create_one_off(make_customer(other), [Item("Work", Decimal(500))], finalize=True, by=ACTOR, at=NOW)
    Invoice.objects.filter(customer__name="Paid").update(payment_status="paid")
    Customer.objects.filter(name="Changed").update(currency="USD")
    due = {"Nothing": 0, "Once": 500, "Twice": 1000, "Paid": 0, "Yen": 500, "Changed": 0}
    for low, high in BOUNDS:
        values = {"outstanding_min": low and Decimal(low), "outstanding_max": high and Decimal(high)}
        asked = {key: value for key, value in values.items() if value is not None}
        found = narrowed(organization, asked, [], today=date(2026, 1, 1))
        few = set(found.rows.values_list("name", flat=True))
        assert set(found.walk.values_list("name", flat=True)) == few
        wanted = {
            name for name, minor in due.items() if Decimal(low or 0) <= minor <= Decimal(high or "Infinity")
        }
        assert few == wanted, (low, high)
