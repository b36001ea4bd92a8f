"""Two people, or a person and a worker, at the same moment: money moves once, numbers have no gap, and the
order in which they come makes no third outcome possible. Real threads on PostgreSQL.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction

from billing.actions.locks import lock_customer
from billing.actions.members import change_role
from billing.actions.plans import delete_plan, set_plan_active, update_plan
from billing.actions.usage import ingest, match_quarantined
from billing.actions.wallet_ending import terminate_wallet
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallets import void_credits
from billing.models import (
    AuditEntry,
    Event,
    Job,
    Member,
    Organization,
    QuarantinedEvent,
    Subscription,
    WalletEntry,
)
from billing.queries.usage import current_usage
from billing.rules.errors import BillingError, Conflict, Invalid
from customers.actions.assign import assign_plan
from customers.actions.delete import carry_out, request_deletion
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.top_up import sell_credits
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, InvoiceDeduction, InvoicedPeriod, InvoiceLine, Payment
from invoicing.queries.series import SERIES, sums_of
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import (
    billed_customer,
    give_coupon,
    make_plan,
    make_wallet,
    on,
    set_entity,
    subscribe,
)
from tests.factories.people import ACTOR, make_member, make_organization
from tests.factories.usage import event, use

pytestmark = pytest.mark.django_db(transaction=True)
AT = on(2026, 2, 1)


def together(*works: Callable[[], Any]) -> list[Any]:
    """Run all of them at the same moment, each in a thread with a connection of its own. What each returned, or
    the domain error it raised, in order; anything else (a deadlock, an IntegrityError) fails the test.
    """
    start = threading.Barrier(len(works))
    answers: list[Any] = [None] * len(works)

    def work(index: int) -> None:
        try:
            start.wait(timeout=20)
            answers[index] = works[index]()
        except BaseException as error:
            answers[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[index]) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "somebody waits for ever"
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, BillingError):
            raise answer
    return answers


def done(answers: list[Any]) -> list[Any]:
    """Those that were not refused."""
    return [answer for answer in answers if not isinstance(answer, BillingError)]


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    set_entity(organization, number_prefix="ACM")
    return organization


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def issued(customer: Customer, amount: int = 100) -> Invoice:
    """A finalised one-off invoice without tax, in whole units of money."""
    item = Item("Work", Decimal(amount))
    return create_one_off(customer, [item], taxes=[], finalize=True, by=ACTOR, at=AT)


def drafts(organization: Organization, customer: Customer, count: int, amount_minor: int) -> list[Invoice]:
    """That many drafts: each subscription's first fee in advance is billed when it starts."""
    for _ in range(count):
        subscribe(customer, make_plan(organization, amount_minor, pay_in_advance=True), on(2026, 1, 1))
    rows = list(Invoice.objects.filter(customer=customer, status="draft").order_by("pk"))
    assert len(rows) == count
    return rows


def test_finalising_from_several_sides_issues_one_number(customer: Customer) -> None:
    draft = create_one_off(customer, [Item("Work", Decimal(100))], by=ACTOR, at=AT)
    answers = together(*[lambda: finalize_invoice(draft, by=ACTOR, at=AT)] * 5)
    assert len(done(answers)) == 1
    assert {error.code for error in answers if isinstance(error, Invalid)} == {"invoice_not_draft"}
    assert Invoice.objects.get().number == "ACM-202602-001"
    assert issued(customer).number == "ACM-202602-002"


def test_voiding_from_several_sides_gives_back_once(organization: Organization, customer: Customer) -> None:
    wallet = make_wallet(customer, "30", on(2026, 1, 1))
    subscribe(customer, make_plan(organization, 1000, pay_in_advance=True), on(2026, 1, 1))
    invoice = Invoice.objects.get(type="subscription")
    assert invoice.wallet_credits_minor == 1000
    answers = together(*[lambda: void_invoice(invoice, by=ACTOR, at=AT)] * 5)
    assert len(done(answers)) == 1
    wallet.refresh_from_db()
    assert (wallet.balance_minor, ledger_total(wallet)) == (3000, 3000)
    assert WalletEntry.objects.filter(kind="returned").count() == 1


