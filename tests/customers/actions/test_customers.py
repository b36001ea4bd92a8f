"""Adding and changing customers: exact rows, and nothing else on refusal."""

from __future__ import annotations

import pytest

from tests.factories.customers import make_customer
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


def test_factory() -> None:
    customer = make_customer(make_organization())
    assert customer.sequence == 1
