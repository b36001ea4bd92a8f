"""A payment request that is paid online in one sum: one checkout, its money spread over the invoices, given back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import EmittedEvent
from billing.rules.errors import Conflict
from invoicing.actions.attempts import ask_about, settle
from invoicing.actions.charging import charge_invoice
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.paying import open_checkout
from invoicing.actions.payment_requests import request_payment, withdraw_request
from invoicing.actions.payments import record_payment
from invoicing.actions.refunding import ask_about_refunds, run
from invoicing.actions.refunds import refund_payment
from invoicing.actions.told import told_card, told_declined
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import write_off
from invoicing.clients.providers.base import Seen
from invoicing.models import Invoice, Payment, PaymentAttempt, PaymentRequest, Receipt, Refund, Remittance
from invoicing.queries.paying import attempts_of
from invoicing.queries.refunds import attempt_of
from tests.factories.invoicing import on
from tests.factories.overdue import LATE, make_debtor, owe
from tests.factories.paying import make_payer, open_link
from tests.factories.people import ACTOR, make_organization
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db
BY: dict[str, Any] = {"by": ACTOR, "at": LATE}
Acts = Callable[[list[Invoice]], object]


@pytest.fixture
def invoices(stripe: FakeStripe) -> list[Invoice]:
    """100.00, 50.00 and 20.00, the oldest first, of a customer that can pay at Stripe."""
    customer = make_debtor(make_organization())
    make_payer(customer.organization)
    return [owe(customer, amount, on(2026, 3, day)) for day, amount in enumerate((100, 50, 20), 1)]


def ask(invoices: list[Invoice], **fields: Any) -> PaymentRequest:
    return request_payment(invoices[0].customer, currency="EUR", key="a", **fields, **BY)


def link(row: PaymentRequest, key: str = "k") -> PaymentAttempt:
    return open_checkout(row, key=key, **BY)


def fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def parts() -> list[tuple[str, int]]:
    rows = Payment.objects.order_by("created_at", "pk").values_list("invoice__number", "amount_minor")
    return list(rows)


def test_one_checkout_pays_all_invoices_with_one_receipt(invoices: list[Invoice], stripe: FakeStripe) -> None:
    row = ask(invoices)
    attempt = link(row)
    assert (attempt.amount_minor, attempt.request, attempt.invoice) == (17000, row, None)
    assert link(row) == attempt == link(row, "another tab")
    [asked] = stripe.writes()
    assert asked.form["line_items[0][price_data][unit_amount]"] == "17000"
    numbers = ", ".join(invoice.number for invoice in invoices)
    assert asked.form["line_items[0][price_data][product_data][name]"] == f"Invoices {numbers}"
    assert attempts_of(invoices[1]) == attempts_of(row) == [attempt]

    stripe.money.pay()
    for _ in range(2):
        ask_about(attempt.pk)
    attempt = fresh(attempt)
    transfer = Remittance.objects.get()
    assert (attempt.state, attempt.remittance, attempt.problem) == ("successful", transfer, "")
    assert parts() == [(invoice.number, invoice.total_minor) for invoice in invoices]
    assert (transfer.left_minor, transfer.reference, Receipt.objects.get().remittance) == (
        0,
        "pi_000001",
        transfer,
    )
    assert (fresh(row).status, fresh(row).close_reason) == ("succeeded", "paid")
    with pytest.raises(Conflict) as caught:
        link(row, "late")
    assert caught.value.code == "request_closed"


@pytest.mark.parametrize(
    ("meanwhile", "paid", "rest"),
    [
        (lambda rows: record_payment(rows[1], key="cash", **BY), [100, 20], 50),
        (lambda rows: record_payment(rows[0], amount_minor=4000, key="cash", **BY), [60, 50, 20], 40),
        (lambda rows: void_invoice(rows[2], **BY), [100, 50], 20),
        (lambda rows: write_off(rows[0], kind="bad_debt", key="w", **BY), [50, 20], 100),
        (lambda rows: dispute_invoice(rows[0], reason="Not ours", **BY), [50, 20, 100], 0),
        (lambda rows: withdraw_request(PaymentRequest.objects.get(), **BY), [100, 50, 20], 0),
        (lambda rows: [record_payment(row, key="cash", **BY) for row in rows], [], 170),
        (lambda rows: owe(rows[0].customer, 500), [100, 50, 20], 0),
    ],
)
def test_what_has_happened_meanwhile(
    invoices: list[Invoice], stripe: FakeStripe, meanwhile: Acts, paid: list[int], rest: int
) -> None:
    attempt = link(ask(invoices))
    meanwhile(invoices)
    stripe.money.pay()
    ask_about(attempt.pk)
    transfer = Remittance.objects.get()
    mine = transfer.payments.order_by("created_at", "pk").values_list("amount_minor", flat=True)
    assert [minor // 100 for minor in mine] == paid
    assert (transfer.left_minor, fresh(attempt).problem) == (rest * 100, "")


def test_less_than_was_asked_for_pays_the_oldest_and_one_invoice_gets_a_plain_payment(
    invoices: list[Invoice], stripe: FakeStripe
) -> None:
    attempt = link(ask(invoices))
    settle(attempt, Seen("successful", 12000, "EUR", "pi_part"), at=LATE)
    assert parts() == [(invoices[0].number, 10000), (invoices[1].number, 2000)]
    second = link(PaymentRequest.objects.get(), "k2")
    assert second.amount_minor == 5000
    record_payment(invoices[1], key="cash", **BY)
    settle(second, Seen("successful", 2000, "EUR", "pi_rest"), at=LATE)
    payment = fresh(second).payment
    assert (payment.invoice, payment.remittance, Remittance.objects.count()) == (invoices[2], None, 1)


def test_a_request_shows_what_was_tried_for_its_invoices_while_it_was_open(invoices: list[Invoice]) -> None:
    before = open_link(invoices[0], "before")
    row = ask(invoices, chosen=[invoice.pk for invoice in invoices[:2]])
    alone = open_link(invoices[1], "alone")
    open_link(invoices[2], "of no part of it")
    withdraw_request(row, **BY)
    PaymentAttempt.objects.filter(pk=alone.pk).update(expires_at=None)
    afterwards = open_link(invoices[1], "afterwards")
    row.refresh_from_db()
    assert afterwards.pk not in {before.pk, alone.pk}
    assert attempts_of(row) == [alone]


def test_what_is_contested_is_not_asked_for(invoices: list[Invoice], stripe: FakeStripe) -> None:
    row = ask(invoices)
    dispute_invoice(invoices[0], reason="Not ours", **BY)
    assert link(row).amount_minor == 7000
    name = stripe.writes()[-1].form["line_items[0][price_data][product_data][name]"]
    assert name == f"Invoices {invoices[1].number}, {invoices[2].number}"
    for invoice in invoices[1:]:
        dispute_invoice(invoice, reason="Not ours", **BY)
    with pytest.raises(Conflict) as caught:
        link(row, "k2")
    assert caught.value.code == "in_dispute"


def test_nobody_is_asked_for_the_same_money_while_it_is_on_its_way(
    invoices: list[Invoice], stripe: FakeStripe
) -> None:
    row = ask(invoices)
    alone = open_link(invoices[0])
    whole = link(row)
    assert alone != whole, "links that nobody has paid by may stand beside each other"
    for busy, others in ((alone, [row]), (whole, [*invoices])):
        PaymentAttempt.objects.filter(pk=busy.pk).update(state="processing")
        for other in others:
            with pytest.raises(Conflict) as caught:
                open_checkout(other, key="other", **BY)
            assert caught.value.code == "being_asked"
        PaymentAttempt.objects.filter(pk=busy.pk).update(state="pending")
    told_card(invoices[0].customer, whole.provider, "c", "4242", (2034, 12), at=LATE)
    PaymentAttempt.objects.filter(pk=whole.pk).update(state="processing")
    with pytest.raises(Conflict) as caught:
        charge_invoice(invoices[1], at=LATE)
    assert caught.value.code == "being_charged"


def test_a_refusal_is_seen_on_the_request_and_its_invoices(invoices: list[Invoice]) -> None:
    row = ask(invoices)
    attempt = link(row)
    told_declined(attempt, "No.", at=LATE)
    assert {fresh(invoice).payment_status for invoice in invoices} == {"failed"}
    assert (fresh(row).status, fresh(attempt).state) == ("failed", "failed")
    told = EmittedEvent.objects.get(name="payment.failed").data
    assert row.public_id in str(told)
    settle(fresh(attempt), Seen("successful", 17000, "EUR", "pi_late"), at=LATE)
    assert {fresh(invoice).payment_status for invoice in invoices} == {"paid"}
    assert fresh(row).status == "succeeded"


def give_back_all(stripe: FakeStripe) -> PaymentAttempt:
    attempt = PaymentAttempt.objects.get()
    stripe.money.pay()
    ask_about(attempt.pk)
    return fresh(attempt)


def test_each_part_goes_back_through_the_provider(invoices: list[Invoice], stripe: FakeStripe) -> None:
    link(ask(invoices))
    attempt = give_back_all(stripe)
    for payment in Payment.objects.all():
        assert attempt_of(payment) == attempt
    part = Payment.objects.get(invoice=invoices[1])
    refund = refund_payment(part, amount_minor=3000, key="r", **BY)
    assert refund.account == attempt.provider
    Refund.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    run(timezone.now())
    assert (fresh(refund).status, fresh(part).refunded_minor) == ("successful", 3000)
    ask_about_refunds(attempt.pk)
    assert Refund.objects.count() == 1 and not fresh(attempt).problem


def test_what_was_sent_back_at_the_provider_is_taken_from_the_latest_parts(
    invoices: list[Invoice], stripe: FakeStripe
) -> None:
    link(ask(invoices))
    attempt = give_back_all(stripe)
    stripe.money.refund(attempt.money_id, 9000)
    for _ in range(2):
        ask_about_refunds(attempt.pk)
    back = {row.invoice_id: row.refunded_minor for row in Payment.objects.all()}
    assert [back[invoice.pk] for invoice in invoices] == [2000, 5000, 2000]
    assert (Refund.objects.count(), fresh(attempt).problem) == (3, "")