def test_payments_at_once_never_exceed_the_total(customer: Customer) -> None:
    invoice = issued(customer)

    def pay(number: int) -> Payment:
        return record_payment(invoice, amount_minor=6000, key=f"p{number}", by=ACTOR, at=AT)

    answers = together(*[lambda number=number: pay(number) for number in range(5)])
    assert len(done(answers)) == 1
    assert {error.code for error in answers if isinstance(error, BillingError)} == {"more_than_due"}
    invoice.refresh_from_db()
    assert (invoice.paid_minor, invoice.due_minor, invoice.payment_status) == (6000, 4000, "partially_paid")


def test_the_same_payment_sent_at_once_is_one_payment(customer: Customer) -> None:
    invoice = issued(customer)
    answers = together(*[lambda: record_payment(invoice, key="same", by=ACTOR, at=AT)] * 5)
    assert len({payment.pk for payment in done(answers)}) == Payment.objects.count() == 1
    assert len(done(answers)) == 5


def test_paying_and_voiding_at_once_have_one_winner(customer: Customer) -> None:
    for _ in range(3):
        invoice = issued(customer)
        answers = together(
            lambda invoice=invoice: record_payment(invoice, key="k", by=ACTOR, at=AT),
            lambda invoice=invoice: void_invoice(invoice, by=ACTOR, at=AT),
        )
        assert len(done(answers)) == 1
        invoice.refresh_from_db()
        assert (invoice.status, invoice.paid_minor) in {("finalized", 10000), ("voided", 0)}


def test_invoices_at_once_share_a_wallet_a_coupon_and_a_credit_note_without_using_a_cent_twice(
    organization: Organization,
) -> None:
    customer = billed_customer(organization, grace_period_days=3)
    waiting = drafts(organization, customer, 3, 10000)
    wallet = make_wallet(customer, "50", on(2026, 1, 1))
    applied = give_coupon(customer, on(2026, 1, 1), amount_minor=4000, frequency="once")
    source = issued(customer, 70)
    line = InvoiceLine.objects.get(invoice=source)
    note = create_credit_note(source, [CreditItem(line, "Less", 7000)], 0, key="n", by=ACTOR, at=AT)
    answers = together(
        *[lambda draft=draft: finalize_invoice(draft, by=ACTOR, at=AT) for draft in waiting],
    )
    assert len(done(answers)) == 3
    wallet.refresh_from_db()
    applied.refresh_from_db()
    note.refresh_from_db()
    assert (wallet.balance_minor, applied.remaining_minor, note.balance_minor) == (0, 0, 0)
    assert applied.status == "terminated"
    rows = Invoice.objects.filter(pk__in=[draft.pk for draft in waiting])
    assert sum(row.total_minor for row in rows) == 30000 - 4000 - 7000 - 5000
    used = InvoiceDeduction.objects.filter(invoice__in=rows)
    for kind, minor in (("coupon", 4000), ("credit_note", 7000), ("wallet", 5000)):
        assert sum(row.amount_minor for row in used if row.kind == kind) == minor


def test_fifty_debits_of_a_balance_for_ten(customer: Customer) -> None:
    wallet = make_wallet(customer, "10", on(2026, 1, 1))

    def debit(number: int) -> list[Any]:
        answers = []
        for part in range(5):
            try:
                key = f"{number}.{part}"
                answers.append(void_credits(wallet, Decimal(1), reason="", key=key, by=ACTOR, at=AT))
            except Conflict as error:
                answers.append(error)
        return answers

    answers = [one for many in together(*[lambda n=n: debit(n) for n in range(10)]) for one in many]
    assert len(answers) == 50 and len(done(answers)) == 10
    wallet.refresh_from_db()
    assert (wallet.balance_minor, wallet.credits_balance, ledger_total(wallet)) == (0, 0, 0)


