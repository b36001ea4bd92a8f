"""Customers for tests, made by the real action."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from billing.models import Organization
from customers.actions.customers import add_customer
from customers.models import Customer
from tests.factories.people import ACTOR, NOW

counter = itertools.count(1)


def make_customer(organization: Organization, *, at: datetime = NOW, **fields: Any) -> Customer:
    """A customer with a name, external ID and e-mail of its own: `make_customer(org, currency="UGX")`."""
    number = next(counter)
    given = {
        "name": f"Customer {number}",
        "external_id": f"customer-{number}",
        "email": f"customer{number}@example.com",
    }
    return add_customer(organization, given | fields, by=ACTOR, at=at)
