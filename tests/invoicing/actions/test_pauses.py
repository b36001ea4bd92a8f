"""Pausing: no invoice meanwhile; paused days cost nothing; usage counts and is billed when it goes on. 31.00 a month,
so that a day of October costs 1.00.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from billing.actions.fixed_charges import FixedTerms
from billing.actions.pauses import pause_subscription
from billing.actions.subscription_terms import cancel_at_period_end
from billing.models import AuditEntry, EmittedEvent, Organization, Pause, Subscription
from billing.rules.errors import Conflict, Invalid
from customers.models import Customer
from invoicing.actions.billing_run import bill_now, run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.pauses import resume_subscription
from invoicing.actions.payments import record_payment
from invoicing.actions.termination import terminate_subscription
from invoicing.models import CreditNote, Invoice, InvoiceLine
from invoicing.rules.termination import Ending, OnTermination
from tests.factories.catalog import charge, make_add_on, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def october(customer: Customer, *, in_advance: bool, **fields: object) -> Subscription:
    """Running since 1 October, with usage at 0.10 a unit."""
    plan = make_plan(
        customer.organization,
        3100,
        charge(make_metric(customer.organization)),
        pay_in_advance=in_advance,
        **fields,
    )
    return subscribe(customer, plan, on(2026, 10, 1))


def pause(row: Subscription, at: datetime, **terms: object) -> Subscription:
    return pause_subscription(row, by=ACTOR, at=at, **terms)  # type: ignore[arg-type]


def fees(row: Subscription) -> list[int]:
    """The fee of each period that was billed, in order."""
    lines = InvoiceLine.objects.filter(subscription=row, kind="subscription")
    return [line.amount_minor for line in lines.order_by("period_start")]


def usage(row: Subscription) -> list[int]:
    lines = InvoiceLine.objects.filter(subscription=row, kind="charge")
    return [line.amount_minor for line in lines.order_by("period_start")]


def test_a_pause_within_a_period_in_arrears(customer: Customer) -> None:
    """Paused from the 10th 15:00 to the 20th 09:00: 9 days of 31 cost nothing. The usage of the pause is billed."""
    row = october(customer, in_advance=False)
    row = pause(row, on(2026, 10, 10, 15))
    assert (row.status, row.paused_at) == ("paused", on(2026, 10, 10, 15))
    use(row, row.plan.charges.get().metric, 50, at=on(2026, 10, 15))
    made = resume_subscription(row, by=ACTOR, at=on(2026, 10, 20, 9))
    assert made.invoices == [] and made.given_back.notes == ()
    row.refresh_from_db()
    assert (row.status, row.paused_at, row.has_paused) == ("active", None, True)
    run(on(2026, 11, 1))
    assert (fees(row), usage(row)) == ([2200], [500])


def test_a_pause_within_a_period_in_advance_is_given_back(customer: Customer) -> None:
    row = october(customer, in_advance=True)
    pause(row, on(2026, 10, 10, 15))
    made = resume_subscription(row, by=ACTOR, at=on(2026, 10, 20, 9))
    note = made.given_back.note
    assert note is not None
    assert (note.net_minor, note.balance_minor) == (900, 900)
    assert "9 unused days" in note.items[0]["description"] and "was paused" in note.description
    run(on(2026, 11, 1))
    assert Invoice.objects.get(period_end=on(2026, 12, 1)).credit_notes_minor == 900


def test_no_invoice_while_paused_and_all_of_it_afterwards(customer: Customer) -> None:
    """Paused from 10 October to 5 December in arrears: October costs 10 days (the 1st to the 10th), November nothing,
    December 27 (the 5th to the 31st). Usage of each period is billed with it.
    """
    row = october(customer, in_advance=False)
    metric = row.plan.charges.get().metric
    pause(row, on(2026, 10, 10, 15))
    use(row, metric, 10, at=on(2026, 10, 12))
    use(row, metric, 20, at=on(2026, 11, 12))
    for at in (on(2026, 11, 1), on(2026, 12, 1), on(2026, 12, 4)):
        assert run(at).invoices == 0
    with pytest.raises(Conflict, match="nothing to bill"):
        bill_now(customer, by=ACTOR, at=on(2026, 12, 4))
    made = resume_subscription(row, by=ACTOR, at=on(2026, 12, 5, 9)).invoices
    assert [invoice.total_minor for invoice in made] == [1100, 200]
    run(on(2027, 1, 1))
    assert (fees(row), usage(row)) == ([1000, 2700], [100, 200])


def test_over_several_periods_in_advance(customer: Customer) -> None:
    """The same in advance: 21 days of October are given back, November costs nothing, December 27 days at once, of
    which the credit note pays 21.
    """
    row = october(customer, in_advance=True)
    pause(row, on(2026, 10, 10, 15))
    run(on(2026, 11, 15))
    made = resume_subscription(row, by=ACTOR, at=on(2026, 12, 5, 9))
    note = made.given_back.note
    assert note is not None and note.net_minor == 2100
    [invoice] = made.invoices
    assert (invoice.lines_minor, invoice.credit_notes_minor, invoice.total_minor) == (2700, 2100, 600)
    assert fees(row) == [3100, 2700]
    run(on(2027, 1, 1))
    assert fees(row) == [3100, 2700, 3100]


def test_on_a_draft_the_paused_days_are_not_billed(organization: Organization) -> None:
    graced = make_customer(organization, currency="EUR", grace_period_days=25)
    row = october(graced, in_advance=True)
    pause(row, on(2026, 10, 10, 15))
    made = resume_subscription(row, by=ACTOR, at=on(2026, 10, 20, 9)).given_back
    assert made.notes == () and made.draft is not None
    assert (made.before_minor, made.draft.total_minor) == (3100, 2200)
    final = finalize_invoice(Invoice.objects.get(), by=ACTOR, at=on(2026, 10, 26))
    assert final.total_minor == 2200


def test_two_pauses_of_one_period(customer: Customer) -> None:
    """From the 3rd to the 8th, 4 days; from the 20th to the 25th, 4 days. Then ended on the 28th: 3 days are left.
    Paid in full, 20.00 were used: 3.00 go back as money beside what the two notes gave.
    """
    row = october(customer, in_advance=True)
    record_payment(Invoice.objects.get(), key="p", by=ACTOR, at=on(2026, 10, 2))
    for first, last in ((3, 8), (20, 25)):
        pause(row, on(2026, 10, first, 12))
        resume_subscription(row, by=ACTOR, at=on(2026, 10, last, 12))
    assert [note.net_minor for note in CreditNote.objects.order_by("created_at")] == [400, 400]
    note = terminate_subscription(
        row, Ending(unused=OnTermination.REFUND), by=ACTOR, at=on(2026, 10, 28, 9)
    ).credit_note
    assert note is not None and (note.net_minor, note.refund_minor) == (300, 300)
    assert Pause.objects.filter(subscription=row, ended_at__isnull=False).count() == 2


@pytest.mark.parametrize("in_advance", [True, False])
def test_ending_while_paused_charges_nothing_since_the_pause_began(
    customer: Customer, in_advance: bool
) -> None:
    """Paused on 10 October, ended on 5 November: 10 days were used."""
    row = october(customer, in_advance=in_advance)
    pause(row, on(2026, 10, 10, 15))
    use(row, row.plan.charges.get().metric, 10, at=on(2026, 11, 2))
    ended = terminate_subscription(row, by=ACTOR, at=on(2026, 11, 5, 9))
    credited = sum(note.net_minor for note in CreditNote.objects.all())
    assert sum(fees(row)) - credited == 1000
    assert usage(row) == [100] and ended.invoice is not None
    row.refresh_from_db()
    assert (row.status, row.paused_at) == ("terminated", None)
    assert Pause.objects.get().ended_at == on(2026, 11, 5, 9)


@pytest.mark.parametrize("in_advance", [True, False])
def test_ending_on_the_day_of_the_pause(customer: Customer, in_advance: bool) -> None:
    row = october(customer, in_advance=in_advance)
    pause(row, on(2026, 10, 10, 15))
    terminate_subscription(row, by=ACTOR, at=on(2026, 10, 10, 16))
    credited = sum(note.net_minor for note in CreditNote.objects.all())
    assert sum(fees(row)) - credited == 1000


def test_it_goes_on_by_itself_at_its_moment(customer: Customer) -> None:
    """Also when the run is late: the pause ends on the 20th, and not with the run."""
    row = october(customer, in_advance=False)
    pause(row, on(2026, 10, 10, 15), resumes_at=on(2026, 10, 20))
    assert run(on(2026, 10, 19, 23)).invoices == 0
    run(on(2026, 11, 1, 3))
    row.refresh_from_db()
    assert (row.status, row.resumes_at) == ("active", None)
    assert Pause.objects.get().ended_at == on(2026, 10, 20)
    assert fees(row) == [2200]
    entry = AuditEntry.objects.get(action="subscription.resumed")
    assert (entry.at, entry.actor_kind) == (on(2026, 10, 20), "system")


def test_a_paused_one_ends_on_its_day(customer: Customer) -> None:
    row = october(customer, in_advance=False)
    pause(row, on(2026, 10, 10, 15))
    cancel_at_period_end(row, by=ACTOR, at=on(2026, 10, 12))
    run(on(2026, 11, 1))
    row.refresh_from_db()
    assert (row.status, fees(row)) == ("canceled", [1000])


def test_a_trial_goes_on_while_it_is_paused(customer: Customer) -> None:
    """14 days of trial from the 1st; paused from the 10th to the 20th, which is the first day that costs: 12 days."""
    row = october(customer, in_advance=True, trial_days=14)
    pause(row, on(2026, 10, 10, 15))
    made = resume_subscription(row, by=ACTOR, at=on(2026, 10, 20, 9))
    row.refresh_from_db()
    assert (row.status, [invoice.total_minor for invoice in made.invoices]) == ("active", [1200])
    other = october(billed_customer(customer.organization), in_advance=True, trial_days=30)
    pause(other, on(2026, 10, 10, 15))
    resume_subscription(other, by=ACTOR, at=on(2026, 10, 20, 9))
    other.refresh_from_db()
    assert other.status == "trialing" and fees(other) == []


def test_minimums_leave_paused_days_out(customer: Customer) -> None:
    """A minimum spend and a commitment of 31.00 each over 22 of 31 days."""
    price = charge(make_metric(customer.organization), min_amount_minor=3100)
    plan = make_plan(customer.organization, 0, price)
    row = subscribe(customer, plan, on(2026, 10, 1))
    promised = make_plan(customer.organization, 0, commitment_minor=6200)
    other = subscribe(customer, promised, on(2026, 10, 1))
    for one in (row, other):
        pause(one, on(2026, 10, 10, 15))
        resume_subscription(one, by=ACTOR, at=on(2026, 10, 20, 9))
    run(on(2026, 11, 1))
    assert [line.amount_minor for line in InvoiceLine.objects.filter(subscription=row)] == [2200]
    assert [line.amount_minor for line in InvoiceLine.objects.filter(subscription=other)] == [4400]


def test_refusals_leave_everything_as_it_was(customer: Customer) -> None:
    row = october(customer, in_advance=True)
    with pytest.raises(Conflict, match="not paused"):
        resume_subscription(row, by=ACTOR, at=on(2026, 10, 5))
    with pytest.raises(Invalid) as refused:
        pause(row, on(2026, 10, 5), resumes_at=on(2026, 10, 5))
    assert refused.value.field == "resumes_at"
    pause(row, on(2026, 10, 5))
    with pytest.raises(Conflict, match="paused already"):
        pause(row, on(2026, 10, 6))
    assert Pause.objects.count() == 1
    assert EmittedEvent.objects.filter(name="subscription.paused").count() == 1
    waiting = subscribe(
        customer, make_plan(customer.organization), on(2026, 10, 1), subscription_at=on(2027, 1, 1)
    )
    with pytest.raises(Conflict, match="Only a running"):
        pause(waiting, on(2026, 10, 5))


def test_a_subscription_with_an_invoice_of_its_own(customer: Customer) -> None:
    plan = make_plan(customer.organization, 1000)
    for _ in range(2):
        subscribe(customer, plan, on(2026, 10, 1))
    alone = subscribe(customer, plan, on(2026, 10, 1), separate_invoice=True)
    run(on(2026, 11, 1))
    totals = sorted(invoice.total_minor for invoice in Invoice.objects.all())
    assert totals == [1000, 2000]
    assert InvoiceLine.objects.get(subscription=alone).invoice.total_minor == 1000


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"prorated": True}, [1000, 2700]),  # October to the 10th, December from the 5th
        ({}, [3100, 3100]),  # in full, but not for November, which was paused from end to end
        ({"prorated": True, "pay_in_advance": True}, [3100, 2700, 3100]),  # October was paid when it began
        ({"pay_in_advance": True}, [3100, 3100, 3100]),
    ],
)
def test_fixed_charges_leave_paused_days_out(
    customer: Customer, terms: dict[str, bool], expected: list[int]
) -> None:
    """31 seats at 1.00, paused from 10 October to 5 December."""
    seats = FixedTerms(
        make_add_on(customer.organization), properties={"amount": "1"}, units=Decimal(31), **terms
    )
    row = subscribe(customer, make_plan(customer.organization, 0, fixed_charges=[seats]), on(2026, 10, 1))
    run(on(2026, 10, 2))
    pause(row, on(2026, 10, 10, 15))
    run(on(2026, 12, 1))
    resume_subscription(row, by=ACTOR, at=on(2026, 12, 5, 9))
    run(on(2027, 1, 1))
    lines = InvoiceLine.objects.filter(subscription=row, kind="fixed_charge").order_by("period_start")
    assert [line.amount_minor for line in lines] == expected
