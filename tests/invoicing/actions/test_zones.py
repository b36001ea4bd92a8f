"""Awkward calendars end to end: the last day of a month, leap days, clock changes, a customer that moves. Periods
follow each other without a gap, and each is paid for once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from billing.models import Organization, Subscription
from billing.queries.usage import current_usage
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.termination import terminate_subscription
from invoicing.models import CreditNote, Invoice, InvoicedPeriod
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
CASES = [
    ("Europe/Berlin", "calendar", True),
    ("Europe/Berlin", "anniversary", False),
    ("America/New_York", "anniversary", True),
    ("Asia/Kolkata", "calendar", False),
    ("Pacific/Apia", "anniversary", False),
    ("Pacific/Kiritimati", "calendar", True),
]


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def stretches(subscription: Subscription, kind: str) -> list[tuple[datetime, datetime]]:
    """What was billed of the subscription, in order."""
    rows = InvoicedPeriod.objects.filter(subscription=subscription, kind=kind).order_by("start", "end")
    return list(rows.values_list("start", "end"))


def seamless(found: list[tuple[datetime, datetime]]) -> bool:
    """Each stretch begins where the one before has ended."""
    return all(one[1] == two[0] for one, two in pairwise(found))


@pytest.mark.parametrize(("tz", "billing_time", "in_advance"), CASES)
def test_fourteen_months_from_the_31st_without_a_gap(
    organization: Organization, tz: str, billing_time: str, in_advance: bool
) -> None:
    """From 31 January 2027, over two clock changes and 29 February 2028: the usage of every moment is billed once,
    the fee of every period once, and every whole period costs the same.
    """
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric), pay_in_advance=in_advance)
    customer = billed_customer(organization, timezone=tz)
    start = on(2027, 1, 31, 9)
    subscription = subscribe(customer, plan, start, billing_time=billing_time)
    moment = start
    while moment < on(2028, 4, 2):
        use(subscription, metric, 10, at=moment)
        moment += timedelta(days=18, hours=14)
        assert run(moment).failed == []
    used, fees = stretches(subscription, "usage"), stretches(subscription, "fee")
    subscription.refresh_from_db()
    assert seamless(used) and seamless(fees)
    assert used[0][0] == start and used[-1][1] <= moment
    assert fees[-1][1] == subscription.next_billing_at if in_advance else used[-1][1] == fees[-1][1]
    whole = Invoice.objects.filter(lines__kind="subscription", lines__amount_minor=3100).count()
    assert len(fees) - whole == (1 if billing_time == "calendar" else 0)
    counted = sum(
        line.units for invoice in Invoice.objects.all() for line in invoice.lines.filter(kind="charge")
    )
    left = current_usage(subscription, moment).charges[0].units
    assert counted + left == 10 * 23


@pytest.mark.parametrize("in_advance", [True, False])
def test_a_customer_that_moves_round_the_world_pays_each_month_once(
    organization: Organization, in_advance: bool
) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=in_advance)
    customer = billed_customer(organization, timezone="Pacific/Kiritimati")
    subscription = subscribe(customer, plan, on(2025, 12, 31, 10))
    for month, tz in enumerate(
        ("America/New_York", "Asia/Kolkata", "Pacific/Pago_Pago", "Pacific/Apia", "UTC"), 2
    ):
        Customer.objects.filter(pk=customer.pk).update(timezone=tz)
        run(on(2026, month, 2, 12))
    assert seamless(stretches(subscription, "usage"))
    fees = Invoice.objects.filter(lines__kind="subscription").values_list("total_minor", flat=True)
    assert list(fees) == [3100] * (6 if in_advance else 5)


@pytest.mark.parametrize("in_advance", [True, False])
def test_a_subscription_that_starts_and_ends_on_one_day(organization: Organization, in_advance: bool) -> None:
    """One of 31 days, whichever way it is paid; ended in the moment of its start too."""
    plan = make_plan(organization, 3100, pay_in_advance=in_advance)
    for hours in (0, 5):
        customer = billed_customer(organization)
        subscription = subscribe(customer, plan, on(2026, 1, 10, 9))
        terminate_subscription(subscription, by=ACTOR, at=on(2026, 1, 10, 9 + hours))
        run(on(2026, 2, 2))
        asked = sum(row.total_minor for row in Invoice.objects.filter(customer=customer))
        back = sum(note.total_minor for note in CreditNote.objects.filter(customer=customer))
        assert asked - back in ({100} if in_advance or hours else {0, 100}), (hours, asked, back)


def test_ending_twice_at_the_boundary_bills_no_empty_period(organization: Organization) -> None:
    metric = make_metric(organization)
    subscription = subscribe(
        billed_customer(organization), make_plan(organization, 3100, charge(metric)), on(2026, 1, 1)
    )
    use(subscription, metric, 10, at=on(2026, 1, 31, 23, 59))
    use(subscription, metric, 10, at=on(2026, 2, 1))
    run(on(2026, 2, 1))
    terminate_subscription(subscription, by=ACTOR, at=on(2026, 2, 1))
    run(on(2026, 2, 1))
    assert list(Invoice.objects.exclude(status="closed").values_list("total_minor", flat=True)) == [3200]
    assert stretches(subscription, "fee") == [(on(2026, 1, 1), on(2026, 2, 1))]
