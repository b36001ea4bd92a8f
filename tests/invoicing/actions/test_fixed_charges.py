"""Fixed charges on invoices: in advance and in arrears, by days or in full, changes of units. By hand and cases."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.actions.fixed_charges import FixedTerms, remove_fixed
from billing.actions.subscriptions import start_subscription
from billing.models import AddOn, AuditEntry, EmittedEvent, FixedCharge, Organization, Plan, Subscription
from billing.rules.errors import Conflict, FieldErrors
from invoicing.actions.billing_run import bill_start, run
from invoicing.actions.draft import refresh_draft
from invoicing.actions.preview import preview_next_bill
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.units import change_units
from invoicing.models import Invoice, InvoiceLine
from tests.factories.catalog import GRADUATED, charge, make_add_on, make_metric, make_tax
from tests.factories.invoicing import billed_customer, default_tax, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parents[2] / "data" / "worked_cases.jsonl"
CASES = [
    pytest.param(case, id=case["id"])
    for case in map(json.loads, DATA.read_text().splitlines())
    if case["area"] == "fixed_charge.scenario"
]


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def seats(organization: Organization, units: int = 10, amount: str = "1", **fields: Any) -> FixedTerms:
    """10 units at 1.00."""
    add_on = fields.pop("add_on", None) or make_add_on(organization)
    return FixedTerms(add_on, properties={"amount": amount}, units=Decimal(units), **fields)


def plan_with(organization: Organization, *terms: FixedTerms, amount: int = 0, **fields: Any) -> Plan:
    return make_plan(organization, amount, fixed_charges=terms, **fields)


def fixed(invoice: Invoice) -> list[tuple[int, str]]:
    """(amount, units) of the fixed charges of an invoice."""
    rows = invoice.lines.filter(kind="fixed_charge").order_by("position")
    return [(line.amount_minor, f"{line.units.normalize():f}") for line in rows]


def all_fixed() -> list[list[tuple[int, str]]]:
    """Of every finalised invoice, in the order of numbers."""
    return [fixed(row) for row in Invoice.objects.filter(status="finalized").order_by("number")]


@pytest.mark.parametrize("case", CASES)
def test_worked_scenarios(organization: Organization, case: dict[str, Any]) -> None:
    """A change of plan is an end and a start under the same external ID: at once (upgrade) or with the period."""
    asked = case["given"]
    add_ons: dict[str, AddOn] = {}
    terms = {
        "pay_in_advance": asked["fixed_charges_pay_in_advance"],
        "prorated": asked["fixed_charges_prorated"],
    }

    def plan_of(part: dict[str, Any]) -> Plan:
        rows = []
        for row in part["fixed_charges"]:
            if row["id"] not in add_ons:
                add_ons[row["id"]] = make_add_on(organization, row["id"])
            rows.append(seats(organization, row["units"], row["amount"], add_on=add_ons[row["id"]], **terms))
        return plan_with(organization, *rows, amount=part["plan"]["amount_cents"])

    customer = billed_customer(organization)
    began = moment(asked["initial"]["created_at"])
    first = subscribe(customer, plan_of(asked["initial"]), began, external_id="s")
    moments = [moment(text) for text in asked["billing_at"]]
    change = asked.get("upgrade") or asked["downgrade"]
    at = moment(change["at"]) if "upgrade" in asked else moments[1]
    if "downgrade" in asked:
        Subscription.objects.filter(pk=first.pk).update(ending_at=at)
    plan = plan_of(change)
    for point in sorted({*moments, at}):
        run(point)
        if point == at:
            first.refresh_from_db()
            terminate_subscription(first, by=ACTOR, at=at)
            second = start_subscription(customer, plan, external_id="s", subscription_at=at, by=ACTOR, at=at)
            bill_start(second, by=ACTOR, at=at)
    found: dict[str, list[int]] = {}
    windows: dict[str, set[tuple[datetime, datetime]]] = {}
    for invoice in Invoice.objects.filter(status="finalized"):
        day = invoice.issuing_on.isoformat()
        for line in invoice.lines.filter(kind="fixed_charge"):
            found.setdefault(day, []).append(line.amount_minor)
            assert line.period_start is not None and line.period_end is not None
            windows.setdefault(day, set()).add((line.period_start, line.period_end))
    expected = {day: sorted(amounts) for day, amounts in case["expect"]["fixed_fees_amount_cents"].items()}
    assert {day: sorted(amounts) for day, amounts in found.items()} == expected
    for day, (start, end) in case["expect"].get("windows", {}).items():
        ((ours, until),) = windows[day]
        assert ours == moment(start)
        assert abs((until - moment(end)).total_seconds()) <= 1


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_in_arrears_they_go_with_the_period_and_their_taxes(organization: Organization) -> None:
    """10 x 1.00 with the add-on's 7 %, 2 x 5.00 with its own 5 %, from 17 January: 15 of 31 days of the second."""
    default_tax(organization, "20")
    plan = plan_with(
        organization,
        seats(organization, add_on=make_add_on(organization, taxes=[make_tax(organization, rate="7")])),
        seats(organization, 2, "5", prorated=True, taxes=[make_tax(organization, rate="5")]),
        seats(organization, 1, "3"),
        amount=3100,
    )
    subscribe(billed_customer(organization), plan, on(2026, 1, 17, 9))
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get()
    lines = invoice.lines.order_by("position")
    assert [(line.kind, line.amount_minor, line.tax_minor) for line in lines] == [
        ("subscription", 1500, 300),
        ("fixed_charge", 1000, 70),
        ("fixed_charge", 484, 24),
        ("fixed_charge", 300, 60),
    ]
    assert (lines[2].units, lines[2].period_start) == (2, on(2026, 1, 17, 9))


