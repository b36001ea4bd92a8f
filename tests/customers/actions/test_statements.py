"""The printed statement of account: what it says, and the same bytes for the same account."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from customers.actions.statements import render
from customers.models import Customer
from customers.queries.statement import statement
from customers.queries.statement_document import statement_document
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def printed(customer: Customer) -> bytes:
    """The statement of 2026."""
    found = statement(customer, "EUR", date(2026, 1, 1), date(2026, 12, 31), NOW)
    return render(statement_document(customer, found))


def test_a_statement_is_printed_in_the_customers_language_and_always_the_same() -> None:
    """100.00 and 102.00 are charged, 50.00 are paid: 152.00 are left."""
    customer = make_customer(make_organization("Acme GmbH"), currency="EUR", name="Globex", locale="de")
    invoices = [
        create_one_off(customer, [Item("Work", Decimal(net))], finalize=True, by=ACTOR, at=NOW)
        for net in (100, 102)
    ]
    record_payment(invoices[1], amount_minor=5000, key="p", by=ACTOR, at=NOW)
    first = printed(customer)
    assert first == printed(customer)
    text = " ".join(page.extract_text() for page in PdfReader(BytesIO(first)).pages)
    for expected in ("Kontoauszug", "Globex", *(row.number for row in invoices), "50,00", "152,00"):
        assert expected in text, expected
    record_payment(invoices[0], key="q", by=ACTOR, at=NOW)
    assert printed(customer) != first
