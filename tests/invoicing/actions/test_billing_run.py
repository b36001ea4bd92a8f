"""The billing run: what is due becomes invoices, once, in order, whatever happens."""

from __future__ import annotations

import pytest

from invoicing.actions.billing_run import run
from invoicing.models import Invoice, InvoicedPeriod
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


def test_a_first_month_in_arrears_is_charged_by_days() -> None:
    """31.00 a month from 15 January noon: 17 of 31 days are 17.00."""
    organization = make_organization()
    customer = billed_customer(organization)
    subscription = subscribe(customer, make_plan(organization, 3100), on(2026, 1, 15, 12))

    run(on(2026, 2, 1))

    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.total_minor, invoice.issuing_on.isoformat()) == (
        "finalized",
        1700,
        "2026-02-01",
    )
    line = invoice.lines.get()
    assert (line.amount_minor, line.steps[0]["label"]) == (1700, "17 of 31 days")
    subscription.refresh_from_db()
    assert subscription.next_billing_at == on(2026, 3, 1)
    rows = InvoicedPeriod.objects.order_by("kind").values_list("kind", "start", "end", "closing")
    assert list(rows) == [
        ("fee", on(2026, 1, 15), on(2026, 2, 1), False),
        ("usage", on(2026, 1, 15, 12), on(2026, 2, 1), True),
    ]
