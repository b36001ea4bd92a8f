"""Changing the plan. 31.00 a month to 62.00 a month, so that a day of October costs 1.00 and 2.00: figures are
checked by hand.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.actions.charge_terms import FilterTerms
from billing.actions.fixed_charges import FixedTerms, add_fixed
from billing.actions.pauses import pause_subscription
from billing.actions.plan_prices import PriceTerms, add_price
from billing.actions.subscription_terms import cancel_at_period_end
from billing.actions.thresholds import ThresholdTerms, set_subscription_thresholds
from billing.actions.usage import ingest
from billing.models import AuditEntry, EmittedEvent, Organization, Plan, Subscription
from billing.queries.usage import current_usage
from billing.rules.errors import BillingError, Conflict, Invalid
from billing.rules.plan_changes import Direction, When
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.pauses import resume_subscription
from invoicing.actions.plan_changes import change_plan, keep_plan
from invoicing.actions.termination import terminate_subscription
from invoicing.models import CreditNote, Invoice, InvoiceLine
from tests.factories.catalog import charge, make_add_on, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on, set_entity, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import event, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization, net_payment_term_days=200)


def change(row: Subscription, plan: Plan, at: datetime, when: When | None = None) -> Any:
    return change_plan(row, plan, when=when, by=ACTOR, at=at)


def lines(invoice: Invoice) -> list[tuple[str, int, datetime, datetime]]:
    """(plan, amount, from, to) of each line."""
    return [
        (row.subscription.plan.name, row.amount_minor, row.period_start, row.period_end)
        for row in invoice.lines.order_by("position").select_related("subscription__plan")
    ]


def billed(customer: Customer) -> int:
    """All that invoices have asked for, less credit that is left over."""
    credit = sum(note.balance_minor for note in CreditNote.objects.filter(customer=customer))
    return sum(row.total_minor for row in Invoice.objects.filter(customer=customer)) - credit


def test_an_upgrade_in_advance_gives_back_and_bills_on_one_invoice(customer: Customer) -> None:
    """On the 11th at noon 21 days are left, the 11th among them: 21.00 back, 42.00 for the new plan, 21.00 to pay."""
    small = make_plan(customer.organization, 3100, pay_in_advance=True, name="Small")
    large = make_plan(customer.organization, 6200, pay_in_advance=True, name="Large")
    old = subscribe(customer, small, on(2026, 10, 1), external_id="acme")
    done = change(old, large, on(2026, 10, 11, 12))
    assert (done.direction, done.when, done.at) == (Direction.UPGRADE, When.NOW, on(2026, 10, 11, 12))
    note = CreditNote.objects.get(pk=done.given_back.note.pk)
    assert (note.net_minor, note.balance_minor) == (2100, 0)
    [invoice] = done.invoices
    assert lines(invoice) == [("Large", 4200, on(2026, 10, 11), on(2026, 11, 1))]
    assert (invoice.credit_notes_minor, invoice.total_minor) == (2100, 2100)
    old.refresh_from_db()
    new = done.subscription
    new.refresh_from_db()
    assert (old.status, old.terminated_at, old.plan_changed) == ("terminated", on(2026, 10, 11, 12), True)
    assert (new.status, new.external_id, new.previous, new.first) == ("active", "acme", old, old)
    assert (new.started_at, new.next_billing_at) == (on(2026, 10, 11, 12), on(2026, 11, 1))
    run(on(2026, 11, 1))
    november = Invoice.objects.get(period_end=on(2026, 12, 1))
    assert november.total_minor == 6200


def test_an_upgrade_in_arrears_bills_the_old_days_now_and_the_new_ones_later(customer: Customer) -> None:
    """Ten days at 1.00 on the invoice of the change, 21 days at 2.00 at the end of the month."""
    small = make_plan(customer.organization, 3100, name="Small")
    large = make_plan(customer.organization, 6200, name="Large")
    done = change(subscribe(customer, small, on(2026, 10, 1)), large, on(2026, 10, 11, 12))
    [invoice] = done.invoices
    assert lines(invoice) == [("Small", 1000, on(2026, 10, 1), on(2026, 10, 11))]
    run(on(2026, 11, 1))
    assert lines(Invoice.objects.exclude(pk=invoice.pk).get()) == [
        ("Large", 4200, on(2026, 10, 11, 0), on(2026, 11, 1))
    ]


def test_between_two_periods_the_minimum_spend_is_asked_for_once(customer: Customer) -> None:
    """October: 31.00 and 50.00 minimum. An event of 1 November that came on the day before costs its 0.30 and no
    second minimum, as the old plan has not lived November; whatever comes then goes by the new one.
    """
    organization = customer.organization
    metric = make_metric(organization, "calls", aggregation="sum", field_name="value")
    small = make_plan(organization, 3100, charge(metric, min_amount_minor=5000), name="Small")
    large = make_plan(organization, 6200, charge(metric), name="Large")
    row = subscribe(customer, small, on(2026, 10, 1))
    ingest(organization, [event(row, metric, 3, at=on(2026, 11, 1, 10))], at=on(2026, 10, 31, 23))
    [invoice] = change(row, large, on(2026, 11, 1), When.NOW).invoices
    use(row, metric, 5, at=on(2026, 11, 2))
    amounts = [
        (kind, amount)
        for kind, amount in invoice.lines.order_by("position").values_list("kind", "amount_minor")
    ]
    assert amounts == [("subscription", 3100), ("true_up", 5000), ("charge", 30)]
    run(on(2026, 12, 1))
    november = Invoice.objects.exclude(pk=invoice.pk).get()
    assert [line[1] for line in lines(november)] == [6200, 50]


def test_usage_and_fee_of_both_stand_on_one_invoice(customer: Customer) -> None:
    """From arrears to advance: the old days and usage, and the new days, together. Usage goes on by its moment, under
    the same external ID.
    """
    metric = make_metric(customer.organization, "calls")
    small = make_plan(customer.organization, 3100, charge(metric), name="Small")
    large = make_plan(
        customer.organization,
        6200,
        charge(metric, properties={"amount": "0.20"}),
        pay_in_advance=True,
        name="L",
    )
    old = subscribe(customer, small, on(2026, 10, 1), external_id="acme")
    use(old, metric, 10, at=on(2026, 10, 5))
    done = change(old, large, on(2026, 10, 11, 12))
    new = done.subscription
    [invoice] = done.invoices
    assert sorted(amount for _, amount, _, _ in lines(invoice)) == [100, 1000, 4200]
    use(old, metric, 7, at=on(2026, 10, 11, 12))  # named by the old one's id: the new one counts it
    use(new, metric, 5, at=on(2026, 10, 20))
    assert current_usage(new, on(2026, 10, 21)).amount_minor == 240
    run(on(2026, 11, 1))
    usage = InvoiceLine.objects.filter(kind="charge", subscription=new)
    assert [(row.units, row.amount_minor) for row in usage] == [(Decimal(12), 240)]


def test_what_stays_in_use_goes_on_and_is_billed_once(customer: Customer) -> None:
    """Ten seats since September: October is billed by the plan on which it ends, with the two that were added."""
    seats = make_metric(customer.organization, "seats", recurring=True)
    terms = charge(seats, properties={"amount": "1"})
    small = make_plan(customer.organization, 3100, terms, name="Small")
    large = make_plan(customer.organization, 6200, charge(seats, properties={"amount": "2"}), name="Large")
    old = subscribe(customer, small, on(2026, 9, 1))
    use(old, seats, 10, at=on(2026, 9, 5))
    run(on(2026, 10, 1))
    done = change(old, large, on(2026, 10, 11, 12))
    assert not InvoiceLine.objects.filter(kind="charge", invoice__in=done.invoices).exists()
    use(done.subscription, seats, 2, at=on(2026, 10, 20))
    run(on(2026, 11, 1))
    assert [
        (row.units, row.amount_minor)
        for row in InvoiceLine.objects.filter(kind="charge").order_by("period_start")
    ] == [(Decimal(10), 1000), (Decimal(12), 2400)]


def test_a_downgrade_waits_for_the_end_of_the_period(customer: Customer) -> None:
    large = make_plan(customer.organization, 6200, pay_in_advance=True, name="Large")
    small = make_plan(customer.organization, 3100, pay_in_advance=True, name="Small")
    old = subscribe(customer, large, on(2026, 10, 1), external_id="acme")
    done = change(old, small, on(2026, 10, 11, 12))
    assert (done.direction, done.when, done.at) == (Direction.DOWNGRADE, When.PERIOD_END, on(2026, 11, 1))
    assert done.invoices == () and done.subscription.status == "pending"
    assert run(on(2026, 10, 20)).invoices == 0
    run(on(2026, 11, 1))
    old.refresh_from_db()
    new = done.subscription
    new.refresh_from_db()
    assert (old.status, old.terminated_at) == ("terminated", on(2026, 11, 1))
    assert (new.status, new.started_at, new.takes_over_at) == ("active", on(2026, 11, 1), None)
    november = Invoice.objects.get(period_end=on(2026, 12, 1))
    assert lines(november) == [("Small", 3100, on(2026, 11, 1), on(2026, 12, 1))]
    assert not CreditNote.objects.exists()
    run(on(2026, 12, 1))
    assert billed(customer) == 6200 + 3100 + 3100


def test_a_late_run_bills_the_change_and_what_followed(customer: Customer) -> None:
    """The run comes two periods late: October of the large plan, then two months of the small one."""
    large = make_plan(customer.organization, 6200, name="Large")
    small = make_plan(customer.organization, 3100, name="Small")
    change(subscribe(customer, large, on(2026, 10, 1)), small, on(2026, 10, 11))
    run(on(2027, 1, 2))
    fees = InvoiceLine.objects.filter(kind="subscription").order_by("period_start")
    assert [(row.subscription.plan.name, row.amount_minor) for row in fees] == [
        ("Large", 6200),
        ("Small", 3100),
        ("Small", 3100),
    ]
    before = Invoice.objects.count()
    run(on(2027, 1, 3))
    assert Invoice.objects.count() == before


def test_a_scheduled_change_can_be_called_off_and_replaced(customer: Customer) -> None:
    large, small, tiny = (
        make_plan(customer.organization, minor, name=name)
        for name, minor in (("Large", 6200), ("Small", 3100), ("Tiny", 100))
    )
    old = subscribe(customer, large, on(2026, 10, 1))
    first = change(old, small, on(2026, 10, 2)).subscription
    second = change(old, tiny, on(2026, 10, 3)).subscription
    first.refresh_from_db()
    assert (first.status, first.takes_over_at) == ("canceled", None)
    keep_plan(old, by=ACTOR, at=on(2026, 10, 4))
    second.refresh_from_db()
    assert second.status == "canceled"
    run(on(2026, 11, 1))
    old.refresh_from_db()
    assert old.status == "active"
    told = list(EmittedEvent.objects.order_by("at", "id").values_list("name", flat=True))
    assert [name for name in told if "plan_change" in name] == [
        "subscription.plan_change_scheduled",
        "subscription.plan_change_canceled",
        "subscription.plan_change_scheduled",
        "subscription.plan_change_canceled",
    ]


def test_the_choice_of_when_is_free(customer: Customer) -> None:
    """An upgrade at the end of the period, a downgrade now."""
    large = make_plan(customer.organization, 6200, pay_in_advance=True, name="Large")
    small = make_plan(customer.organization, 3100, pay_in_advance=True, name="Small")
    row = subscribe(customer, small, on(2026, 10, 1))
    assert change(row, large, on(2026, 10, 5), When.PERIOD_END).at == on(2026, 11, 1)
    other = billed_customer(customer.organization)
    row = subscribe(other, large, on(2026, 10, 1))
    done = change(row, small, on(2026, 10, 11), When.NOW)
    assert (done.given_back.note.net_minor, done.invoices[0].total_minor) == (4200, 0)
    assert billed(other) == 1000 * 2 + 2100


def test_in_a_trial_nothing_is_billed_and_its_days_go_on(customer: Customer) -> None:
    """14 days from the 1st: changed on the 5th, the fee comes on the 15th for 17 days of the new plan."""
    small = make_plan(customer.organization, 3100, pay_in_advance=True, trial_days=14, name="Small")
    large = make_plan(customer.organization, 6200, pay_in_advance=True, trial_days=14, name="Large")
    done = change(subscribe(customer, small, on(2026, 10, 1)), large, on(2026, 10, 5, 9))
    assert (done.invoices, done.given_back.notes) == ((), ())
    assert (done.subscription.status, done.subscription.trial_ends_at) == ("trialing", on(2026, 10, 15))
    run(on(2026, 10, 15))
    assert billed(customer) == 17 * 200


def test_a_plan_without_trial_ends_none_anew(customer: Customer) -> None:
    """A trial of the new plan counts from the first start: here it is over."""
    small = make_plan(customer.organization, 3100, pay_in_advance=True, name="Small")
    large = make_plan(customer.organization, 6200, pay_in_advance=True, trial_days=7, name="Large")
    done = change(subscribe(customer, small, on(2026, 10, 1)), large, on(2026, 10, 11))
    assert done.subscription.trial_ends_at is None
    assert done.invoices[0].subtotal_minor == 4200


@pytest.mark.parametrize("in_advance", [True, False])
def test_on_the_day_it_began_the_old_plan_costs_nothing(customer: Customer, in_advance: bool) -> None:
    small = make_plan(customer.organization, 3100, pay_in_advance=in_advance, name="Small")
    large = make_plan(customer.organization, 6200, pay_in_advance=in_advance, name="Large")
    change(subscribe(customer, small, on(2026, 10, 1, 9)), large, on(2026, 10, 1, 15))
    run(on(2026, 11, 1))
    october = InvoiceLine.objects.filter(period_start__lt=on(2026, 10, 31), subscription__plan=large)
    assert [row.amount_minor for row in october] == [6200]
    assert billed(customer) == 6200 * (2 if in_advance else 1)


def test_on_a_draft_the_old_days_are_shortened(organization: Organization) -> None:
    """With a grace period the unused days leave the draft; no credit note is made."""
    set_entity(organization, grace_period_days=3)
    customer = billed_customer(organization, grace_period_days=3)
    small = make_plan(organization, 3100, pay_in_advance=True, name="Small")
    large = make_plan(organization, 6200, pay_in_advance=True, name="Large")
    for day, rest in ((2, 100), (1, 0)):
        row = subscribe(customer, small, on(2026, 10, 1), external_id=f"row{day}")
        change(row, large, on(2026, 10, day, 15))
        assert sum(line.amount_minor for line in InvoiceLine.objects.filter(subscription=row)) == rest
    assert not CreditNote.objects.exists()


def test_prorated_fixed_charges_in_advance_are_not_paid_twice(customer: Customer) -> None:
    """3 seats of 31.00 in advance, by days: the new plan has 5 of 31.00. On the 11th 21 days are left: 5 x 21.00
    less what was paid for 3 x 21.00.
    """
    add_on = make_add_on(customer.organization)
    small = make_plan(customer.organization, 3100, pay_in_advance=True, name="Small")
    large = make_plan(customer.organization, 6200, pay_in_advance=True, name="Large")
    for plan, units in ((small, 3), (large, 5)):
        terms = FixedTerms(
            add_on, "standard", {"amount": "31"}, units=Decimal(units), pay_in_advance=True, prorated=True
        )
        add_fixed(plan, terms, by=ACTOR, at=on(2026, 9, 1))
    done = change(subscribe(customer, small, on(2026, 10, 1)), large, on(2026, 10, 11, 12))
    fixed = InvoiceLine.objects.filter(kind="fixed_charge", invoice=done.invoices[0])
    assert [row.amount_minor for row in fixed] == [4200]


def test_prorated_fixed_charges_in_arrears_count_the_day_once(customer: Customer) -> None:
    """Ten days of 1 x 31.00 and 21 of 1 x 31.00: 31.00 in all."""
    add_on = make_add_on(customer.organization)
    plans = [make_plan(customer.organization, minor) for minor in (3100, 6200)]
    for plan in plans:
        terms = FixedTerms(add_on, "standard", {"amount": "31"}, units=Decimal(1), prorated=True)
        add_fixed(plan, terms, by=ACTOR, at=on(2026, 9, 1))
    change(subscribe(customer, plans[0], on(2026, 10, 1)), plans[1], on(2026, 10, 11, 12))
    run(on(2026, 11, 1))
    fixed = InvoiceLine.objects.filter(kind="fixed_charge").order_by("period_start")
    assert [row.amount_minor for row in fixed] == [1000, 2100]


def test_paused_days_are_not_paid_and_not_given_back_twice(customer: Customer) -> None:
    """In advance: paused from the 3rd to the 8th (four whole days), changed on the 11th: 4.00 and 21.00 back."""
    small = make_plan(customer.organization, 3100, pay_in_advance=True, name="Small")
    large = make_plan(customer.organization, 6200, pay_in_advance=True, name="Large")
    row = subscribe(customer, small, on(2026, 10, 1))
    pause_subscription(row, by=ACTOR, at=on(2026, 10, 3, 12))
    with pytest.raises(Conflict, match="paused"):
        change(row, large, on(2026, 10, 5))
    resume_subscription(row, by=ACTOR, at=on(2026, 10, 8, 9))
    done = change(row, large, on(2026, 10, 11, 12))
    assert [note.net_minor for note in CreditNote.objects.order_by("number")] == [400, 2100]
    assert done.invoices[0].total_minor == 4200 - 2500


def test_paused_days_in_arrears_are_left_out_of_the_old_fee(customer: Customer) -> None:
    small, large = (make_plan(customer.organization, minor) for minor in (3100, 6200))
    row = subscribe(customer, small, on(2026, 10, 1))
    pause_subscription(row, by=ACTOR, at=on(2026, 10, 3, 12))
    resume_subscription(row, by=ACTOR, at=on(2026, 10, 8, 9))
    assert change(row, large, on(2026, 10, 11, 12)).invoices[0].total_minor == 600


def test_the_currency_stays_and_the_plan_must_have_a_price_in_it(customer: Customer) -> None:
    """Subscribed in USD; the other plan's price there is 124.00."""
    organization = customer.organization
    small, large, local = (
        make_plan(organization, minor, pay_in_advance=True) for minor in (3100, 6200, 9300)
    )
    add_price(small, PriceTerms("USD", 6200), by=ACTOR, at=on(2026, 9, 1))
    add_price(large, PriceTerms("USD", 12400), by=ACTOR, at=on(2026, 9, 1))
    dollars = billed_customer(organization, currency="USD")
    row = subscribe(dollars, small, on(2026, 10, 1), currency="USD")
    with pytest.raises(Invalid, match="no price in USD"):
        change(row, local, on(2026, 10, 11))
    done = change(row, large, on(2026, 10, 11))
    assert (done.subscription.currency, done.subscription.amount_minor) == ("USD", 12400)
    assert (done.given_back.note.net_minor, done.invoices[0].subtotal_minor) == (4200, 8400)