def test_in_advance_they_are_billed_at_the_start_also_of_a_plan_in_arrears_and_of_a_trial(
    organization: Organization,
) -> None:
    plan = plan_with(organization, seats(organization, pay_in_advance=True), amount=3100, trial_days=14)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 17))
    assert [line.kind for line in InvoiceLine.objects.all()] == ["fixed_charge"]
    run(on(2026, 3, 1))
    assert all_fixed() == [[(1000, "10")], [(1000, "10")], [(1000, "10")]]
    made = terminate_subscription(subscription, by=ACTOR, at=on(2026, 3, 10))
    assert made.invoice is not None
    assert fixed(made.invoice) == []
    run(on(2026, 4, 2))
    assert len(all_fixed()) == 4


@pytest.mark.parametrize(("prorated", "amounts"), [(False, [1000, 200, 300]), (True, [1000, 103, 77])])
def test_added_units_in_advance_are_billed_at_once_and_fewer_give_nothing_back(
    organization: Organization, prorated: bool, amounts: list[int]
) -> None:
    """10 units; 12 from the 16th (16 of 31 days: 2 x 16/31 = 1.032258), 8, then 15 from the 24th (3 x 8/31)."""
    plan = plan_with(organization, seats(organization, pay_in_advance=True, prorated=prorated))
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    row = plan.fixed_charges.get()
    for day, units in ((16, 12), (20, 8), (20, 8), (24, 15)):
        change_units(subscription, {row: Decimal(units)}, by=ACTOR, at=on(2026, 1, day, 12))
    assert [line.amount_minor for line in InvoiceLine.objects.order_by("id")] == amounts
    run(on(2026, 2, 1))
    assert all_fixed()[-1] == [(1500, "15")]
    assert AuditEntry.objects.filter(action="subscription.units_changed").count() == 3
    assert EmittedEvent.objects.filter(name="subscription.units_changed").count() == 3


def test_units_in_arrears_stand_for_their_days(organization: Organization) -> None:
    """By days: 10 x 15/31 + 20 x 16/31 = 4.838710 + 10.322581 = 15.161291."""
    plan = plan_with(organization, seats(organization, prorated=True), seats(organization), amount=0)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    rows = {row: Decimal(20) for row in plan.fixed_charges.all()}
    outcome = change_units(subscription, rows, by=ACTOR, at=on(2026, 1, 16, 12))
    assert outcome.invoice is None
    run(on(2026, 2, 1))
    assert all_fixed() == [[(1516, "20"), (2000, "20")]]


def test_a_change_for_the_next_period_waits_and_is_taken_back(organization: Organization) -> None:
    plan = plan_with(organization, seats(organization, pay_in_advance=True))
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    row = plan.fixed_charges.get()
    planned = change_units(subscription, {row: Decimal(50)}, next_period=True, by=ACTOR, at=on(2026, 1, 10))
    assert (planned.at, planned.invoice) == (on(2026, 2, 1), None)
    (coming,) = preview_next_bill(subscription.customer, on(2026, 2, 1), by=ACTOR)
    assert [line.amount_minor for line in coming.lines] == [5000]
    back = change_units(subscription, {row: Decimal(10)}, by=ACTOR, at=on(2026, 1, 11))
    assert back.changes
    run(on(2026, 2, 1))
    assert all_fixed() == [[(1000, "10")], [(1000, "10")]]


