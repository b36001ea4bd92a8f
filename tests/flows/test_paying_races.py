"""Money that comes online while others ask, record and void at the same moment: counted once. Real threads."""

from __future__ import annotations

import pytest
from django.utils import timezone

from billing.rules.errors import BillingError
from invoicing.actions.attempts import ask_about, settle
from invoicing.actions.charging import charge_invoice
from invoicing.actions.incoming import take_notice
from invoicing.actions.payments import record_payment
from invoicing.actions.refunding import ask_about_refunds, retry_refund, send
from invoicing.actions.refunds import refund_payment
from invoicing.actions.told import told_card
from invoicing.actions.void import void_invoice
from invoicing.clients.providers.base import Seen
from invoicing.models import (
    Invoice,
    Payment,
    PaymentAttempt,
    PaymentMethod,
    ProviderEvent,
    Receipt,
    Refund,
    Remittance,
)
from tests.factories.paying import BY, make_due, make_payer, open_link
from tests.factories.people import make_organization
from tests.flows.test_races import together
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("with_cash", [False, True])
def test_messages_the_beat_and_cash_at_once(stripe: FakeStripe, with_cash: bool) -> None:
    account = make_payer(make_organization())
    invoice = make_due(account.organization)
    attempt = open_link(invoice)
    body, headers = stripe.money.event(stripe.money.pay())
    headers = {name.lower(): value for name, value in headers.items()}
    seen = Seen("successful", 10000, "EUR", "pi_000001")

    def told() -> None:
        take_notice(account, headers, body, at=timezone.now())
        ask_about(attempt.pk)

    def settled() -> None:
        settle(attempt, seen, at=BY["at"])

    def cash() -> Payment:
        return record_payment(invoice, key="cash", **BY)

    *_, paid = together(told, told, settled, settled, cash if with_cash else settled)

    ask_about(attempt.pk)
    attempt.refresh_from_db()
    payment = Payment.objects.get(invoice=invoice)
    assert (payment.amount_minor, Invoice.objects.get().due_minor) == (10000, 0)
    assert (attempt.state, attempt.problem, ProviderEvent.objects.count()) == ("successful", "", 1)
    if with_cash and not isinstance(paid, BillingError):
        assert attempt.payment is None
        assert (attempt.remittance, attempt.remittance.left_minor) == (Remittance.objects.get(), 10000)
    else:
        assert (attempt.payment, Remittance.objects.count()) == (payment, 0)
    numbers = Receipt.objects.order_by("number").values_list("number", flat=True)
    assert [number[-3:] for number in numbers] == [f"{n:03d}" for n in range(1, len(numbers) + 1)]


def test_paid_and_voided_at_once(stripe: FakeStripe) -> None:
    invoice = make_due(make_payer(make_organization()).organization)
    attempt = open_link(invoice)
    stripe.money.pay()

    _, voided = together(lambda: ask_about(attempt.pk), lambda: void_invoice(invoice, **BY))

    attempt.refresh_from_db()
    invoice.refresh_from_db()
    assert attempt.state == "successful"
    if isinstance(voided, BillingError):
        assert (invoice.payment_status, attempt.problem) == ("paid", "")
    else:
        assert (invoice.status, Payment.objects.count()) == ("voided", 0)
        assert (attempt.problem, attempt.remittance.left_minor) == ("", 10000)


def test_two_who_ask_for_a_link_at_once_open_one(stripe: FakeStripe) -> None:
    invoice = make_due(make_payer(make_organization()).organization)
    answers = together(lambda: open_link(invoice, "a"), lambda: open_link(invoice, "b"))
    attempt = PaymentAttempt.objects.get()
    assert attempt in answers
    assert [answer for answer in answers if answer != attempt and answer.code != "being_asked"] == []
    assert len(stripe.writes()) == 1


