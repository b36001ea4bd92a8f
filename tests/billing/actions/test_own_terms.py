"""Terms that were agreed with one subscription: what it pays, and that it follows no change of its plan. By hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.actions import price_changes
from billing.actions.fixed_charges import FixedTerms, add_fixed
from billing.actions.own_terms import agree_on
from billing.actions.plan_prices import PriceTerms, add_price
from billing.actions.plans import update_plan
from billing.models import Job
from billing.queries.own_terms import OwnCharge, OwnFixed, OwnTerms, own_differences
from billing.rules.errors import Conflict, FieldErrors
from invoicing.actions.billing_run import run
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.termination import terminate_subscription
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_add_on, make_metric, make_tax
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
    assert (invoice.taxes_minor, {line.group for line in invoice.lines.all()}) == (220, {"Deal"})
    row.refresh_from_db()
    assert [one.kind for one in own_differences(row)] == ["fee", "charge", "invoice_name", "taxes"]
    agree_on(row, None, by=ACTOR, at=on(2026, 2, 2))
    run(on(2026, 3, 1))
    last = Invoice.objects.order_by("number").last()
    assert last is not None
    assert (last.lines_minor, last.taxes_minor) == (5000, 0)


def test_given_up_for_the_next_period_they_outlast_a_change_of_price() -> None:
    """20.00 in February instead of 31.00, given up from March on. The plan goes to 50.00 at once on 11 February: that
    counts from March on. Given up at once after all, February is 50.00.
    """
    organization = make_organization()
    plan = make_plan(organization, 3100)
    rows = [subscribe(billed_customer(organization), plan, on(2026, 2, 1)) for _ in range(2)]
    for row in rows:
        agree_on(row, OwnTerms(amount_minor=2000), by=ACTOR, at=on(2026, 2, 5))
        agree_on(row, None, follow="renewal", by=ACTOR, at=on(2026, 2, 10))
    update_plan(plan, {"amount_minor": 5000}, follow="now", by=ACTOR, at=on(2026, 2, 11))
    for job in Job.objects.filter(task=price_changes.TASK):
        price_changes.carry_out(job)
    rows[1].refresh_from_db()
    agree_on(rows[1], None, by=ACTOR, at=on(2026, 2, 12))
    run(on(2026, 3, 1))
    run(on(2026, 4, 1))
    totals = [
        list(Invoice.objects.about(row).order_by("pk").values_list("lines_minor", flat=True)) for row in rows
    ]
    assert totals == [[2000, 5000], [5000, 5000]]


def test_a_change_of_plan_ends_them_and_one_that_waits_can_have_some() -> None:
    """20.00 instead of 31.00 in advance; on the other plan 62.00, also for one not yet begun. A change that waits
    for the end of the period begins with terms that were agreed on meanwhile.
    """
    organization = make_organization()
    small = make_plan(organization, 3100, pay_in_advance=True)
    large, free = (
        make_plan(organization, 6200, pay_in_advance=True),
        make_plan(organization, 0, pay_in_advance=True),
    )
    own = OwnTerms(amount_minor=2000)
    runs = subscribe(billed_customer(organization), small, on(2026, 3, 1), own=own)
    waits = subscribe(
        billed_customer(organization), small, on(2026, 3, 1), own=own, subscription_at=on(2026, 4, 1)
    )
    for row in (runs, waits):
        made = change_plan(row, large, by=ACTOR, at=on(2026, 3, 11)).subscription
        made.refresh_from_db()
        assert (made.has_own_terms, made.amount_minor) == (False, 6200)
        assert own_differences(made) == []
    lower = subscribe(billed_customer(organization), small, on(2026, 3, 1), own=own)
    planned = change_plan(lower, free, by=ACTOR, at=on(2026, 3, 11)).subscription
    assert planned.takes_over_at == on(2026, 4, 1)
    agree_on(planned, OwnTerms(amount_minor=700), by=ACTOR, at=on(2026, 3, 12))
    run(on(2026, 4, 1))
    assert [one.lines_minor for one in Invoice.objects.about(planned)] == [700]


def test_each_currency_has_its_terms_and_units_begin_with_them() -> None:
    """In dollars 40.00 and 3 seats at 1.50 instead of 45.00 and 2 at 2.00; events that bring their own amounts get a
    minimum of 9.00 there. One over, or units of one that runs, are refused.
    """
    organization = make_organization()
    metric = make_metric(organization, "pay", "sum")
    seats = FixedTerms(
        make_add_on(organization, "seat"),
        properties={"amount": "1"},
        units=Decimal(2),
        prices={"USD": {"amount": "2"}},
    )
    plan = make_plan(organization, 3100, charge(metric, "dynamic", {}), fixed_charges=[])
    add_price(plan, PriceTerms("USD", 4500), by=ACTOR, at=on(2026, 1, 1))
    fixed = add_fixed(plan, seats, by=ACTOR, at=on(2026, 1, 1))
    own = OwnTerms(
        amount_minor=4000,
        charges={plan.charges.get().pk: OwnCharge(min_amount_minor=900)},
        fixed={fixed.pk: OwnFixed({"amount": "1.5"}, Decimal(3))},
    )
    row = subscribe(
        billed_customer(organization, currency="USD"), plan, on(2026, 3, 1), currency="USD", own=own
    )
    run(on(2026, 4, 1))
    amounts = Invoice.objects.get().lines.order_by("position").values_list("amount_minor", flat=True)
    assert sorted(amounts) == [450, 900, 4000]
    with pytest.raises(FieldErrors):
        agree_on(row, OwnTerms(fixed={fixed.pk: OwnFixed(units=Decimal(1))}), by=ACTOR, at=on(2026, 4, 2))
    terminate_subscription(row, by=ACTOR, at=on(2026, 4, 2))
    with pytest.raises(Conflict):
        agree_on(row, own, by=ACTOR, at=on(2026, 4, 3))
