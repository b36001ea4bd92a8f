"""Usage and fixed charges billed every month within a longer period: lines, ends, changes of plan. By hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.fixed_charges import FixedTerms
from billing.models import Organization, Subscription
from billing.queries.usage import running_window
from billing.rules.plan_changes import When
from invoicing.actions.billing_run import run
from invoicing.actions.effects import effect_of_cancel
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.termination import terminate_subscription
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_add_on, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
USED = [("charge", 100)]
FIXED = [("fixed_charge", 200)]
FEE = [("subscription", 120000)]
MONTHS = [on(2026, month, 1) for month in range(2, 13)] + [on(2027, 1, 1)]


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def yearly(
    organization: Organization, *, usage: bool = True, fixed: bool = False, **terms: Any
) -> Subscription:
    """1,200.00 a year since 1 January 2026 and 2.00 for a seat; a unit at 1.00 on the 15th of so many months."""
    metric = make_metric(organization, "calls")
    rows = (
        [FixedTerms(make_add_on(organization), properties={"amount": "2"}, units=Decimal(1))] if fixed else []
    )
    values = {"interval": "yearly", "bill_charges_monthly": usage, "fixed_charges": rows} | terms
    months = values.pop("months", 12)
    price = charge(metric, properties={"amount": "1"}, min_amount_minor=values.pop("minimum", 0))
    plan = make_plan(organization, values.pop("amount", 120000), price, **values)
    row = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    for month in range(1, months + 1):
        use(row, metric, 1, at=on(2026, month, 15))
    return row


def billed() -> list[list[tuple[str, int]]]:
    """The lines of each invoice by its number."""
    return [
        [(line.kind, line.amount_minor) for line in invoice.lines.order_by("position")]
        for invoice in Invoice.objects.filter(status="finalized").order_by("number")
    ]


@pytest.mark.parametrize(
    ("usage", "fixed", "month", "last", "steps"),
    [
        (True, True, USED + FIXED, FEE + USED + FIXED, MONTHS),
        (True, False, USED, FEE + USED + FIXED, MONTHS[-1:]),
        (False, True, FIXED, [*FEE, ("charge", 1200), *FIXED], MONTHS),
        (False, True, FIXED, [*FEE, ("charge", 1200), *FIXED], MONTHS[-1:]),
    ],
)
def test_what_is_billed_each_month_one_by_one_or_in_one_jump(
    organization: Organization, usage: bool, fixed: bool, month: Any, last: Any, steps: list[Any]
) -> None:
    row = yearly(organization, usage=usage, fixed=True, bill_fixed_charges_monthly=fixed)
    assert row.next_billing_at == on(2026, 2, 1)
    assert running_window(row, on(2026, 1, 20)) == (
        on(2026, 1, 1),
        on(2026, 2, 1) if usage else on(2027, 1, 1),
    )
    for moment in steps:
        run(moment)
    assert billed() == [month] * 11 + [last]
    row.refresh_from_db()
    assert row.next_billing_at == on(2027, 2, 1)
    lines = Invoice.objects.order_by("number").first().lines.order_by("position")  # type: ignore[union-attr]
    assert {(line.period_start, line.period_end) for line in lines} == {(on(2026, 1, 1), on(2026, 2, 1))}
    # 41 of 365 days, a last part of a month.
    terminate_subscription(row, by=ACTOR, at=on(2027, 2, 10, 12))
    january = [] if month == USED else [FIXED]
    assert billed()[12:] == [*january, [("subscription", 13479), *FIXED]]


@pytest.mark.parametrize(
    ("advance", "ended", "expected"),
    [
        # 59 of 365 days of 2,000.00 are 323.29, of 1,200.00 193.97; two months at their minimum of 5.00.
        (False, on(2026, 3, 1), [("subscription", 19397), ("commitment", 11932)]),
        (True, on(2026, 3, 1), [("commitment", 11932)]),
        # March: 10 of 31 days of 5.00 are 1.61. 69 of 365 days: 378.08 and 226.85.
        (
            False,
            on(2026, 3, 11),
            [("subscription", 22685), ("true_up", 161), ("commitment", 37808 - 22685 - 1161)],
        ),
    ],
)
def test_an_end_within_the_year_settles_minimums(
    organization: Organization, advance: bool, ended: Any, expected: Any
) -> None:
    row = yearly(organization, months=2, minimum=500, commitment_minor=200000, pay_in_advance=advance)
    run(on(2026, 3, 1))
    month = [("charge", 100), ("true_up", 400)]
    assert billed()[-2:] == [month, month]
    terminate_subscription(row, by=ACTOR, at=ended)
    assert billed()[-1] == expected


def test_a_scheduled_change_and_a_cancellation_wait_for_the_end_of_the_year(
    organization: Organization,
) -> None:
    row = yearly(organization)
    run(on(2026, 3, 1))
    effect = effect_of_cancel(row, by=ACTOR, at=on(2026, 3, 5))
    assert (effect.until, len(effect.before)) == (on(2027, 1, 1), 10)
    other = make_plan(organization, 1000)
    change = change_plan(row, other, when=When.PERIOD_END, by=ACTOR, at=on(2026, 3, 5))
    assert change.at == on(2027, 1, 1)
    run(on(2027, 2, 1))
    assert billed()[2:] == [*[USED] * 9, FEE + USED, [("subscription", 1000)]]


def test_a_change_in_the_middle_of_a_month(organization: Organization) -> None:
    """Up to 10 April the fee costs 99 of 365 days and usage what came since 1 April; the new plan goes on."""
    row = yearly(organization, months=3)
    run(on(2026, 4, 1))
    metric = row.plan.charges.get().metric
    use(row, metric, 3, at=on(2026, 4, 5))
    other = make_plan(organization, 240000, charge(metric, properties={"amount": "1"}), interval="yearly")
    change_plan(row, other, when=When.NOW, by=ACTOR, at=on(2026, 4, 10))
    assert billed()[3:] == [[("subscription", 32548), ("charge", 300)]]
