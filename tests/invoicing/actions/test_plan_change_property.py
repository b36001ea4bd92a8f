"""Changed and changed back within a day costs what never having changed does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Organization, Plan
from billing.rules.plan_changes import When
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.plan_changes import change_plan
from invoicing.models import CreditNote, Invoice
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use


class Undo(Exception):
    """Ends an example: its rows are rolled back."""


def billed(customer: Customer) -> int:
    """All that invoices have asked for, less credit that is left over."""
    credit = sum(note.balance_minor for note in CreditNote.objects.filter(customer=customer))
    return sum(row.total_minor for row in Invoice.objects.filter(customer=customer)) - credit


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    small=st.integers(0, 100_000),
    more=st.integers(0, 100_000),
    in_advance=st.booleans(),
    other_in_advance=st.booleans(),
    billing_time=st.sampled_from(["calendar", "anniversary"]),
    trial=st.sampled_from([0, 0, 5, 40]),
    begun=st.integers(1, 28),
    later=st.integers(0, 70),
    units=st.integers(0, 500),
    monthly=st.sampled_from([None, None, True]),
)
def test_there_and_back_costs_nothing(
    small: int,
    more: int,
    in_advance: bool,
    other_in_advance: bool,
    billing_time: str,
    trial: int,
    begun: int,
    later: int,
    units: int,
    monthly: bool | None,
) -> None:
    """Two customers with the same life, of which one changes to the dearer plan and back. What is billed by days is
    rounded on two lines instead of one, so in arrears a unit of rounding may stand between them.
    """
    with pytest.raises(Undo), transaction.atomic():
        organization: Organization = make_organization()
        metric = make_metric(organization, "calls")
        plan, other = (
            make_plan(
                organization,
                minor,
                charge(metric),
                pay_in_advance=advance,
                trial_days=trial,
                **long_of(monthly),
            )
            for minor, advance in ((small, in_advance), (small + more, other_in_advance))
        )
        sums = [
            life(organization, plan, other if changes else None, billing_time, begun, later, units)
            for changes in (False, True)
        ]
        assert abs(sums[0] - sums[1]) <= (0 if in_advance else 1)
        raise Undo


def long_of(monthly: bool | None) -> dict[str, Any]:
    """Half-yearly with usage by the month, or a plan of a month."""
    return {} if monthly is None else {"interval": "semiannual", "bill_charges_monthly": monthly}


def life(
    organization: Organization,
    plan: Plan,
    other: Plan | None,
    billing_time: str,
    begun: int,
    later: int,
    units: int,
) -> int:
    """What a customer is billed until the end of March."""
    customer = billed_customer(organization)
    start = on(2026, 9, begun, 8)
    row = subscribe(customer, plan, start, billing_time=billing_time)
    moment = start + timedelta(days=later, hours=1)
    run(moment)
    row.refresh_from_db()
    if units:
        use(row, row.plan.charges.get().metric, units, at=moment - timedelta(minutes=30))
    if other:
        row = change_plan(row, other, when=When.NOW, by=ACTOR, at=moment).subscription
        row = change_plan(row, plan, when=When.NOW, by=ACTOR, at=moment + timedelta(minutes=5)).subscription
    run(on(2027, 3, 31))
    return billed(customer)
