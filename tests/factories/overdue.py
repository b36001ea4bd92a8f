"""Customers who owe something since a while, for tests."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.models import Organization
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.customers import make_customer
from tests.factories.invoicing import on
from tests.factories.people import ACTOR

ISSUED, LATE = on(2026, 3, 1), on(2026, 4, 15, 12)  # thirty days to pay: overdue from 1 April on


def make_debtor(organization: Organization, **fields: Any) -> Customer:
    """A customer in EUR with thirty days to pay."""
    wanted = {"currency": "EUR", "net_payment_term_days": 30, "email": "ap@globex.example", "name": "Globex"}
    return make_customer(organization, **(wanted | fields))


def owe(customer: Customer, amount: Any = 100, at: datetime = ISSUED) -> Invoice:
    """A final invoice without tax, due thirty days after `at`."""
    return create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=at)
