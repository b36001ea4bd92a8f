"""Paying an invoice online at Stripe: who is asked, what becomes of it, and the money counted once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing.models import EmittedEvent, Organization
from billing.rules.errors import Conflict, Invalid
from billing.rules.errors import Unavailable as NotAvailable
from customers.actions.customers import update_customer
from customers.actions.merge import merge_customers
from invoicing.actions.attempts import ask_about, ask_now, ask_soon, problem_solved, run, settle
from invoicing.actions.paying import begin
from invoicing.actions.payments import record_payment
from invoicing.actions.providers import delete_provider, update_provider
from invoicing.actions.refunding import ask_about_refunds
from invoicing.actions.refunds import refund_payment
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import write_off
from invoicing.clients.providers.base import Seen
from invoicing.models import Invoice, Payment, PaymentAttempt, Remittance
from invoicing.queries.lists import invoices_with_status
from tests.factories.paying import BY, make_due, make_payer, open_link
from tests.factories.people import NOW, make_organization
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


def fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def aged(attempt: PaymentAttempt, **age: int) -> None:
    PaymentAttempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(**age))


def later_on() -> int:
    """What the worker does once every wait is over."""
    PaymentAttempt.objects.exclude(next_at=None).update(next_at=timezone.now() - timedelta(seconds=1))
    return run(timezone.now())


def test_a_link_is_opened_once_and_its_payment_recorded(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme, "123.45", email="anna@ngoma.example")

    attempt = open_link(invoice)

    row = stripe.money.session()
    assert (attempt.state, attempt.url, attempt.external_id) == ("pending", row["url"], row["id"])
    assert (row["amount_total"], row["currency"]) == (12345, "eur")
    [asked] = stripe.writes()
    assert asked.form["client_reference_id"] == attempt.reference == asked.key
    assert asked.form["customer_email"] == "anna@ngoma.example"
    assert asked.form["success_url"].endswith(f"/paid/{attempt.public_id}")
    assert open_link(invoice) == attempt == open_link(invoice, "another key")
    assert len(stripe.writes()) == 1

    assert (later_on(), fresh(attempt).state) == (1, "pending")
    stripe.money.pay()
    assert (later_on(), later_on()) == (1, 0)

    attempt, invoice = fresh(attempt), fresh(invoice)
    payment = Payment.objects.get(invoice=invoice)
    assert (attempt.state, attempt.payment, attempt.problem, attempt.next_at) == (
        "successful",
        payment,
        "",
        None,
    )
    assert (payment.amount_minor, payment.provider, payment.status) == (12345, "stripe", "successful")
    assert payment.reference == "pi_000001"
    assert (invoice.payment_status, invoice.due_minor) == ("paid", 0)
    with pytest.raises(Invalid, match="paid already"):
        open_link(invoice, "k2")


def test_the_next_account_is_asked_when_one_is_not_available_never_after_a_refusal(
    acme: Organization, stripe: FakeStripe
) -> None:
    first, second = make_payer(acme, name="First"), make_payer(acme, name="Second")
    invoice = make_due(acme)
    stripe.next(503)
    assert open_link(invoice).provider == second
    failed = PaymentAttempt.objects.get(provider=first)
    assert (failed.state, failed.next_at) == ("failed", None)
    assert "Not available: Injected 503." in failed.reason
    assert open_link(invoice).provider == second, "a repeat asks nobody"

    other = make_due(acme)
    stripe.next(402)
    with pytest.raises(Invalid, match=r"First: Injected 402\.") as caught:
        open_link(other)
    assert caught.value.code == "provider_refused"
    assert PaymentAttempt.objects.get(invoice=other).provider == first

    third = make_due(acme)
    stripe.next(500, 503)
    with pytest.raises(NotAvailable, match=r"First: Injected 500\. Second: Injected 503\."):
        open_link(third)


def test_the_order_of_the_accounts(acme: Organization, stripe: FakeStripe) -> None:
    with pytest.raises(Invalid) as caught:
        open_link(make_due(acme))
    assert caught.value.code == "no_provider"
    shut = make_payer(acme, name="Shut", active=False)
    best, good = make_payer(acme, name="Best", priority=2), make_payer(acme, name="Good", priority=3)
    assert open_link(make_due(acme)).provider == best
    update_provider(shut, {"active": True}, **BY)
    assert open_link(make_due(acme)).provider == shut
    update_provider(good, {"priority": 1}, **BY)
    invoice = make_due(acme, disabled_providers=["stripe"])
    with pytest.raises(Invalid, match="Good is disabled for this customer"):
        open_link(invoice)
    update_customer(invoice.customer, {"disabled_providers": []}, **BY)
    assert open_link(invoice).provider in (good, shut)


def test_a_declined_card_leaves_the_link_open_and_its_end_is_a_failure(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme))
    stripe.money.decline(message="Your card has insufficient funds.")
    later_on()
    assert (fresh(attempt).state, fresh(attempt).reason) == ("pending", "Your card has insufficient funds.")
    stripe.money.expire()
    later_on()
    assert (fresh(attempt).state, fresh(attempt).reason) == ("failed", "Your card has insufficient funds.")
    assert later_on() == 0
    assert not Payment.objects.exists()
    assert open_link(fresh(attempt).invoice, "k2") != attempt
    stripe.money.pay(attempt.external_id)  # late, but it came
    ask_now(fresh(attempt))
    assert fresh(attempt).state == "successful"
    with pytest.raises(Conflict):
        ask_now(fresh(attempt))


def test_no_answer_is_asked_again_and_nothing_is_paid_twice(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    attempt = open_link(invoice)
    stripe.money.pay()
    stripe.next(500, "garbage", "drop")
    for asked in (1, 2, 3):
        assert (later_on(), fresh(attempt).asked) == (1, asked)
    assert fresh(attempt).state == "pending"
    assert fresh(attempt).next_at > timezone.now()
    ask_about(attempt.pk)
    ask_about(attempt.pk)
    assert Payment.objects.get().amount_minor == 10000


def test_one_that_was_never_answered_has_failed(acme: Organization, stripe: FakeStripe) -> None:
    """The process died between the row and the answer."""
    make_payer(acme)
    invoice = make_due(acme)
    attempt, is_new = begin(invoice, "k", skipped=0, **BY)
    assert attempt is not None and is_new and attempt.state == "unknown"
    with pytest.raises(Conflict, match="just now"):
        open_link(invoice, "other")
    later_on()
    assert (fresh(attempt).state, fresh(attempt).reason) == ("failed", "Stripe did not answer in time.")
    assert open_link(invoice, "other").state == "pending"


@pytest.mark.parametrize("how", ["partly", "paid", "void", "written off", "merged"])
def test_more_than_is_due_is_on_account_of_the_customer(
    acme: Organization, stripe: FakeStripe, how: str
) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    attempt = open_link(invoice)
    customer = invoice.customer
    if how in {"partly", "paid"}:
        record_payment(invoice, amount_minor=4000 if how == "partly" else None, key="cash", **BY)
    elif how == "void":
        void_invoice(invoice, **BY)
    elif how == "written off":
        write_off(invoice, kind="bad_debt", key="w", **BY)
    else:
        record_payment(invoice, key="cash", **BY)
        customer = make_due(acme).customer
        merge_customers(invoice.customer, customer, **BY)
    stripe.money.pay()
    assert (later_on(), later_on()) == (1, 0)

    attempt = fresh(attempt)
    used = 6000 if how == "partly" else 0
    transfer = Remittance.objects.get()
    assert (attempt.state, attempt.problem, attempt.remittance) == ("successful", "", transfer)
    assert (transfer.customer, transfer.amount_minor, transfer.left_minor) == (customer, 10000, 10000 - used)
    assert (transfer.provider, transfer.reference) == ("stripe", "pi_000001")
    assert attempt.payment == (transfer.payments.get() if used else None)
    assert transfer.receipt.amount_minor == 10000 and transfer.receipt.on_account_minor == 10000 - used
    if how == "partly":
        assert (attempt.payment.amount_minor, fresh(invoice).payment_status) == (used, "paid")


def test_money_on_account_that_is_sent_back_at_stripe_goes_off_the_account(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme))
    record_payment(attempt.invoice, amount_minor=7000, key="cash", **BY)
    stripe.money.pay()
    later_on()
    stripe.money.refund("pi_000001", 7500)
    for _ in range(2):
        ask_about_refunds(attempt.pk)
    transfer = Remittance.objects.get()
    assert (transfer.returned_minor, transfer.left_minor) == (7000, 0)
    payment = fresh(attempt).payment
    assert (payment.amount_minor, payment.refunded_minor, fresh(attempt).problem) == (3000, 500, "")


def test_a_refused_try_marks_the_invoice_until_money_comes(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    quiet, invoice = open_link(make_due(acme)), make_due(acme)
    stripe.money.expire(quiet.external_id)
    attempt = open_link(invoice)
    stripe.money.decline(attempt.external_id)
    later_on()
    assert fresh(quiet.invoice).payment_status == "pending", "nobody has tried"
    assert (fresh(attempt).state, fresh(invoice).payment_status) == ("pending", "failed")
    assert list(invoices_with_status(Invoice.objects.all(), "Failed", NOW.date())) == [invoice]
    stripe.money.pay(attempt.external_id)
    later_on()
    assert fresh(invoice).payment_status == "paid"


def test_money_that_cannot_be_recorded_stays_visible(
    acme: Organization, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme))

    def refuse(*_: Any, **__: Any) -> None:
        raise Conflict("The books are closed.")

    monkeypatch.setattr("invoicing.actions.booking.record_payment", refuse)
    stripe.money.pay()
    later_on()
    attempt = fresh(attempt)
    assert attempt.problem == "100.00 EUR came and could not be recorded: The books are closed."
    problem_solved(attempt, **BY)
    assert fresh(attempt).problem == ""
    with pytest.raises(Conflict):
        problem_solved(attempt, **BY)


def test_amounts_are_written_as_stripe_counts_them(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme, 5000, currency="UGX"))
    assert stripe.money.session()["amount_total"] == 500000
    stripe.money.pay()
    later_on()
    assert fresh(attempt).received_minor == 5000
    with pytest.raises(Invalid, match="takes whole MGA only"):
        open_link(make_due(acme, "12.5", currency="MGA"))


def test_a_draft_or_voided_invoice_has_no_link(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    Invoice.objects.filter(pk=invoice.pk).update(status="voided")
    with pytest.raises(Invalid, match="only a finalised one"):
        open_link(invoice)
    assert stripe.log == []


def test_asking_often_does_not_end_a_link_sooner(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme))
    for _ in range(11):
        ask_now(attempt)
    assert attempt.state == "pending"
    assert attempt.next_at is not None and attempt.next_at <= attempt.created_at + timedelta(minutes=1)
    aged(attempt, hours=32)
    later_on()
    assert (fresh(attempt).state, fresh(attempt).reason) == ("failed", "Nobody has paid in time.")
    assert later_on() == 0


def test_money_on_its_way_is_waited_for_and_no_second_link_opened(
    acme: Organization, stripe: FakeStripe
) -> None:
    """A bank debit takes days."""
    make_payer(acme)
    attempt = open_link(make_due(acme))
    row = stripe.money.session()
    row |= {"status": "complete", "payment_intent": {"id": "pi_1", "status": "processing"}}
    later_on()
    assert fresh(attempt).state == "processing"
    assert open_link(attempt.invoice, "again") == attempt
    ended, less = {"expires_at": timezone.now()}, {"amount_minor": 9000}
    for changed in (ended, less):
        before = PaymentAttempt.objects.filter(pk=attempt.pk).values(*changed).get()
        PaymentAttempt.objects.filter(pk=attempt.pk).update(**changed)
        with pytest.raises(Conflict) as caught:
            open_link(attempt.invoice, "another")
        assert caught.value.code == "being_asked", "its link is of no use, and it may still be paid by"
        PaymentAttempt.objects.filter(pk=attempt.pk).update(**before)
    aged(attempt, days=5)
    later_on()
    assert fresh(attempt).state == "processing"
    stripe.money.pay()
    later_on()
    assert (fresh(attempt).state, Payment.objects.get().amount_minor) == ("successful", 10000)


def test_who_is_told_to_ask_while_another_asks_is_not_forgotten(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme))
    asking = fresh(attempt)
    ask_soon(attempt)  # the message comes while the answer of before is under way
    settle(asking, Seen("pending"), **{"at": BY["at"]})
    assert run(timezone.now()) == 1


def test_no_answer_about_a_late_payment_is_asked_again(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme))
    stripe.money.expire()
    later_on()
    aged(attempt, days=3)
    stripe.money.pay()
    ask_soon(attempt)
    stripe.next(503)
    assert (run(timezone.now()), fresh(attempt).state) == (1, "failed")
    assert (later_on(), fresh(attempt).state) == (1, "successful")


def test_an_attempt_that_cannot_be_settled_does_not_hold_up_the_others(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_payer(acme)
    odd, good = open_link(make_due(acme)), open_link(make_due(acme))
    stripe.money.pay(odd.external_id)["currency"] = "zzz"
    stripe.money.pay(good.external_id)
    assert later_on() == 2
    assert (fresh(odd).state, fresh(good).state) == ("pending", "successful")
    assert fresh(odd).next_at > timezone.now()


def test_a_key_that_is_too_long_is_refused(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    with pytest.raises(Invalid) as caught:
        open_link(invoice, "k" * 191)
    assert (caught.value.field, stripe.log) == ("key", [])
    make_payer(acme)
    stripe.next(503)
    assert open_link(invoice, "k" * 190).state == "pending"


def test_the_link_of_an_account_that_is_gone_or_off_is_not_handed_out(
    acme: Organization, stripe: FakeStripe
) -> None:
    first, second, third = (make_payer(acme) for _ in range(3))
    invoice = make_due(acme)
    attempt = open_link(invoice)
    assert attempt.provider == first
    update_provider(first, {"active": False}, **BY)
    assert open_link(invoice, "k2").provider == second
    delete_provider(first, **BY)
    delete_provider(second, **BY)
    assert open_link(invoice, "k3").provider == third
    assert (fresh(attempt).state, fresh(attempt).next_at) == ("failed", None)
    assert "The account was deleted." in fresh(attempt).reason
    asked = len(stripe.log)
    assert ask_about(attempt.pk)
    assert len(stripe.log) == asked


def test_who_listens_is_told_of_each_outcome_once(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme, "12.50"))
    stripe.money.expire()
    ask_about(attempt.pk)
    ask_about(attempt.pk)
    stripe.money.pay()
    ask_about(attempt.pk)
    ask_about(attempt.pk)
    payment = Payment.objects.get()
    for _ in range(2):
        refund_payment(payment, amount_minor=250, by_hand=True, key="r", **BY)
    told = EmittedEvent.objects.filter(name__startswith="payment.").order_by("pk")
    assert [(row.name, row.subject_id, row.data["status"]) for row in told] == [
        ("payment.failed", attempt.pk, "failed"),
        ("payment.successful", payment.pk, "successful"),
        ("payment.refunded", payment.pk, "partially_refunded"),
    ]
    assert told[0].data["reason"] == "The link has expired, nobody paid."
    assert [row.data["refundedAmount"] for row in told[1:]] == [Decimal("0.00"), Decimal("2.50")]
