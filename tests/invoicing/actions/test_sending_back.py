"""Money on account that the provider it came by sends back: set aside, counted once, never more than is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import AuditEntry, Organization
from billing.rules.errors import Conflict, Invalid
from invoicing.actions.attempts import ask_about
from invoicing.actions.payments import record_payment
from invoicing.actions.refunding import ask_about_refunds, retry_refund, run
from invoicing.actions.refunds import send_rest_back
from invoicing.actions.remittances import give_back_rest, receive, use_rest
from invoicing.models import Refund, Remittance
from tests.factories.api import Api, refused
from tests.factories.paying import BY, make_due, make_payer, open_link
from tests.factories.people import make_member, make_organization, sign_in
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def surplus(acme: Organization, stripe: FakeStripe) -> Remittance:
    """100.00 that came by a link after the invoice was paid in cash."""
    make_payer(acme)
    attempt = open_link(make_due(acme))
    record_payment(attempt.subject, key="cash", **BY)
    stripe.money.pay()
    ask_about(attempt.pk)
    return Remittance.objects.get()


def later_on() -> int:
    """What the beat does once every wait is over."""
    Refund.objects.exclude(next_at=None).update(next_at=timezone.now() - timedelta(seconds=1))
    return run(timezone.now())


def sums(row: Remittance) -> tuple[int, int, int, int]:
    """On account, on its way back, given back, and the sum of what is noted as that."""
    row.refresh_from_db()
    noted = sum(row.returns.values_list("amount_minor", flat=True))
    return row.left_minor, row.refunding_minor, row.returned_minor, noted


def test_a_part_is_set_aside_and_counted_once_it_went(surplus: Remittance, stripe: FakeStripe) -> None:
    for _ in range(2):
        refund = send_rest_back(surplus, amount_minor=3000, reason="Asked", key="r", **BY)
    assert sums(surplus) == (7000, 3000, 0, 0)
    with pytest.raises(Invalid, match=r"At most 70\.00 EUR"):
        send_rest_back(surplus, amount_minor=7001, key="more", **BY)
    due = make_due(surplus.organization)
    type(due).objects.filter(pk=due.pk).update(customer=surplus.customer)
    use_rest(surplus, key="use", **BY)
    assert sums(surplus) == (0, 3000, 0, 0), "what is on its way back pays nothing"
    for act in (send_rest_back, give_back_rest):
        with pytest.raises(Invalid) as caught:
            act(surplus, key="again", **BY)
        assert caught.value.code == "payment_refunded"

    assert (later_on(), later_on()) == (1, 0)
    assert sums(surplus) == (0, 0, 3000, 3000)
    refund.refresh_from_db()
    assert (refund.status, refund.external_id, len(stripe.money.refunds)) == ("successful", "re_000001", 1)
    ask_about_refunds(surplus.attempt.pk)
    assert sums(surplus) == (0, 0, 3000, 3000) and not surplus.attempt.problem


def test_a_no_puts_it_on_account_again_and_so_does_money_that_comes_back(
    surplus: Remittance, stripe: FakeStripe
) -> None:
    stripe.money.refunds_say = "failed"
    refund = send_rest_back(surplus, amount_minor=4000, key="r", **BY)
    later_on()
    assert sums(surplus) == (10000, 0, 0, 0)
    stripe.money.refunds_say = "succeeded"
    refund.refresh_from_db()
    retry_refund(refund, **BY)
    later_on()
    assert sums(surplus) == (6000, 0, 4000, 4000)
    refund.refresh_from_db()
    stripe.money.refunds[refund.external_id] |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    ask_about_refunds(surplus.attempt.pk)
    assert sums(surplus) == (10000, 0, 0, 0)


def test_what_was_sent_back_at_the_provider_stays_another_thing(
    surplus: Remittance, stripe: FakeStripe
) -> None:
    send_rest_back(surplus, amount_minor=3000, key="r", **BY)
    later_on()
    stripe.money.refund(surplus.attempt.money_id, 3000)
    for _ in range(2):
        ask_about_refunds(surplus.attempt.pk)
    assert sums(surplus) == (4000, 0, 6000, 6000)


def test_what_is_told_at_once_is_taken_from_what_each_leaves(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    attempt = open_link(make_due(acme))
    record_payment(attempt.subject, amount_minor=4000, key="cash", **BY)
    stripe.money.pay()
    ask_about(attempt.pk)
    row = Remittance.objects.get()
    for _ in range(2):
        stripe.money.refund(row.attempt.money_id, 3000)
    for _ in range(2):
        ask_about_refunds(attempt.pk)
    assert sums(row) == (0, 0, 4000, 4000)
    assert row.payments.get().refunded_minor == 2000 and not row.attempt.problem


def test_what_was_sent_back_at_the_provider_can_come_back(surplus: Remittance, stripe: FakeStripe) -> None:
    sent = stripe.money.refund(surplus.attempt.money_id, 3000)
    ask_about_refunds(surplus.attempt.pk)
    assert sums(surplus) == (7000, 0, 3000, 3000)
    sent |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    for _ in range(2):
        ask_about_refunds(surplus.attempt.pk)
    assert sums(surplus) == (10000, 0, 0, 0)
    [told] = AuditEntry.objects.filter(action="payment.refund_failed")
    assert told.reason == "Lost or stolen card"


def test_money_that_came_by_hand_is_sent_by_hand(acme: Organization, surplus: Remittance) -> None:
    terms: dict[str, Any] = {"currency": "EUR", "amount_minor": 5000, "keep_rest": True, "key": "cheque"}
    cheque = receive(surplus.customer, **terms, **BY)
    with pytest.raises(Conflict) as caught:
        send_rest_back(cheque, key="r", **BY)
    assert caught.value.code == "not_refundable_online"
    api = Api(acme)

    def give(row: Remittance, key: str, **body: Any) -> Any:
        return api.post(f"/remittances/{row.public_id}/give-back", body, **{"Idempotency-Key": key})

    assert give(cheque, "all")[1]["data"]["amountGivenBack"] == 50
    for _ in range(2):
        sent = give(surplus, "one", amount=20, reason="Asked")[1]["data"]
        assert (sent["pendingRefundAmount"], sent["amountOnAccount"]) == (20, 80)
        assert [row["status"] for row in sent["refunds"]] == ["pending"]
    noted = give(surplus, "two", amount=30, byHand=True)[1]["data"]
    assert (noted["amountGivenBack"], noted["amountOnAccount"]) == (30, 50)
    for act, key in ((send_rest_back, "one"), (send_rest_back, "two"), (give_back_rest, "one")):
        with pytest.raises(Conflict, match="under this key"):
            act(surplus, amount_minor=1, key=key, **BY)
    assert refused(give(surplus, "much", amount=51)) == (400, "more_than_left", "amount")


def test_the_drawer_says_who_sends_it(client: Client, acme: Organization, surplus: Remittance) -> None:
    staff = sign_in(client, make_member(acme, "finance"))
    url = reverse("remittance-give-back", args=[surplus])
    assert url in staff.get(reverse("customer-payments", args=[surplus.customer])).content.decode()
    page = staff.get(url).content.decode()
    assert f"{surplus.attempt.provider} sends it" in page and 'value="100.00"' in page
    sent = {"amount": "40", "how": "online", "once": "send-rest"}
    assert staff.post(url, sent | {"amount": "101", "once": "send-more"}).status_code == 422
    for _ in range(2):
        assert staff.post(url, sent).status_code == 302
    assert sums(surplus) == (6000, 4000, 0, 0)
    assert staff.post(url, {"amount": "10", "how": "hand", "once": "note-rest"}).status_code == 302
    assert sums(surplus) == (5000, 4000, 1000, 1000)
    detail = staff.get(reverse("remittance", args=[surplus])).content.decode()
    refund = Refund.objects.get()
    assert "On its way back" in detail and reverse("refund-ask", args=[refund]) in detail
    assert f"dashboard.stripe.com/payments/{surplus.reference}" in detail
    assert "Refund asked of the provider" in detail and "€40.00" in detail
    asked = staff.post(reverse("refund-ask", args=[refund]))
    assert asked["Location"] == reverse("remittance", args=[surplus])
    assert sums(surplus) == (5000, 0, 5000, 5000)
    support = sign_in(Client(), make_member(acme, "support"))
    assert support.post(url, sent).status_code == 403