def test_what_cannot_be_changed(customer: Customer) -> None:
    small, large = (make_plan(customer.organization, minor) for minor in (3100, 6200))
    row = subscribe(customer, small, on(2026, 10, 1))
    with pytest.raises(Conflict, match="on this plan"):
        change(row, small, on(2026, 10, 2))
    cancel_at_period_end(row, by=ACTOR, at=on(2026, 10, 2))
    with pytest.raises(Conflict, match="canceled at the end"):
        change(row, large, on(2026, 10, 3))
    other = subscribe(customer, small, on(2026, 10, 1))
    terminate_subscription(other, by=ACTOR, at=on(2026, 10, 4))
    with pytest.raises(BillingError, match="ended"):
        change(other, large, on(2026, 10, 5))


def test_ending_calls_off_the_change(customer: Customer) -> None:
    large, small = (make_plan(customer.organization, minor) for minor in (6200, 3100))
    row = subscribe(customer, large, on(2026, 10, 1))
    new = change(row, small, on(2026, 10, 2)).subscription
    terminate_subscription(row, by=ACTOR, at=on(2026, 10, 4))
    new.refresh_from_db()
    assert new.status == "canceled"
    assert run(on(2026, 11, 1)).invoices == 0


def test_one_that_has_not_started_starts_on_the_new_plan(customer: Customer) -> None:
    small, large = (make_plan(customer.organization, minor, pay_in_advance=True) for minor in (3100, 6200))
    row = subscribe(customer, small, on(2026, 10, 1), subscription_at=on(2026, 11, 1))
    change(row, large, on(2026, 10, 5))
    run(on(2026, 11, 1))
    row.refresh_from_db()
    assert (row.plan, row.status) == (large, "active")
    assert billed(customer) == 6200


