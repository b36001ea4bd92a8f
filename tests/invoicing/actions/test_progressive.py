"""Thresholds that bill before the period ends, by hand: 0.0002 a unit, a fee of 31.00 a month in arrears."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from billing.models import EmittedEvent, Metric, Organization, Subscription, ThresholdPassing, UsageThreshold
from billing.rules.errors import Conflict
from invoicing.actions import usage_watch
from invoicing.actions.billing_run import run
from invoicing.actions.crediting import CreditRequest, issue_credit_note
from invoicing.actions.progressive import bill_passed
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice
from invoicing.rules.crediting import CreditReason
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, default_tax, give_coupon, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
START = on(2022, 12, 1)


class Story:
    """A subscription on a plan with thresholds, and what happens to it."""

    def __init__(self, *fixed: int, recurring: int | None = None, aggregation: str = "sum") -> None:
        self.organization: Organization = make_organization()
        self.metric: Metric = make_metric(self.organization, aggregation=aggregation)
        plan = make_plan(self.organization, 3100, charge(self.metric, properties={"amount": "0.0002"}))
        for amount in fixed:
            self.threshold(plan=plan, amount_minor=amount)
        if recurring:
            self.threshold(plan=plan, amount_minor=recurring, recurring=True)
        self.customer = billed_customer(self.organization)
        self.subscription: Subscription = subscribe(self.customer, plan, START)

    def threshold(self, **fields: object) -> UsageThreshold:
        return UsageThreshold.objects.create(organization=self.organization, **fields)

    def use(self, *values: int, at: datetime) -> None:
        """Events, and what the worker does after them."""
        use(self.subscription, self.metric, *values, at=at)
        usage_watch.run(at=at)

    def invoices(self) -> list[Invoice]:
        return list(Invoice.objects.exclude(number="").order_by("finalized_at", "number"))

    def totals(self) -> list[int]:
        return [invoice.total_minor for invoice in self.invoices()]


def test_a_passed_threshold_bills_at_once_and_the_period_takes_it_off() -> None:
    """200.00 at the threshold; a month later 231.00 of lines, of which 200.00 are billed already."""
    story = Story(20000)
    story.use(1000000, at=on(2022, 12, 16))
    (first,) = story.invoices()
    assert (first.type, first.status, first.total_minor) == ("progressive_billing", "finalized", 20000)
    assert (first.period_start, first.lines.get().kind) == (START, "charge")

    run(on(2023, 1, 1))

    last = story.invoices()[-1]
    assert (last.lines_minor, last.progressive_minor, last.total_minor) == (23100, 20000, 3100)
    row = last.deductions.get()
    assert (row.kind, row.label, row.amount_minor) == ("progressive", first.number, 20000)


def test_a_fixed_threshold_fires_once_in_a_life() -> None:
    story = Story(20000)
    story.use(1000000, at=on(2022, 12, 16))
    run(on(2023, 1, 1))
    story.use(2000000, at=on(2023, 1, 16))
    run(on(2023, 2, 1))
    story.use(3000000, at=on(2023, 2, 16))
    run(on(2023, 3, 1))
    assert story.totals() == [20000, 3100, 43100, 63100]


def test_three_thresholds_and_one_that_recurs() -> None:
    """Two of them in one look make one invoice; each invoice asks for the difference to the one before."""
    story = Story(200, 500, 700, recurring=1000)
    days = [(5, 11000), (10, 11000), (15, 11000), (20, 11000), (25, 110000), (27, 110000)]
    counts = []
    for day, value in days:
        story.use(value, at=START + timedelta(days=day))
        counts.append(len(story.invoices()))
    assert counts == [1, 1, 2, 3, 4, 5]
    assert story.totals() == [220, 440, 220, 2200, 2200]

    run(on(2023, 1, 1))
    last = story.invoices()[-1]
    assert (last.total_minor, last.progressive_minor) == (3100, 5280)

    story.use(110000, at=on(2023, 1, 6))
    assert story.totals()[-1] == 2200
    assert list(ThresholdPassing.objects.order_by("pk").values_list("amount_minor", "recurring")) == [
        (200, False),
        (500, False),
        (700, False),
        (1000, True),
        (1000, True),
        (1000, True),
    ]
    names = EmittedEvent.objects.filter(name="subscription.usage_threshold_reached")
    assert names.count() == 6
    assert names.order_by("pk").values_list("data__threshold__recurring", flat=True).first() is False


def test_looking_again_or_twice_at_once_makes_nothing_more() -> None:
    story = Story(20000)
    story.use(1000000, at=on(2022, 12, 16))
    assert bill_passed(story.subscription, by=ACTOR, at=on(2022, 12, 16)) is None
    assert usage_watch.run(at=on(2022, 12, 17)) == 0
    assert story.totals() == [20000]


def test_an_unwatched_subscription_leaves_no_rows() -> None:
    story = Story()
    use(story.subscription, story.metric, 5, at=on(2022, 12, 16))
    assert usage_watch.run(at=on(2022, 12, 16)) == 0


def test_own_thresholds_replace_those_of_the_plan_and_can_be_switched_off() -> None:
    story = Story(20000)
    story.threshold(subscription=story.subscription, amount_minor=30000)
    story.use(1000000, at=on(2022, 12, 16))
    assert story.totals() == []
    story.use(500000, at=on(2022, 12, 17))
    assert story.totals() == [30000]
    Subscription.objects.update(progressive_billing=False)
    story.threshold(subscription=story.subscription, amount_minor=31000)
    story.use(500000, at=on(2022, 12, 18))
    assert story.totals() == [30000]


def test_taxes_and_coupons_count_on_what_is_new() -> None:
    """20 % tax, 10 % off: 200.00 - 20.00 + 36.00 = 216.00; then 100.00 more and the fee: 131.00 - 13.10 + 23.58."""
    story = Story(20000)
    default_tax(story.organization, "20")
    give_coupon(story.customer, START, percentage=Decimal(10), frequency="forever")
    story.use(1000000, at=on(2022, 12, 16))
    story.use(500000, at=on(2022, 12, 20))
    run(on(2023, 1, 1))
    assert story.totals() == [21600, 14148]


def test_what_a_credit_note_took_back_is_billed_again_only_if_it_is_still_used() -> None:
    """50.00 of 200.00 credited: the period still has 200.00 of usage, so 150.00 are billed already."""
    story = Story(20000)
    story.use(1000000, at=on(2022, 12, 16))
    (first,) = story.invoices()
    issue_credit_note(
        first,
        CreditRequest(items={str(first.lines.get().pk): 5000}),
        reason=CreditReason.OTHER,
        key="test",
        by=ACTOR,
        at=on(2022, 12, 17),
    )
    run(on(2023, 1, 1))
    last = story.invoices()[-1]
    assert (last.lines_minor, last.progressive_minor, last.credit_notes_minor) == (23100, 15000, 5000)
    assert last.total_minor == 3100


def test_usage_taken_back_after_its_invoice_is_credited_when_the_period_closes() -> None:
    """200.00 billed, 150.00 used in the end: a credit note of 50.00, used on the closing invoice of 31.00."""
    story = Story(20000)
    story.use(1000000, at=on(2022, 12, 16))
    story.use(-250000, at=on(2022, 12, 20))
    run(on(2023, 1, 1))
    last = story.invoices()[-1]
    assert (last.lines_minor, last.progressive_minor) == (18100, 15000)
    note = CreditNote.objects.get()
    assert (note.total_minor, note.invoice.type) == (5000, "progressive_billing")
    assert (last.credit_notes_minor, last.total_minor, note.balance_minor) == (3100, 0, 1900)


def test_a_taken_off_invoice_is_voided_after_the_one_that_takes_it_off() -> None:
    story = Story(20000)
    story.use(1000000, at=on(2022, 12, 16))
    run(on(2023, 1, 1))
    first, last = story.invoices()
    with pytest.raises(Conflict, match=last.number):
        void_invoice(first, by=ACTOR, at=on(2023, 1, 2))
    void_invoice(last, by=ACTOR, at=on(2023, 1, 2))
    void_invoice(first, by=ACTOR, at=on(2023, 1, 2))
    assert bill_passed(story.subscription, by=ACTOR, at=on(2023, 1, 2)) is None


def test_a_voided_progressive_invoice_is_billed_with_its_period() -> None:
    story = Story(20000)
    story.use(1000000, at=on(2022, 12, 16))
    void_invoice(story.invoices()[0], by=ACTOR, at=on(2022, 12, 17))
    story.use(1, at=on(2022, 12, 18))
    run(on(2023, 1, 1))
    assert story.invoices()[-1].total_minor == 23100


def test_usage_from_before_counts_towards_thresholds() -> None:
    story = Story(20000)
    Subscription.objects.update(historical_usage_minor=15000)
    story.use(250000, at=on(2022, 12, 16))
    assert story.totals() == [5000]