def test_termination_and_the_run_at_once_bill_each_day_once(organization: Organization) -> None:
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric))
    for _ in range(3):
        customer = billed_customer(organization)
        subscription = subscribe(customer, plan, on(2026, 1, 1))
        use(subscription, metric, 10, at=on(2026, 1, 10))
        together(
            lambda subscription=subscription: terminate_subscription(subscription, by=ACTOR, at=AT),
            lambda: run(AT),
            lambda: run(AT),
        )
        run(AT)
        total = sum(row.total_minor for row in Invoice.objects.filter(customer=customer))
        assert total == 3100 + 100
        fees = InvoicedPeriod.objects.filter(subscription=subscription, kind="fee")
        assert [(row.start, row.end) for row in fees] == [(on(2026, 1, 1), on(2026, 2, 1))]
        subscription.refresh_from_db()
        assert (subscription.status, subscription.next_billing_at) == ("terminated", None)


def test_a_plan_assigned_while_the_customer_is_deleted_is_refused_or_ended(
    organization: Organization,
) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=True)
    for _ in range(4):
        customer = billed_customer(organization)
        together(
            lambda customer=customer: assign_plan(customer, plan, by=ACTOR, at=AT),
            lambda customer=customer: request_deletion(customer, by=ACTOR, at=AT),
        )
        carry_out(Job.objects.get(subject_id=customer.pk, task="customers.delete"))
        statuses = set(Subscription.objects.filter(customer=customer).values_list("status", flat=True))
        assert statuses <= {"terminated"}
        assert not Invoice.objects.filter(customer=customer).draft().exists()


def test_a_payment_while_the_customer_is_deleted_is_kept_or_refused(organization: Organization) -> None:
    for _ in range(4):
        customer = billed_customer(organization)
        invoice = issued(customer)
        request_deletion(customer, by=ACTOR, at=AT)
        job = Job.objects.get(subject_id=customer.pk, task="customers.delete")
        paid, _ = together(
            lambda invoice=invoice: record_payment(invoice, key="k", by=ACTOR, at=AT),
            lambda job=job: carry_out(job),
        )
        invoice.refresh_from_db()
        if isinstance(paid, BillingError):
            assert (invoice.status, invoice.paid_minor) == ("voided", 0)
        else:
            assert (invoice.status, invoice.payment_status) == ("finalized", "paid")
        customer.refresh_from_db()
        assert customer.deleted_at == AT


def test_two_admins_who_demote_each_other_at_once_leave_one(organization: Organization) -> None:
    make_member(organization, "admin")
    one, two = Member.objects.filter(organization=organization, role="admin").order_by("pk")
    answers = together(
        lambda: change_role(one, "support", by=ACTOR, at=AT),
        lambda: change_role(two, "support", by=ACTOR, at=AT),
    )
    assert len(done(answers)) == 1
    assert Member.objects.filter(organization=organization, role="admin").count() == 1


def test_a_plan_that_is_withdrawn_while_a_subscription_starts(organization: Organization) -> None:
    """The form was filled in before: what counts is the plan as it is when the subscription starts."""
    for withdraw in (set_inactive, delete):
        customer, plan = billed_customer(organization), make_plan(organization)
        withdraw(plan)
        plan.active, plan.deleted_at = True, None  # as the request had read it
        with pytest.raises(Invalid) as refused:
            assign_plan(customer, plan, by=ACTOR, at=AT)
        assert (refused.value.code, refused.value.field) == ("plan_inactive", "plan")
        assert not Subscription.objects.filter(customer=customer).exists()


def set_inactive(plan: Any) -> None:
    """Behind the back of whoever holds `plan`."""
    set_plan_active(type(plan).objects.get(pk=plan.pk), False, by=ACTOR, at=AT)


def delete(plan: Any) -> None:
    """Behind the back of whoever holds `plan`."""
    delete_plan(type(plan).objects.get(pk=plan.pk), by=ACTOR, at=AT)