def test_thresholds_of_its_own_go_along_and_everything_is_in_the_trail(customer: Customer) -> None:
    small, large = (make_plan(customer.organization, minor) for minor in (3100, 6200))
    row = subscribe(customer, small, on(2026, 10, 1))
    set_subscription_thresholds(row, [ThresholdTerms(5000)], by=ACTOR, at=on(2026, 10, 2))
    new = change(row, large, on(2026, 10, 11)).subscription
    assert list(new.thresholds.values_list("amount_minor", flat=True)) == [5000]
    [entry] = AuditEntry.objects.filter(action="subscription.plan_changed")
    assert entry.changes["plan"] == [small.name, large.name]
    assert EmittedEvent.objects.filter(name="subscription.plan_changed").count() == 1


@pytest.mark.parametrize("aggregation", ["sum", "unique_count"])
def test_what_stays_in_use_goes_on_by_filter_too(customer: Customer, aggregation: str) -> None:
    """Three in Europe since September, one more there after the change: four at 5.00, billed by the new plan."""
    seats = make_metric(
        customer.organization,
        "seats",
        aggregation,
        recurring=True,
        filters=[{"key": "region", "values": ["eu", "us"]}],
    )
    small, large = (
        make_plan(
            customer.organization,
            minor,
            charge(
                seats,
                properties={"amount": "1"},
                filters=[FilterTerms({"region": ["eu"]}, {"amount": price})],
            ),
        )
        for minor, price in ((3100, "3"), (6200, "5"))
    )
    old = subscribe(customer, small, on(2026, 9, 1))
    first, last = ([3], [1]) if aggregation == "sum" else (["a", "b", "c"], ["d"])
    ingest(
        customer.organization,
        [event(old, seats, value, at=on(2026, 9, 5), region="eu") for value in first],
        at=on(2026, 9, 5),
    )
    run(on(2026, 10, 1))
    change(old, large, on(2026, 10, 11, 12))
    ingest(
        customer.organization,
        [event(old, seats, value, at=on(2026, 10, 20), region="eu") for value in last],
        at=on(2026, 10, 20),
    )
    run(on(2026, 11, 1))
    found = InvoiceLine.objects.filter(kind="charge").order_by("period_start")
    assert [(row.units, row.amount_minor) for row in found] == [(3, 900), (4, 2000)]


