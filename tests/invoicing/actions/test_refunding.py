"""Refunds through the provider that the money came by: sent once, found out about, never above what was paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.actions import later
from billing.models import EmittedEvent, Organization
from billing.rules.errors import Conflict, Invalid
from invoicing.actions.attempts import ask_about
from invoicing.actions.crediting import CreditRequest, issue_credit_note
from invoicing.actions.payments import record_payment
from invoicing.actions.providers import delete_provider
from invoicing.actions.refunding import ask_about_refunds, ask_now, retry_refund, run
from invoicing.actions.refunds import refund_payment
from invoicing.models import Payment, PaymentAttempt, Refund
from invoicing.queries.refunds import hindrance
from invoicing.rules.crediting import CreditReason
from tests.factories.api import Api, refused
from tests.factories.paying import BY, make_due, make_payer, open_link
from tests.factories.people import make_organization
from tests.services.african import FakePaystack
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


def paid(acme: Organization, kind: str, service: Any) -> Payment:
    """100.00 that came online."""
    make_payer(acme, kind)
    currency = "EUR" if kind == "stripe" else "NGN"
    attempt = open_link(make_due(acme, currency=currency))
    service.money.pay(attempt.external_id) if kind == "stripe" else service.pay(attempt.reference)
    ask_about(attempt.pk)
    return Payment.objects.get(attempt=attempt)


def by_stripe(acme: Organization, stripe: FakeStripe) -> Payment:
    return paid(acme, "stripe", stripe)


def later_on() -> int:
    """What the beat does once every wait is over."""
    Refund.objects.exclude(next_at=None).update(next_at=timezone.now() - timedelta(seconds=1))
    return run(timezone.now())


def state(refund: Refund) -> tuple[str, int, int, int, str]:
    """Of the refund, and of its payment: given back, on its way, left, status."""
    refund.refresh_from_db()
    payment = Payment.objects.get(pk=refund.payment_id)
    return (
        refund.status,
        payment.refunded_minor,
        payment.refunding_minor,
        payment.left_minor,
        payment.status,
    )


def sent(stripe: FakeStripe) -> list[Any]:
    return [asked for asked in stripe.writes() if asked.path == "/v1/refunds"]


def test_stripe_sends_a_part_back_once(acme: Organization, stripe: FakeStripe) -> None:
    payment = by_stripe(acme, stripe)
    for _ in range(2):
        refund = refund_payment(payment, amount_minor=3000, reason="Sorry", key="r", **BY)
    assert state(refund) == ("pending", 0, 3000, 7000, "successful")
    with pytest.raises(Invalid, match=r"At most 70\.00 EUR"):
        refund_payment(payment, amount_minor=7001, key="more", **BY)

    assert (later_on(), later_on()) == (1, 0)
    assert state(refund) == ("successful", 3000, 0, 7000, "partially_refunded")
    [asked] = sent(stripe)
    assert (asked.form["amount"], asked.form["payment_intent"]) == ("3000", payment.reference)
    assert asked.key == refund.known_as == asked.form["metadata[tarn_refund]"]
    assert (refund.external_id, refund.reference) == ("re_000001", "re_000001")
    told = EmittedEvent.objects.filter(name__startswith="payment.refund")
    assert [event.name for event in told] == ["payment.refunded"]

    rest = refund_payment(payment, key="rest", **BY)
    ask_now(rest)
    assert state(rest) == ("successful", 10000, 0, 0, "refunded")
    with pytest.raises(Conflict):
        ask_now(rest)


@pytest.mark.parametrize(
    ("kind", "begun"), [("stripe", "pending"), ("paystack", "pending"), ("flutterwave", "pending-momo")]
)
def test_what_takes_days_is_asked_about(
    acme: Organization, kind: str, begun: str, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue(kind)
    money = service.money if kind == "stripe" else service
    money.refunds_say = begun
    refund = refund_payment(paid(acme, kind, service), amount_minor=4000, key="r", **BY)
    later_on()
    assert state(refund) == ("pending", 0, 4000, 6000, "successful")
    assert refund.external_id and refund.next_at
    rows = list(money.refunds.values()) if kind == "stripe" else money.refunds
    assert len(rows) == 1
    later_on()
    assert state(refund)[0] == "pending"
    rows[0]["status"] = {"stripe": "succeeded", "paystack": "processed", "flutterwave": "completed"}[kind]
    later_on()
    assert state(refund) == ("successful", 4000, 0, 6000, "partially_refunded")
    assert len(rows) == 1


@pytest.mark.parametrize("kind", ["stripe", "paystack", "flutterwave"])
def test_a_lost_answer_is_found_out_about_and_sends_nothing_twice(
    acme: Organization, kind: str, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue(kind)
    money = service.money if kind == "stripe" else service
    money.refunds_say = {"stripe": "succeeded", "paystack": "processed", "flutterwave": ""}[kind]
    refund = refund_payment(paid(acme, kind, service), amount_minor=4000, key="r", **BY)
    service.next("drop")
    later_on()
    assert state(refund) == ("pending", 0, 4000, 6000, "successful") and refund.failure
    later_on()
    assert state(refund) == ("successful", 4000, 0, 6000, "partially_refunded")
    assert len(money.refunds) == 1


@pytest.mark.parametrize(("kind", "no"), [("stripe", 403), ("paystack", 401), ("flutterwave", 404)])
def test_a_list_that_may_not_be_read_is_no_answer_about_the_refund(
    acme: Organization, kind: str, no: int, request: pytest.FixtureRequest
) -> None:
    """It may have been sent: its amount is free for nobody else, which would give the money back twice."""
    service = request.getfixturevalue(kind)
    money = service.money if kind == "stripe" else service
    money.refunds_say = {"stripe": "succeeded", "paystack": "processed", "flutterwave": ""}[kind]
    refund = refund_payment(paid(acme, kind, service), amount_minor=10000, key="r", **BY)
    service.next("drop", no)
    later_on()
    later_on()
    assert state(refund) == ("pending", 0, 10000, 0, "successful") and refund.next_at
    with pytest.raises(Invalid, match="on its way back"):
        refund_payment(refund.payment, by_hand=True, key="hand", **BY)
    later_on()
    assert state(refund) == ("successful", 10000, 0, 0, "refunded") and len(money.refunds) == 1


def test_a_refund_that_nobody_can_ask_about_says_where_to_look(
    acme: Organization, stripe: FakeStripe
) -> None:
    refund = refund_payment(by_stripe(acme, stripe), amount_minor=4000, key="r", **BY)
    stripe.next("drop")
    later_on()
    delete_provider(refund.payment.attempt.provider, **BY)
    later_on()
    assert state(refund) == ("failed", 0, 0, 10000, "successful")
    assert "Look at the provider whether it went back" in refund.failure


def test_stripe_is_asked_for_no_part_of_its_smallest_coin(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme, currency="MGA"))
    stripe.money.pay(attempt.external_id)
    ask_about(attempt.pk)
    payment = Payment.objects.get()
    with pytest.raises(Invalid, match="takes whole MGA only") as fine:
        refund_payment(payment, amount_minor=150, key="r", **BY)
    assert fine.value.field == "amount"
    assert refund_payment(payment, amount_minor=150, by_hand=True, key="hand", **BY).status == "successful"
    rest = refund_payment(payment, amount_minor=200, key="even", **BY)
    later_on()
    assert state(rest)[0] == "successful" and sent(stripe)[0].form["amount"] == "2"


@pytest.mark.parametrize("kind", ["stripe", "paystack"])
def test_what_never_arrived_is_sent_again_where_that_is_safe(
    acme: Organization, kind: str, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue(kind)
    money = service.money if kind == "stripe" else service
    refund = refund_payment(paid(acme, kind, service), amount_minor=4000, key="r", **BY)
    service.next(503)
    later_on()
    assert state(refund)[0] == "pending"
    later_on()
    if kind == "paystack":  # a repeat would be a second refund: its list is given time to know of the first
        assert not money.refunds and "asked again before" in Refund.objects.get().failure
        Refund.objects.update(asked_at=timezone.now() - timedelta(minutes=11))
        later_on()
    assert len(money.refunds) == 1


def test_a_failure_that_stripe_keeps_under_our_key_is_begun_anew(
    acme: Organization, stripe: FakeStripe
) -> None:
    refund = refund_payment(by_stripe(acme, stripe), amount_minor=4000, key="r", **BY)
    stripe.next(500)
    for _ in range(3):
        later_on()
    assert state(refund)[0] == "successful"
    assert [asked.key for asked in sent(stripe)] == [
        f"tarn-{refund.pk.hex}",
        f"tarn-{refund.pk.hex}",
        f"tarn-{refund.pk.hex}-1",
    ]
    assert len(stripe.money.refunds) == 1


@pytest.mark.parametrize("how", ["refused", "later", "after_all"])
def test_a_failed_refund_gives_the_amount_back_and_can_be_tried_again(
    acme: Organization, stripe: FakeStripe, how: str
) -> None:
    payment = by_stripe(acme, stripe)
    if how == "refused":
        stripe.money.pay(amount=2000)  # Stripe has less than we think
    stripe.money.refunds_say = "pending" if how == "later" else "succeeded"
    refund = refund_payment(payment, amount_minor=4000, key="r", **BY)
    later_on()
    if how != "refused":
        stripe.money.refunds["re_000001"] |= {
            "status": "failed",
            "failure_reason": "expired_or_canceled_card",
        }
        ask_about_refunds(payment.attempt.pk)
    assert state(refund) == ("failed", 0, 0, 10000, "successful")
    words = "greater than unrefunded" if how == "refused" else "Expired or canceled card"
    assert words in refund.failure
    assert EmittedEvent.objects.filter(name="payment.refund_failed").count() == 1

    stripe.money.pay(amount=10000)
    stripe.money.refunds_say = "succeeded"
    retry_refund(refund, **BY)
    assert state(refund) == ("pending", 0, 4000, 6000, "successful")
    later_on()
    ask_about_refunds(payment.attempt.pk)
    assert state(refund) == ("successful", 4000, 0, 6000, "partially_refunded")
    with pytest.raises(Conflict):
        retry_refund(refund, **BY)


def test_a_retry_needs_what_is_left(acme: Organization, stripe: FakeStripe) -> None:
    payment = by_stripe(acme, stripe)
    stripe.money.pay(amount=2000)
    refund = refund_payment(payment, amount_minor=4000, key="r", **BY)
    later_on()
    refund_payment(payment, amount_minor=7000, by_hand=True, key="cash", **BY)
    refund.refresh_from_db()
    with pytest.raises(Invalid, match=r"At most 30\.00"):
        retry_refund(refund, **BY)


def post(account: Any, body: bytes, headers: dict[str, str]) -> int:
    path = f"/webhooks/{account.type}/{account.public_id}"
    return Client().post(path, body, content_type="application/json", headers=headers).status_code


def work() -> None:
    """What the worker finds."""
    from billing.models import Job

    for job in Job.objects.filter(task="invoicing.ask_refunds", state="queued"):
        later.run(str(job.pk), lambda job: ask_about_refunds(job.subject_id))


def test_money_sent_back_at_stripe_is_written_down_once(acme: Organization, stripe: FakeStripe) -> None:
    payment = by_stripe(acme, stripe)
    row = stripe.money.refund(payment.reference, 2500)
    for id in ("evt_10", "evt_10", "evt_11"):
        body, headers = stripe.money.event(row, "refund.updated", id=id)
        assert post(payment.attempt.provider, body, headers) == 200
        work()
    refund = Refund.objects.get()
    assert state(refund) == ("successful", 2500, 0, 7500, "partially_refunded")
    assert (refund.reason, refund.external_id) == ("Sent back at the provider", "re_000001")


def test_money_sent_back_at_paystack_is_written_down_once(acme: Organization, paystack: FakePaystack) -> None:
    payment = paid(acme, "paystack", paystack)
    reference = payment.attempt.reference
    rows = [paystack.refund(payment.reference, minor) for minor in (1000, 1000)]
    for row in rows:
        for _ in range(2):
            assert post(payment.attempt.provider, *paystack.refund_message(row, reference)) == 200
            work()
    assert sorted(Refund.objects.values_list("amount_minor", flat=True)) == [1000, 1000]
    assert Payment.objects.get().refunded_minor == 2000


def test_what_was_noted_by_hand_is_not_written_down_again(acme: Organization, stripe: FakeStripe) -> None:
    payment = by_stripe(acme, stripe)
    refund_payment(payment, amount_minor=2500, by_hand=True, key="hand", **BY)
    stripe.money.refund(payment.reference, 2500)
    for _ in range(2):
        ask_about_refunds(payment.attempt.pk)
    refund = Refund.objects.get()
    assert (refund.external_id, Payment.objects.get().refunded_minor) == ("re_000001", 2500)
    stripe.money.refund(payment.reference, 7600)
    ask_about_refunds(payment.attempt.pk)
    assert Payment.objects.get().refunded_minor == 10000
    assert "1.00 EUR more was sent back" in PaymentAttempt.objects.get().problem


def test_what_was_sent_by_hand_is_not_undone_by_a_failure_at_stripe(
    acme: Organization, stripe: FakeStripe
) -> None:
    payment = by_stripe(acme, stripe)
    stripe.money.refund(payment.reference, 2500, status="failed")
    refund = refund_payment(payment, amount_minor=2500, by_hand=True, key="bank", **BY)
    ask_about_refunds(payment.attempt.pk)
    assert state(refund) == ("successful", 2500, 0, 7500, "partially_refunded")
    assert refund.account is None


def test_a_credit_note_gives_money_back_the_same_way(acme: Organization, stripe: FakeStripe) -> None:
    payment = by_stripe(acme, stripe)
    request = CreditRequest(total_minor=3000, refund_minor=3000)
    note = issue_credit_note(payment.invoice, request, reason=CreditReason.ORDER_CHANGE, key="n", **BY)
    refund = Refund.objects.get()
    assert (refund.credit_note, refund.status) == (note, "pending")
    later_on()
    assert state(refund)[0] == "successful" and len(stripe.money.refunds) == 1


@pytest.mark.parametrize(
    ("told", "word"), [("pending", "pending"), ("succeeded", "succeeded"), ("failed", "failed")]
)
def test_how_far_the_money_of_a_credit_note_has_gone(
    acme: Organization, stripe: FakeStripe, told: str, word: str
) -> None:
    payment = by_stripe(acme, stripe)
    for key, request in (
        ("credit", CreditRequest(total_minor=1000)),
        ("refund", CreditRequest(total_minor=3000, refund_minor=3000)),
    ):
        issue_credit_note(payment.invoice, request, reason=CreditReason.ORDER_CHANGE, key=key, **BY)
    stripe.money.refunds_say = told
    later_on()
    api = Api(acme)
    rows = {row["refundAmount"]: row["refundStatus"] for row in api.get("/credit-notes")[1]["data"]}
    assert rows == {0: None, 30: word}
    assert refused(api.get("/credit-notes", refundStatus="nonsense"))[2] == "refundStatus"
    for wanted in ("pending", "succeeded", "failed"):
        assert api.get("/credit-notes", refundStatus=wanted)[1]["meta"]["total"] == (wanted == word)
    Refund.objects.update(status="failed")
    refund_payment(payment, amount_minor=500, by_hand=True, key="hand", **BY)
    assert api.get("/credit-notes", refundStatus="failed")[1]["meta"]["total"] == 1


def test_money_that_no_provider_sends_back_is_noted(
    acme: Organization, stripe: FakeStripe, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    invoice = make_due(acme)
    cash = record_payment(invoice, key="cash", **BY)
    assert refund_payment(cash, amount_minor=1000, key="r", **BY).status == "successful"
    payment = by_stripe(acme, stripe)
    attempt = payment.attempt
    attempt.provider.type = "mpesa"
    assert "M-Pesa cannot be asked" in hindrance(attempt) and hindrance(None) == ""
    assert refund_payment(payment, amount_minor=1000, by_hand=True, key="r", **BY).account is None
    assert sent(stripe) == []