def test_a_price_changed_while_a_subscription_starts_is_old_or_new_everywhere(
    organization: Organization,
) -> None:
    """Paid in advance: the invoice has the plan's price and currency of one moment, and the plan's interval
    cannot change once somebody is on it.
    """
    for _ in range(4):
        customer = billed_customer(organization)
        plan = make_plan(organization, 3100, pay_in_advance=True)
        together(
            lambda customer=customer, plan=plan: assign_plan(customer, plan, by=ACTOR, at=AT),
            lambda plan=plan: update_plan(
                plan, {"interval": "yearly", "amount_minor": 9900}, by=ACTOR, at=AT
            ),
        )
        plan.refresh_from_db()
        subscription = Subscription.objects.get(customer=customer)
        yearly = plan.interval == "yearly"
        assert subscription.next_billing_at == (on(2027, 1, 1) if yearly else on(2026, 3, 1))
        assert (plan.amount_minor, plan.interval) in {(9900, "yearly"), (3100, "monthly")}


def test_an_event_sent_from_eight_sides_counts_once(organization: Organization) -> None:
    metric = make_metric(organization, aggregation="sum")
    subscription = subscribe(
        billed_customer(organization), make_plan(organization, 0, charge(metric)), on(2026, 1, 1)
    )
    sent = event(subscription, metric, 7, at=on(2026, 1, 10), id="same")
    answers = together(*[lambda: ingest(organization, [sent], at=on(2026, 1, 11))[0].status] * 8)
    assert sorted(answers) == ["accepted"] + ["duplicate"] * 7
    assert Event.objects.count() == 1
    assert current_usage(subscription, on(2026, 1, 12)).charges[0].units == 7


def test_waiting_events_are_matched_once_while_the_metric_appears(organization: Organization) -> None:
    subscription = subscribe(billed_customer(organization), make_plan(organization, 0), on(2026, 1, 1))
    early = [event(subscription, "calls", 1, at=on(2026, 1, 10), id=f"e{number}") for number in range(20)]
    assert {result.status for result in ingest(organization, early, at=on(2026, 1, 11))} == {"quarantined"}
    make_metric(organization, "calls", aggregation="sum")
    together(
        *[lambda: match_quarantined(organization, at=on(2026, 1, 12))] * 3,
        *[lambda: ingest(organization, early, at=on(2026, 1, 12))] * 2,
    )
    match_quarantined(organization, at=on(2026, 1, 12))
    assert Event.objects.count() == 20
    assert not QuarantinedEvent.objects.exists()


def test_numbers_have_no_gap_after_rollbacks_in_between(organization: Organization) -> None:
    people = [billed_customer(organization) for _ in range(4)]

    def work(customer: Customer) -> None:
        for number in range(6):
            try:
                with transaction.atomic():
                    lock_customer(customer.pk)
                    issued(customer)
                    if number % 2:
                        raise Conflict("Taken back.")
            except Conflict:
                continue

    together(*[lambda customer=customer: work(customer) for customer in people])
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"ACM-202602-{number:03d}" for number in range(1, 13)]
    proof = sums_of(organization, SERIES["invoice"])
    assert proof.whole and proof.documents == Invoice.objects.exclude(number="").count()


def test_credits_paid_after_their_wallet_has_ended_are_money_received(customer: Customer) -> None:
    """The transfer was under way while staff ended the wallet: it is recorded, and the history says why no
    credits came of it.
    """
    wallet = make_wallet(customer, "1", on(2026, 1, 1))
    invoice = sell_credits(wallet, Decimal(10), by=ACTOR, at=on(2026, 1, 2))
    terminate_wallet(wallet, by=ACTOR, at=on(2026, 1, 3))
    record_payment(invoice, key="k", reference="wire 7", by=ACTOR, at=on(2026, 1, 4))
    invoice.refresh_from_db()
    wallet.refresh_from_db()
    assert (invoice.payment_status, invoice.paid_minor) == ("paid", 1000)
    assert (wallet.balance_minor, ledger_total(wallet)) == (0, 0)
    told = AuditEntry.objects.get(action="payment.recorded").reason
    assert told == "wire 7. The wallet has ended, no credits were booked."