def test_two_changes_under_a_clock_that_stands_still(organization: Organization) -> None:
    plan = plan_with(
        organization, seats(organization, pay_in_advance=True), seats(organization, pay_in_advance=True)
    )
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    for row in plan.fixed_charges.all():
        for units in (11, 13):
            change_units(subscription, {row: Decimal(units)}, by=ACTOR, at=on(2026, 1, 1))
    amounts = [line.amount_minor for line in InvoiceLine.objects.order_by("id")]
    assert amounts == [1000, 1000, 100, 200, 100, 200]


def test_tiers_price_units_and_an_added_part_by_itself(organization: Organization) -> None:
    """1,200 units: 1,000 x 0.10 + 200 x 0.05 + 5 = 115.00; 1,300 added alone: 100 + 300 x 0.05 + 5 = 120.00."""
    terms = FixedTerms(make_add_on(organization), "graduated", GRADUATED, Decimal(1200), pay_in_advance=True)
    plan = plan_with(organization, terms)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    change_units(subscription, {plan.fixed_charges.get(): Decimal(2500)}, by=ACTOR, at=on(2026, 1, 5))
    assert all_fixed() == [[(11500, "1200")], [(12000, "1300")]]


def test_a_draft_stays_as_it_was_when_units_change_later(organization: Organization) -> None:
    customer = billed_customer(organization, grace_period_days=5)
    plan = plan_with(organization, seats(organization, pay_in_advance=True), seats(organization))
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    run(on(2026, 2, 1))
    closing = Invoice.objects.order_by("created_at").last()
    assert closing is not None
    first, second = plan.fixed_charges.all()
    units = {first: Decimal(12), second: Decimal(12)}
    added = change_units(subscription, units, by=ACTOR, at=on(2026, 2, 2)).invoice
    assert added is not None
    for draft in Invoice.objects.draft():
        before = fixed(draft)
        assert fixed(refresh_draft(draft, by=ACTOR, at=on(2026, 2, 3))) == before
    assert fixed(closing) == [(1000, "10"), (1000, "10")]
    assert fixed(added) == [(200, "2")]


def test_they_count_towards_the_commitment(organization: Organization) -> None:
    """100.00 promised; 10.00 in advance, 10.00 in arrears, 2.00 of added units and usage of nothing leave 78.00."""
    metric = make_metric(organization)
    plan = make_plan(
        organization,
        0,
        charge(metric),
        commitment_minor=10000,
        fixed_charges=[seats(organization, pay_in_advance=True), seats(organization)],
    )
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    row = plan.fixed_charges.get(pay_in_advance=True)
    change_units(subscription, {row: Decimal(12)}, by=ACTOR, at=on(2026, 1, 5))
    run(on(2026, 2, 1))
    assert InvoiceLine.objects.get(kind="commitment").amount_minor == 7800


def test_a_pending_subscription_begins_with_its_units(organization: Organization) -> None:
    plan = plan_with(organization, seats(organization, pay_in_advance=True))
    customer = billed_customer(organization)
    subscription = start_subscription(
        customer, plan, subscription_at=on(2026, 2, 1), by=ACTOR, at=on(2026, 1, 10)
    )
    change_units(subscription, {plan.fixed_charges.get(): Decimal(3)}, by=ACTOR, at=on(2026, 1, 11))
    run(on(2026, 2, 1))
    assert all_fixed() == [[(300, "3")]]


def test_what_cannot_be_is_refused(organization: Organization) -> None:
    plan = plan_with(organization, seats(organization))
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    row = plan.fixed_charges.get()
    other = plan_with(organization, seats(organization)).fixed_charges.get()
    with pytest.raises(FieldErrors) as refused:
        change_units(subscription, {row: Decimal(-1), other: Decimal(1)}, by=ACTOR, at=on(2026, 1, 2))
    assert [name for name, _ in refused.value.errors] == ["units[0].units", "units[1].id"]
    terminate_subscription(subscription, by=ACTOR, at=on(2026, 1, 3))
    with pytest.raises(Conflict, match="has ended"):
        change_units(Subscription.objects.get(), {row: Decimal(1)}, by=ACTOR, at=on(2026, 1, 4))
    remove_fixed(other, by=ACTOR, at=on(2026, 1, 4))
    assert FixedCharge.objects.kept().count() == 1
