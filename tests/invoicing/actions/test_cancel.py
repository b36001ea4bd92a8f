"""A canceled subscription through the billing run: it ends with its period, and nothing begins after it."""

from __future__ import annotations

import pytest

from billing.actions.subscription_terms import cancel_at_period_end, keep_subscription
from billing.models import EmittedEvent, Organization
from invoicing.actions.billing_run import run
from invoicing.actions.termination import terminate_subscription
from invoicing.models import CreditNote, Invoice
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.mark.parametrize(("in_advance", "totals"), [(True, [3100, 500]), (False, [3600])])
def test_the_last_period_is_billed_in_full_and_no_next_one_begins(
    organization: Organization, in_advance: bool, totals: list[int]
) -> None:
    """31.00 a month and usage of 5.00 in March: all of March is paid, nothing of April, nothing is given back."""
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric), pay_in_advance=in_advance)
    row = subscribe(billed_customer(organization), plan, on(2026, 3, 1))
    cancel_at_period_end(row, by=ACTOR, at=on(2026, 3, 10))
    use(row, metric, 50, at=on(2026, 3, 20))
    run(on(2026, 3, 31, 23))
    row.refresh_from_db()
    assert row.status == "active"
    for _ in range(2):
        run(on(2026, 4, 1))
    row.refresh_from_db()
    assert (row.status, row.canceled_at, row.terminated_at) == ("canceled", on(2026, 4, 1), on(2026, 4, 1))
    assert row.next_billing_at is None
    run(on(2026, 6, 1))
    assert [invoice.total_minor for invoice in Invoice.objects.order_by("period_start")] == totals
    assert not CreditNote.objects.exists()
    assert EmittedEvent.objects.filter(name="subscription.canceled").count() == 1


def test_one_that_was_kept_goes_on(organization: Organization) -> None:
    row = subscribe(billed_customer(organization), make_plan(organization, 3100), on(2026, 3, 1))
    cancel_at_period_end(row, by=ACTOR, at=on(2026, 3, 10))
    keep_subscription(row, by=ACTOR, at=on(2026, 3, 11))
    run(on(2026, 5, 1))
    row.refresh_from_db()
    assert row.status == "active"
    assert [invoice.total_minor for invoice in Invoice.objects.all()] == [3100, 3100]


def test_ending_it_now_is_still_possible(organization: Organization) -> None:
    row = subscribe(billed_customer(organization), make_plan(organization, 3100), on(2026, 3, 1))
    cancel_at_period_end(row, by=ACTOR, at=on(2026, 3, 10))
    terminate_subscription(row, by=ACTOR, at=on(2026, 3, 15, 8))
    row.refresh_from_db()
    assert (row.status, Invoice.objects.get().total_minor) == ("terminated", 1500)