def test_a_minimum_commitment_leaves_the_day_of_the_change_to_the_new_plan(customer: Customer) -> None:
    """31.00 promised each, no fee: ten days of the old one are 10.00, 21 of the new one 21.00."""
    small, large = (
        make_plan(customer.organization, 0, commitment_minor=3100, name=name) for name in ("Small", "Large")
    )
    change(subscribe(customer, small, on(2026, 10, 1)), large, on(2026, 10, 11, 12))
    run(on(2026, 11, 1))
    found = InvoiceLine.objects.filter(kind="commitment").order_by("period_start")
    assert [row.amount_minor for row in found] == [1000, 2100]


def test_versions_of_prices_count_on_each_side(customer: Customer) -> None:
    """The new plan costs 93.00 by now, the old one stays at the price that was agreed on."""
    small, large = (make_plan(customer.organization, minor, pay_in_advance=True) for minor in (3100, 6200))
    row = subscribe(customer, small, on(2026, 10, 1))
    for plan, minor in ((small, 9900), (large, 9300)):
        Plan.objects.filter(pk=plan.pk).update(amount_minor=minor)
    done = change(row, large, on(2026, 10, 11, 12))
    assert (done.given_back.note.net_minor, done.invoices[0].subtotal_minor) == (2100, 6300)