def test_receipts_of_many_payments_at_once_have_no_gap() -> None:
    organization = make_organization()
    invoices = [make_due(organization) for _ in range(6)]
    done = together(*[lambda invoice=invoice: record_payment(invoice, key="k", **BY) for invoice in invoices])
    assert not [answer for answer in done if isinstance(answer, BillingError)]
    numbers = sorted(Receipt.objects.values_list("number", flat=True))
    assert [number[-3:] for number in numbers] == [f"{n:03d}" for n in range(1, 7)]


def paid_online(stripe: FakeStripe) -> Payment:
    attempt = open_link(make_due(make_payer(make_organization()).organization))
    stripe.money.pay()
    ask_about(attempt.pk)
    return Payment.objects.get()


def test_two_refunds_at_once_never_exceed_the_payment(stripe: FakeStripe) -> None:
    payment = paid_online(stripe)
    answers = together(
        *[lambda key=key: refund_payment(payment, amount_minor=6000, key=key, **BY) for key in "abcc"]
    )
    assert {answer.code for answer in answers if isinstance(answer, BillingError)} == {"more_than_paid"}
    refund = Refund.objects.get()

    together(*[lambda: send(refund.pk)] * 2, *[lambda: ask_about_refunds(payment.attempt.pk)] * 2)
    send(refund.pk)
    ask_about_refunds(payment.attempt.pk)
    payment.refresh_from_db()
    assert (payment.refunded_minor, payment.refunding_minor) == (6000, 0)
    assert (Refund.objects.count(), len(stripe.money.refunds)) == (1, 1)


def test_a_retry_and_another_refund_at_once(stripe: FakeStripe) -> None:
    payment = paid_online(stripe)
    stripe.money.pay(amount=1000)
    refund = refund_payment(payment, amount_minor=6000, key="first", **BY)
    send(refund.pk)
    refund.refresh_from_db()
    assert refund.status == "failed"
    together(
        lambda: retry_refund(refund, **BY),
        lambda: retry_refund(refund, **BY),
        lambda: refund_payment(payment, amount_minor=6000, by_hand=True, key="cash", **BY),
    )
    payment.refresh_from_db()
    assert payment.refunded_minor + payment.refunding_minor == 6000


def with_card(stripe: FakeStripe) -> Invoice:
    """An invoice whose customer has left a card."""
    account = make_payer(make_organization())
    invoice = make_due(account.organization)
    card = stripe.money.card("4242")
    told_card(invoice.customer, account, "races", "4242", (2034, 12), **{"at": BY["at"]})
    PaymentMethod.objects.update(external_id=card["id"])
    return invoice


def test_workers_that_charge_at_once_charge_once(stripe: FakeStripe) -> None:
    invoice = with_card(stripe)
    answers = together(
        *[
            lambda key=key: charge_invoice(invoice, key=key, at=BY["at"])
            for key in ("auto:1", "auto:1", "late:2")
        ]
    )
    refused = {answer.code for answer in answers if isinstance(answer, BillingError)}
    assert refused <= {"being_charged", "invoice_paid"}
    assert (len(stripe.money.intents), Payment.objects.get().amount_minor) == (1, 10000)
    assert PaymentAttempt.objects.get().state == "successful"


def test_a_charge_and_cash_at_once_are_both_counted(stripe: FakeStripe) -> None:
    invoice = with_card(stripe)
    charged, paid = together(
        lambda: charge_invoice(invoice, at=BY["at"]), lambda: record_payment(invoice, key="cash", **BY)
    )
    came = 10000 * len(stripe.money.intents)
    if not isinstance(paid, BillingError):
        came += 10000
    held = sum(row.left_minor for row in Remittance.objects.all())
    assert sum(Payment.objects.values_list("amount_minor", flat=True)) + held == came
    invoice.refresh_from_db()
    assert (invoice.payment_status, came) in {("paid", 10000), ("paid", 20000)}
    assert not isinstance(charged, BillingError) or charged.code == "invoice_paid"
