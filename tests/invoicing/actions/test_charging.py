"""Saved payment methods and charging them: left, chosen, removed; charged once, never after a bank's no."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from django.test import Client
from django.utils import timezone

from billing.actions import later
from billing.models import Job, Organization
from billing.rules.errors import Conflict, Invalid, Unavailable
from customers.actions.customers import update_customer
from customers.actions.merge import merge_customers
from customers.models import Customer
from invoicing.actions.attempts import ask_about, run
from invoicing.actions.charging import charge_in_worker, charge_invoice, tell_of_failed_charge
from invoicing.actions.collecting import ask_to_charge, collect_due
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.payment_methods import (
    ask_setup,
    begin_setup,
    forget,
    make_default,
    open_setup,
    remove_method,
    run_setups,
    save_method,
)
from invoicing.actions.payments import record_payment
from invoicing.actions.providers import delete_provider
from invoicing.clients.providers.base import Saved
from invoicing.models import (
    Invoice,
    Mail,
    MethodSetup,
    Payment,
    PaymentAttempt,
    PaymentMethod,
    PaymentProvider,
)
from invoicing.queries.pay_links import pay_link
from tests.factories.customers import make_customer
from tests.factories.paying import BY, make_due, make_payer, open_link
from tests.factories.people import make_organization
from tests.services.african import FakePaystack
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db
AT: dict[str, Any] = {"at": BY["at"]}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


def left(customer: Customer, stripe: FakeStripe, last4: str = "4242", **card: Any) -> PaymentMethod:
    """A card that the customer leaves at Stripe."""
    setup = open_setup(customer, key=f"{last4}{card}", **BY)
    stripe.money.leave(setup.external_id, last4, **card)
    ask_setup(setup.pk)
    setup.refresh_from_db()
    return cast(PaymentMethod, setup.method)


def saved(customer: Customer, account: PaymentProvider, id: str, mark: str = "") -> PaymentMethod:
    facts = Saved(id, "anna@pay.example", mark or id, brand="Visa", last4="4081", expires=(2034, 12))
    return save_method(customer, account, facts, **AT)


def state(invoice: Invoice) -> tuple[str, int]:
    row = Invoice.objects.get(pk=invoice.pk)
    return row.payment_status, row.due_minor


def later_on() -> int:
    PaymentAttempt.objects.exclude(next_at=None).update(next_at=timezone.now() - timedelta(seconds=1))
    return run(timezone.now())


def charges(stripe: FakeStripe) -> list[Any]:
    return [asked for asked in stripe.writes() if asked.path == "/v1/payment_intents"]


def test_a_card_is_left_chosen_and_removed(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    anna = make_customer(acme, email="anna@pay.example", currency="EUR")
    setup = open_setup(anna, key="k", **BY)
    assert open_setup(anna, key="k", **BY) == setup and setup.url
    [asked] = stripe.writes()
    assert (asked.form["mode"], asked.form["client_reference_id"], asked.key) == (
        "setup",
        setup.reference,
        setup.reference,
    )
    assert run_setups(timezone.now() + timedelta(minutes=2)) == 1
    assert not PaymentMethod.objects.exists()
    stripe.money.leave()
    for _ in range(2):
        ask_setup(setup.pk)
    first = PaymentMethod.objects.get()
    assert (str(first), first.is_default, first.holder) == (
        "Visa •••• 4242",
        True,
        f"cus_of_{setup.external_id}",
    )
    assert first.expires_on is not None and first.expires_on.isoformat() == "2034-12-31"

    again = left(anna, stripe, exp_year=2036)
    assert again.pk == first.pk and PaymentMethod.objects.get().expires_on.isoformat() == "2036-12-31"  # type: ignore[union-attr]
    second = left(anna, stripe, "1111")
    assert not second.is_default
    for _ in range(2):
        make_default(second, **BY)
    assert PaymentMethod.objects.get(is_default=True) == second
    for _ in range(2):
        remove_method(second, **BY)
    assert PaymentMethod.objects.get(is_default=True) == first
    with pytest.raises(Conflict):
        make_default(second, **BY)
    forget(second.pk)
    assert second.external_id not in stripe.money.methods
    assert left(anna, stripe, "1111").pk == second.pk


def test_a_link_for_a_card_is_asked_for_again_with_the_same_words(
    acme: Organization, stripe: FakeStripe
) -> None:
    """Stripe answers a repeat under the same key only when nothing in it has changed: not its end either."""
    make_payer(acme)
    anna = make_customer(acme, email="anna@pay.example", currency="EUR")
    begun = timezone.now() - timedelta(minutes=10)
    MethodSetup.objects.filter(pk=begin_setup(anna, "k").pk).update(created_at=begun)
    stripe.next("drop")
    with pytest.raises(Unavailable):
        open_setup(anna, key="k", **BY)
    setup = open_setup(anna, key="k", **BY)
    ends = begun + timedelta(hours=23)
    assert {asked.form["expires_at"] for asked in stripe.writes()} == {str(int(ends.timestamp()))}
    assert setup.url and setup.expires_at == ends and len(stripe.money.sessions) == 1


def test_a_link_where_nobody_leaves_a_card_ends(acme: Organization, stripe: FakeStripe) -> None:
    anna = make_customer(acme, email="anna@pay.example", currency="EUR")
    with pytest.raises(Invalid) as none:
        open_setup(anna, key="k", **BY)
    assert none.value.code == "no_provider"
    make_payer(acme)
    setup = open_setup(anna, key="k", **BY)
    stripe.money.expire()
    ask_setup(setup.pk)
    assert MethodSetup.objects.get().state == "failed"


def test_a_link_that_nobody_can_ask_about_is_asked_about_no_more(
    acme: Organization, stripe: FakeStripe
) -> None:
    account = make_payer(acme)
    open_setup(make_customer(acme, email="a@pay.example", currency="EUR"), key="k", **BY)
    delete_provider(account, **BY)
    late = timezone.now() + timedelta(days=1)
    assert (run_setups(late), run_setups(late)) == (1, 0)


def test_stripe_tells_of_a_card(acme: Organization, stripe: FakeStripe) -> None:
    account = make_payer(acme)
    setup = open_setup(make_customer(acme, email="a@pay.example", currency="EUR"), key="k", **BY)
    body, headers = stripe.money.event(stripe.money.leave())
    path = f"/webhooks/stripe/{account.public_id}"
    for _ in range(2):
        assert Client().post(path, body, content_type="application/json", headers=headers).status_code == 200
    event = account.events.get()
    assert (event.outcome, MethodSetup.objects.get(pk=setup.pk).next_at is not None) == ("method", True)


def test_a_charge_pays_once(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    method = left(invoice.customer, stripe)
    attempt = charge_invoice(invoice, **AT)
    assert charge_invoice(invoice, **AT) == attempt
    [asked] = charges(stripe)
    assert (asked.form["payment_method"], asked.form["customer"]) == (method.external_id, method.holder)
    assert (asked.form["off_session"], asked.key) == ("true", attempt.reference)
    payment = Payment.objects.get()
    assert (attempt.state, attempt.payment, payment.reference) == ("successful", payment, "pi_auto_1")
    assert state(invoice) == ("paid", 0) and payment.receipt.amount_minor == 10000
    with pytest.raises(Invalid, match="paid already"):
        charge_invoice(invoice, key="again", **AT)


@pytest.mark.parametrize(
    ("last4", "words"),
    [("0002", "Your card was declined."), ("3155", "The bank asks the customer to confirm this payment.")],
)
def test_a_no_of_the_bank_tries_no_other_card_and_sends_a_link(
    acme: Organization, stripe: FakeStripe, last4: str, words: str
) -> None:
    make_payer(acme)
    invoice = make_due(acme, email="anna@pay.example", locale="de")
    left(invoice.customer, stripe, last4)
    left(invoice.customer, stripe)
    attempt = charge_invoice(invoice, **AT)
    assert (attempt.state, attempt.reason, len(charges(stripe))) == ("failed", words, 1)
    assert state(invoice) == ("failed", 10000)
    job = Job.objects.get(task="invoicing.tell_of_failed_charge")
    for _ in range(2):
        tell_of_failed_charge(job.subject_id)
    mail = Mail.objects.get()
    assert (mail.kind, mail.to, mail.language) == ("payment_failed", ["anna@pay.example"], "de")
    assert pay_link(invoice) in mail.text and "100,00" in mail.subject
    link = open_link(invoice)
    stripe.money.pay(link.external_id)
    ask_about(link.pk)
    assert state(invoice) == ("paid", 0)


def test_no_answer_charges_nobody_else_and_is_found_out_about(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    other = make_payer(acme, priority=2)
    invoice = make_due(acme)
    left(invoice.customer, stripe)
    saved(invoice.customer, other, "pm_other")
    stripe.next("drop")
    attempt = charge_invoice(invoice, **AT)
    assert attempt.state == "unknown"
    with pytest.raises(Conflict) as busy:
        charge_invoice(invoice, key="retry", **AT)
    assert busy.value.code == "being_charged"
    with pytest.raises(Conflict):
        open_link(invoice, "link")
    with pytest.raises(later.TryAgain):
        charge_in_worker(invoice.pk, "retry", tries=1)
    later_on()
    assert state(invoice) == ("paid", 0) and len(stripe.money.intents) == 1
    charge_in_worker(invoice.pk, "retry", tries=1)
    assert PaymentAttempt.objects.count() == 1


def test_no_card_is_charged_beside_an_open_charge_or_a_phone_that_asks(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    method = left(invoice.customer, stripe)
    link = open_link(invoice)
    row = PaymentAttempt.objects.filter(pk=link.pk)
    for busy in ({"method": method}, {"url": "", "expires_at": timezone.now() + timedelta(minutes=2)}):
        row.update(**busy)
        with pytest.raises(Conflict) as caught:
            charge_invoice(invoice, key="retry", **AT)
        assert caught.value.code == "being_charged"
        row.update(method=None, url=link.url, expires_at=link.expires_at)
    assert charge_invoice(invoice, key="retry", **AT).state == "successful", "a link may wait beside it"


def test_a_charge_that_never_arrived_has_failed(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    left(invoice.customer, stripe)
    stripe.next(503)
    attempt = charge_invoice(invoice, **AT)
    later_on()
    assert PaymentAttempt.objects.get().state == "unknown"
    PaymentAttempt.objects.update(created_at=timezone.now() - timedelta(minutes=9))
    later_on()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.reason) == ("failed", "The charge never reached the provider.")
    assert charge_invoice(invoice, key="retry:1", **AT).state == "successful"


def test_the_next_account_has_its_turn_when_one_is_surely_not_available(
    acme: Organization, stripe: FakeStripe, paystack: FakePaystack
) -> None:
    make_payer(acme)
    invoice = make_due(acme, currency="NGN")
    left(invoice.customer, stripe)
    saved(invoice.customer, make_payer(acme, "paystack"), "AUTH_yes")
    stripe.next(429)
    attempt = charge_invoice(invoice, **AT)
    assert (attempt.provider.type, attempt.state, state(invoice)) == ("paystack", "successful", ("paid", 0))

    other = make_due(acme, currency="NGN")
    left(other.customer, stripe, "1111")
    stripe.next(429)
    with pytest.raises(Conflict, match="No provider is available"):
        charge_invoice(other, **AT)
    assert charge_invoice(other, **AT).state == "successful"


@pytest.mark.parametrize(("kind", "card"), [("paystack", "AUTH_yes"), ("flutterwave", "flw-t1nf-yes")])
def test_a_question_that_is_turned_away_leaves_the_charge_before_it_open(
    acme: Organization, stripe: FakeStripe, kind: str, card: str, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue(kind)
    invoice = make_due(acme, currency="NGN", email="anna@pay.example")
    saved(invoice.customer, make_payer(acme, kind), card)
    make_payer(acme)
    left(invoice.customer, stripe)
    service.next(None, 429)
    attempt = charge_invoice(invoice, **AT)
    assert (attempt.provider.type, attempt.state) == (kind, "unknown")
    assert charges(stripe) == [], "nobody else is charged while it is open"
    later_on()
    assert state(invoice) == ("paid", 0) and Payment.objects.count() == 1


def test_a_charge_that_was_seen_has_not_failed_because_it_is_not_listed_any_more(
    acme: Organization, stripe: FakeStripe
) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    left(invoice.customer, stripe, "0077")
    attempt = charge_invoice(invoice, **AT)
    assert (attempt.state, attempt.money_id) == ("processing", "pi_auto_1")
    PaymentAttempt.objects.update(created_at=timezone.now() - timedelta(days=2))
    newer, stripe.money.intents = stripe.money.intents, {}
    later_on()
    attempt.refresh_from_db()
    assert (attempt.state, state(invoice)) == ("processing", ("pending", 10000))
    stripe.money.intents = newer
    newer["pi_auto_1"] |= {"status": "succeeded", "amount_received": 10000}
    later_on()
    assert state(invoice) == ("paid", 0)


@pytest.mark.parametrize("kind", ["paystack", "flutterwave"])
@pytest.mark.parametrize("good", [True, False])
def test_african_providers_charge_what_was_saved_with_a_payment(
    acme: Organization, kind: str, good: bool, request: pytest.FixtureRequest
) -> None:
    service = request.getfixturevalue(kind)
    account = make_payer(acme, kind)
    invoice = make_due(acme, currency="NGN", collect_automatically=True)
    service.pay(open_link(invoice).reference)
    later_on()
    method = PaymentMethod.objects.get()
    assert (method.holder, method.provider, method.is_default) == ("anna@pay.example", account, True)
    if not good:
        PaymentMethod.objects.update(external_id="AUTH_no")
    second = make_due(acme, currency="NGN")
    PaymentMethod.objects.update(customer=second.customer)
    service.next("drop")
    attempt = charge_invoice(second, **AT)
    assert attempt.state == "unknown"
    later_on()
    attempt.refresh_from_db()
    assert attempt.state == ("successful" if good else "failed")
    assert state(second)[0] == ("paid" if good else "failed")
    assert len(service.payments) == 2


def test_stripe_keeps_the_card_of_who_is_collected_from(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    for automatic in (False, True):
        attempt = open_link(make_due(acme, collect_automatically=automatic))
        stripe.money.pay(attempt.external_id)
        ask_about(attempt.pk)
        assert PaymentMethod.objects.count() == int(automatic)


def test_issued_invoices_are_charged_of_themselves(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    anna = make_customer(acme, email="anna@pay.example", currency="EUR")
    invoice = make_due(acme)
    Invoice.objects.filter(pk=invoice.pk).update(customer=anna)
    left(anna, stripe)
    assert not Job.objects.filter(task="invoicing.charge").exists()
    assert collect_due(timezone.now() + timedelta(days=400)) == 0
    update_customer(anna, {"collect_automatically": True}, **BY)
    assert collect_due(BY["at"]) == 0, "it is not due yet"
    far = timezone.now() + timedelta(days=400)
    assert (collect_due(far), collect_due(far)) == (1, 0)
    job = Job.objects.get(task="invoicing.charge")
    charge_in_worker(job.subject_id, job.args[0], tries=1)
    assert state(invoice) == ("paid", 0) and collect_due(far) == 0

    from decimal import Decimal

    from invoicing.actions.one_off import Item, create_one_off

    anna.refresh_from_db()
    issued = create_one_off(anna, [Item("Work", Decimal(5))], finalize=True, **BY)
    assert Job.objects.filter(task="invoicing.charge", subject_id=issued.pk).count() == 1


def test_a_sandbox_collects_by_its_own_clock(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme, collect_automatically=True)
    left(invoice.customer, stripe)
    Invoice.objects.update(due_on=timezone.now().date() + timedelta(days=100))
    assert collect_due(timezone.now()) == 0
    Organization.objects.update(sandbox=True, clock_at=timezone.now() + timedelta(days=99))
    assert collect_due(timezone.now() + timedelta(days=400)) == 0, "real time is not its time"
    Organization.objects.update(clock_at=timezone.now() + timedelta(days=101))
    assert collect_due(timezone.now()) == 1


def test_what_is_not_to_be_charged_is_left_alone(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice = make_due(acme)
    assert ask_to_charge(invoice, key="k") is None
    method = left(invoice.customer, stripe, "4242", exp_year=2020)
    with pytest.raises(Invalid, match="Visa •••• 4242 has expired"):
        charge_invoice(invoice, **AT)
    left(invoice.customer, stripe, "1111")
    remove_method(method, **BY)
    dispute_invoice(invoice, reason="No", **BY)
    charge_in_worker(invoice.pk, "k", tries=1)
    paid = make_due(acme)
    left(paid.customer, stripe)
    record_payment(paid, key="cash", **BY)
    charge_in_worker(paid.pk, "k", tries=1)
    assert charges(stripe) == []


def test_a_merge_keeps_what_can_be_charged(acme: Organization, stripe: FakeStripe) -> None:
    make_payer(acme)
    invoice, other = make_due(acme), make_due(acme)
    for customer, cards in ((invoice.customer, ("4242", "1111")), (other.customer, ("4242",))):
        for last4 in cards:
            left(customer, stripe, last4)
    merge_customers(invoice.customer, other.customer, **BY)
    mine = PaymentMethod.objects.filter(customer=other.customer).saved()
    assert sorted((row.last4, row.is_default) for row in mine) == [("1111", False), ("4242", True)]
    assert charge_invoice(Invoice.objects.get(pk=invoice.pk), **AT).state == "successful"