def test_two_at_once_change_it_once(customer: Customer) -> None:
    small, large = (make_plan(customer.organization, minor) for minor in (3100, 6200))
    row = subscribe(customer, small, on(2026, 10, 1))
    change(row, large, on(2026, 10, 11))
    with pytest.raises(Conflict, match="has ended"):
        change(row, large, on(2026, 10, 11))
    assert Subscription.objects.filter(status="active").count() == 1


def test_an_end_before_the_change_wins(customer: Customer) -> None:
    """A change that would come after the end cannot be planned; one that runs late ends the one that follows."""
    large, small = (make_plan(customer.organization, minor) for minor in (6200, 3100))
    row = subscribe(customer, large, on(2026, 10, 1), ending_at=on(2026, 10, 20))
    with pytest.raises(Conflict, match="ends before"):
        change(row, small, on(2026, 10, 2))
    other = subscribe(customer, large, on(2026, 10, 1), ending_at=on(2026, 11, 11))
    new = change(other, small, on(2026, 10, 2)).subscription
    for _ in range(2):  # the first switches the plans, the next, a minute later, ends
        run(on(2026, 12, 5))
    new.refresh_from_db()
    assert (new.status, new.started_at, new.terminated_at) == (
        "terminated",
        on(2026, 11, 1),
        on(2026, 11, 11),
    )
    fees = InvoiceLine.objects.filter(kind="subscription", subscription__in=[other, new])
    assert [row.amount_minor for row in fees.order_by("period_start")] == [6200, 1033]
