"""Minimum commitments on invoices: arrears, advance, parts of a period, bills in between, drafts. By hand."""

from __future__ import annotations

import pytest

from billing.models import Organization
from invoicing.actions.billing_run import bill_now, run
from invoicing.actions.draft import refresh_draft
from invoicing.actions.preview import preview_next_bill
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.running_commitment import running_commitment
from tests.factories.catalog import charge, make_metric, make_tax
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def lines_of(invoice: Invoice) -> list[tuple[str, int]]:
    return [(line.kind, line.amount_minor) for line in invoice.lines.all()]


def billed() -> list[list[tuple[str, int]]]:
    """The lines of each finalised invoice, in the order of their numbers."""
    return [lines_of(invoice) for invoice in Invoice.objects.filter(status="finalized").order_by("number")]


def test_what_a_period_lacks_is_billed_with_it_and_taxed_like_the_plan(organization: Organization) -> None:
    """100.00 promised; fee 31.00 and usage 2.00 leave 67.00, with the plan's 10 %."""
    metric = make_metric(organization)
    plan = make_plan(
        organization, 3100, charge(metric), commitment_minor=10000, taxes=[make_tax(organization, rate="10")]
    )
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    use(subscription, metric, 20, at=on(2026, 1, 5))
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get()
    assert lines_of(invoice) == [("subscription", 3100), ("charge", 200), ("commitment", 6700)]
    assert (invoice.lines_minor, invoice.taxes_minor) == (10000, 1000)
    line = invoice.lines.get(kind="commitment")
    assert line.description == f"{plan.name}, minimum commitment"
    assert [(step["label"], step["amount"]) for step in line.steps] == [
        ("Commitment", "100"),
        ("Billed for the period", "-33"),
    ]
    assert (line.period_start, line.period_end) == (on(2026, 1, 1), on(2026, 2, 1))


def test_nothing_is_added_once_the_commitment_is_reached(organization: Organization) -> None:
    subscribe(
        billed_customer(organization),
        make_plan(organization, 3100, commitment_minor=3100),
        on(2026, 1, 1),
    )
    run(on(2026, 2, 1))
    assert billed() == [[("subscription", 3100)]]


def test_a_first_and_a_last_period_owe_their_days(organization: Organization) -> None:
    """310.00 from 15 January noon (17 of 31 days) and to 10 February (10 of 28 days), without a fee."""
    plan = make_plan(organization, 0, commitment_minor=31000, commitment_display_name="Promised")
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 15, 12))
    run(on(2026, 2, 1))
    terminate_subscription(subscription, by=ACTOR, at=on(2026, 2, 10, 9))
    assert billed() == [[("commitment", 17000)], [("commitment", 11071)]]
    line = InvoiceLine.objects.first()
    assert line is not None
    assert line.description == "Promised"
    assert line.steps[0]["label"] == "Commitment for 17 of 31 days"


def test_in_advance_the_next_invoice_settles_the_period(organization: Organization) -> None:
    """31.00 paid on 1 January; 100.00 promised, so 69.00 on 1 February beside February's fee."""
    plan = make_plan(organization, 3100, commitment_minor=10000, pay_in_advance=True)
    subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    run(on(2026, 3, 1))
    assert billed() == [
        [("subscription", 3100)],
        [("subscription", 3100), ("commitment", 6900)],
        [("subscription", 3100), ("commitment", 6900)],
    ]


def test_an_end_in_advance_counts_the_days_of_the_fee(organization: Organization) -> None:
    """Ended on the 10th of 31 days: 100.00 promised are 32.26, 31.00 of fee are 10.00; 22.26 are missing."""
    plan = make_plan(organization, 3100, commitment_minor=10000, pay_in_advance=True)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    made = terminate_subscription(subscription, by=ACTOR, at=on(2026, 1, 10, 12))
    assert made.invoice is not None
    assert made.credit_note is not None
    assert lines_of(made.invoice) == [("commitment", 2226)]
    assert made.credit_note.net_minor == 2100


@pytest.mark.parametrize(("withdrawn", "missing"), [(False, 6600), (True, 6900)])
def test_a_bill_in_between_counts_and_a_voided_one_does_not(
    organization: Organization, withdrawn: bool, missing: int
) -> None:
    """100.00 promised, 31.00 fee: 3.00 of usage billed on the 10th leave 66.00, withdrawn they leave 69.00."""
    metric = make_metric(organization)
    customer = billed_customer(organization)
    plan = make_plan(organization, 3100, charge(metric), commitment_minor=10000)
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    use(subscription, metric, 30, at=on(2026, 1, 5))
    between = bill_now(customer, by=ACTOR, at=on(2026, 1, 10))
    if withdrawn:
        void_invoice(between, by=ACTOR, at=on(2026, 1, 11))
    run(on(2026, 2, 1))
    assert billed()[-1] == [("subscription", 3100), ("commitment", missing)]


def test_a_draft_is_refreshed_without_counting_itself(organization: Organization) -> None:
    metric = make_metric(organization)
    customer = billed_customer(organization, grace_period_days=3)
    plan = make_plan(organization, 3100, charge(metric), commitment_minor=10000)
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    run(on(2026, 2, 1))
    draft = Invoice.objects.get()
    assert lines_of(draft) == [("subscription", 3100), ("commitment", 6900)]
    use(subscription, metric, 50, at=on(2026, 1, 31))
    draft = refresh_draft(draft, by=ACTOR, at=on(2026, 2, 2))
    assert lines_of(draft) == [("subscription", 3100), ("charge", 500), ("commitment", 6400)]
    run(on(2026, 2, 4))
    assert billed() == [[("subscription", 3100), ("charge", 500), ("commitment", 6400)]]


@pytest.mark.parametrize("pay_in_advance", [False, True])
def test_the_running_period_says_what_the_next_invoice_would_ask(
    organization: Organization, pay_in_advance: bool
) -> None:
    metric = make_metric(organization)
    customer = billed_customer(organization)
    plan = make_plan(
        organization, 3100, charge(metric), commitment_minor=10000, pay_in_advance=pay_in_advance
    )
    subscription = subscribe(customer, plan, on(2026, 1, 11))
    use(subscription, metric, 30, at=on(2026, 1, 12))
    found = running_commitment(subscription, on(2026, 1, 20))
    assert found is not None
    assert (found.committed_minor, found.billed_minor, found.missing_minor) == (6774, 2400, 4374)
    (coming,) = preview_next_bill(customer, on(2026, 2, 1), by=ACTOR)
    assert [line.amount_minor for line in coming.lines if line.kind == "commitment"] == [4374]
    assert not InvoiceLine.objects.filter(kind="commitment").exists()
