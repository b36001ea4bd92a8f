"""Money that comes, is given up and goes back at the same moment: no cent pays twice, and what was seen is what
happens. Real threads on PostgreSQL.
"""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Organization
from billing.rules.errors import BillingError
from customers.models import Customer
from invoicing.actions.attempts import ask_about
from invoicing.actions.payments import record_payment
from invoicing.actions.refunding import send
from invoicing.actions.refunds import send_rest_back
from invoicing.actions.remittances import give_back_rest, planned, receive, use_rest
from invoicing.actions.write_offs import undo_write_off, write_off
from invoicing.models import Invoice, Payment, Refund, Remittance, RemittanceReturn, WriteOff
from invoicing.queries.outstanding import differing_sums
from tests.factories.invoicing import billed_customer
from tests.factories.paying import make_payer, open_link
from tests.factories.people import ACTOR, make_organization
from tests.flows.test_races import AT, done, issued, together
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db(transaction=True)
DONE: dict[str, Any] = {"by": ACTOR, "at": AT}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def codes(answers: list[Any]) -> set[str]:
    """Why the others were refused."""
    return {answer.code for answer in answers if isinstance(answer, BillingError)}


def got(customer: Customer, minor: int, key: str, **more: Any) -> Remittance:
    """Money that came, in EUR; what is left stays on account."""
    given = {"currency": "EUR", "keep_rest": True, **DONE} | more
    return receive(customer, amount_minor=minor, key=key, **given)


def test_transfers_at_once_over_the_same_invoices_pay_each_once(customer: Customer) -> None:
    """60, 50 and 20 are due; three times 50 come: 130 are used and 20 stay on account."""
    for amount in (60, 50, 20):
        issued(customer, amount)
    rows = done(together(*[lambda n=n: got(customer, 5000, f"k{n}") for n in range(3)]))
    assert len(rows) == 3
    rows = Remittance.objects.all()
    assert (sum(row.applied_minor for row in rows), sum(row.left_minor for row in rows)) == (13000, 2000)
    assert {row.due_minor for row in Invoice.objects.all()} == {0}
    assert sum(Payment.objects.values_list("amount_minor", flat=True)) == 13000
    assert differing_sums() == []


def test_two_people_who_saw_the_same_invoices_record_one_transfer(customer: Customer) -> None:
    issued(customer, 60)
    issued(customer, 50)
    seen = planned(customer, "EUR", 8000, {}).seen
    answers = together(*[lambda n=n: got(customer, 8000, f"k{n}", expected=seen) for n in range(3)])
    assert len(done(answers)) == Remittance.objects.count() == 1
    assert codes(answers) == {"split_changed"}


def test_the_same_transfer_sent_at_once_is_one(customer: Customer) -> None:
    issued(customer, 60)
    answers = together(*[lambda: got(customer, 8000, "same")] * 4)
    assert len({row.pk for row in done(answers)}) == Remittance.objects.count() == 1
    assert len(done(answers)) == 4 and Payment.objects.get().amount_minor == 6000


def test_giving_up_and_paying_at_once_have_one_winner(customer: Customer) -> None:
    for _ in range(3):
        invoice = issued(customer)
        answers = together(
            lambda invoice=invoice: write_off(invoice, kind="other", key="w", **DONE),
            lambda invoice=invoice: record_payment(invoice, key="p", **DONE),
            lambda key=f"{invoice.pk}": got(customer, 10000, key, keep_rest=False),
        )
        assert len(done(answers)) == 1
        assert codes(answers) <= {"invoice_paid", "invoice_written_off", "rest_undecided"}
        invoice.refresh_from_db()
        given_up = WriteOff.objects.filter(invoice=invoice).exists()
        assert (invoice.due_minor, invoice.written_off_minor) == (0, 10000 if given_up else 0)
        assert invoice.received_minor == (0 if given_up else 10000)
    assert differing_sums() == []


def test_giving_up_from_several_sides_is_done_and_taken_back_once(customer: Customer) -> None:
    invoice = issued(customer)
    answers = together(*[lambda n=n: write_off(invoice, kind="other", key=f"w{n}", **DONE) for n in range(4)])
    assert len(done(answers)) == 1 and codes(answers) == {"invoice_written_off"}
    answers = together(*[lambda: undo_write_off(invoice, **DONE)] * 4)
    assert len(done(answers)) == 1 and codes(answers) == {"not_written_off"}
    invoice.refresh_from_db()
    assert (invoice.due_minor, invoice.written_off_minor) == (10000, 0)


@pytest.mark.parametrize("online", [False, True])
def test_money_on_account_is_used_or_goes_back(customer: Customer, stripe: FakeStripe, online: bool) -> None:
    """50 are on account and 40 due: using it and giving 30 back at once leaves nothing below nothing."""
    if online:
        make_payer(customer.organization)
        attempt = open_link(issued(customer, 50))
        record_payment(attempt.subject, key="cash", **DONE)
        stripe.money.pay()
        ask_about(attempt.pk)
        row = Remittance.objects.get()
    else:
        row = got(customer, 5000, "k")
    issued(customer, 40)
    back_by = send_rest_back if online else give_back_rest
    together(
        *[lambda n=n: use_rest(row, key=f"u{n}", **DONE) for n in range(2)],
        *[lambda n=n: back_by(row, amount_minor=3000, key=f"b{n}", **DONE) for n in range(2)],
    )
    for refund in Refund.objects.all():
        together(*[lambda refund=refund: send(refund.pk)] * 2)
    row.refresh_from_db()
    parts = sum(row.payments.values_list("amount_minor", flat=True))
    back = sum(RemittanceReturn.objects.values_list("amount_minor", flat=True))
    assert (parts, back) == (row.applied_minor, row.returned_minor) and row.left_minor >= 0
    assert (parts, back) in {(4000, 0), (2000, 3000)}
