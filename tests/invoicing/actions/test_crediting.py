"""Credit notes by hand and refunds: exact rows, limits, repeats, deleted customers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.rules.errors import BillingError, Conflict, Invalid
from customers.models import Customer
from invoicing.actions.crediting import CreditRequest, issue_credit_note, void_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.refunds import refund_payment
from invoicing.models import CreditNote, Invoice, InvoiceLine, Payment, Refund
from invoicing.rules.crediting import CreditReason
from tests.factories.catalog import make_tax
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice() -> Invoice:
    """100.00 and 50.00 at 19 %: 178.50."""
    organization = make_organization("Acme")
    tax = make_tax(organization, rate=Decimal(19))
    customer = make_customer(organization)
    items = [Item("Work", Decimal(100)), Item("Travel", Decimal(50))]
    return create_one_off(customer, items, taxes=[tax], finalize=True, by=ACTOR, at=NOW)


def issue(invoice: Invoice, key: str = "one", **wanted: Any) -> CreditNote:
    return issue_credit_note(
        invoice, CreditRequest(**wanted), reason=CreditReason.ORDER_CHANGE, key=key, by=ACTOR, at=NOW
    )


def test_a_line_in_part_then_everything_that_is_left(invoice: Invoice) -> None:
    work = InvoiceLine.objects.get(invoice=invoice, description="Work")
    part = issue(invoice, items={str(work.pk): 3333})
    assert (part.net_minor, part.tax_minor, part.total_minor, part.balance_minor) == (3333, 633, 3966, 3966)
    rest = issue(invoice, "two", everything=True)
    assert rest.total_minor + part.total_minor == invoice.total_minor == 17850
    with pytest.raises(Conflict, match="credited already"):
        issue(invoice, "three", everything=True)


def test_the_same_key_makes_one_note(invoice: Invoice) -> None:
    assert issue(invoice, total_minor=1190) == issue(invoice, total_minor=1190)
    assert CreditNote.objects.count() == 1


def test_money_goes_back_with_a_note_and_no_more_than_was_paid(invoice: Invoice) -> None:
    payment = record_payment(invoice, amount_minor=10000, key="p", by=ACTOR, at=NOW)
    with pytest.raises(Invalid, match=r"At most 100\.00"):
        issue(invoice, everything=True, refund_minor=10001)
    assert not CreditNote.objects.exists()
    note = issue(invoice, everything=True, refund_minor=10000)
    assert (note.total_minor, note.refund_minor, note.balance_minor) == (17850, 10000, 7850)
    payment.refresh_from_db()
    assert (payment.refunded_minor, payment.status) == (10000, "refunded")
    assert Refund.objects.get().credit_note == note
    with pytest.raises(Conflict, match="given back"):
        void_credit_note(note, by=ACTOR, at=NOW)


def test_voiding_a_note_frees_what_it_took(invoice: Invoice) -> None:
    note = void_credit_note(issue(invoice, everything=True), by=ACTOR, at=NOW)
    assert (note.status, note.balance_minor) == ("voided", 0)
    assert issue(invoice, "two", everything=True).total_minor == 17850
    with pytest.raises(Invalid, match="voided already"):
        void_credit_note(note, by=ACTOR, at=NOW)


def test_refunds_in_parts_never_exceed_the_payment(invoice: Invoice) -> None:
    payment = record_payment(invoice, key="p", by=ACTOR, at=NOW)
    first = refund_payment(payment, amount_minor=5000, reason="Half", key="r1", by=ACTOR, at=NOW)
    again = refund_payment(payment, amount_minor=5000, reason="Half", key="r1", by=ACTOR, at=NOW)
    assert first == again
    payment.refresh_from_db()
    assert (payment.refunded_minor, payment.status) == (5000, "partially_refunded")
    with pytest.raises(BillingError, match=r"At most 128\.50"):
        refund_payment(payment, amount_minor=12851, key="r2", by=ACTOR, at=NOW)
    refund_payment(payment, key="r3", by=ACTOR, at=NOW)
    payment.refresh_from_db()
    assert (payment.refunded_minor, payment.status) == (17850, "refunded")
    with pytest.raises(Invalid, match="already"):
        refund_payment(payment, key="r4", by=ACTOR, at=NOW)
    assert Payment.objects.get().invoice.paid_minor == 17850


def test_a_deleted_customer_can_still_be_credited_and_refunded(invoice: Invoice) -> None:
    payment = record_payment(invoice, key="p", by=ACTOR, at=NOW)
    Customer.objects.filter(pk=invoice.customer_id).update(deleted_at=NOW)
    assert issue(invoice, total_minor=1190, refund_minor=1190).refund_minor == 1190
    assert refund_payment(payment, amount_minor=100, key="r", by=ACTOR, at=NOW).amount_minor == 100
