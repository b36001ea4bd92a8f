"""Terms that were agreed with one subscription: what it pays, and that it follows no change of its plan. By hand."""

from __future__ import annotations

import pytest

from billing.actions.own_terms import agree_on
from billing.actions.plans import update_plan
from billing.queries.own_terms import OwnCharge, OwnTerms, own_differences
from invoicing.actions.billing_run import run
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_metric, make_tax
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


def test_own_terms_are_billed_stay_and_are_given_up() -> None:
    """20.00 and 0.50 a unit with 10 % instead of 31.00 and 1.00; the plan goes to 50.00, which counts from the end of
    the agreement on.
    """
    organization = make_organization()
    metric, tax = make_metric(organization, "calls"), make_tax(organization, rate="10")
    plan = make_plan(organization, 3100, charge(metric, properties={"amount": "1"}))
    charges = {plan.charges.get().pk: OwnCharge({"amount": "0.5"})}
    own = OwnTerms(amount_minor=2000, taxes=[tax.code], invoice_display_name="Deal", charges=charges)
    row = subscribe(billed_customer(organization), plan, on(2026, 1, 1), own=own)
    assert (row.has_own_terms, row.amount_minor) == (True, 2000)
    use(row, metric, 4, at=on(2026, 1, 5))
    update_plan(plan, {"amount_minor": 5000}, follow="now", by=ACTOR, at=on(2026, 1, 10))
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get()
    lines = [(line.kind, line.amount_minor, line.description) for line in invoice.lines.order_by("position")]
    assert lines == [("subscription", 2000, "Deal, monthly fee"), ("charge", 200, metric.name)]
    assert invoice.taxes_minor == 220
    row.refresh_from_db()
    assert [one.kind for one in own_differences(row)] == ["fee", "charge"]
    agree_on(row, None, by=ACTOR, at=on(2026, 2, 2))
    run(on(2026, 3, 1))
    last = Invoice.objects.order_by("number").last()
    assert last is not None
    assert (last.lines_minor, last.taxes_minor) == (5000, 0)
