"""Ending a subscription: days up to the end, credit for unused days, top-ups. Hand-checked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import Organization, Wallet, WalletEntry
from billing.rules.errors import Conflict
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.payments import record_payment
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.top_up import sell_credits
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice, InvoicedPeriod
from tests.factories.catalog import charge, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
    give_coupon,
    make_plan,
    make_wallet,
    on,
    set_entity,
    subscribe,
)
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def test_arrears_bill_the_days_up_to_the_end_and_the_usage(organization: Organization) -> None:
    """31.00 a month ended on 10 January noon: 10 of 31 days, the begun day counts; usage 5.00."""
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric))
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    use(subscription, metric, 50, at=on(2026, 1, 9))

    ended = terminate_subscription(subscription, by=ACTOR, at=on(2026, 1, 10, 12))

    assert ended.credit_note is None and ended.invoice is not None
    lines = [(line.kind, line.amount_minor) for line in ended.invoice.lines.all()]
    assert lines == [("subscription", 1000), ("charge", 500)]
    subscription.refresh_from_db()
    assert (subscription.status, subscription.next_billing_at) == ("terminated", None)
    again = terminate_subscription(subscription, by=ACTOR, at=on(2026, 1, 11))
    assert (again.invoice, again.credit_note) == (None, None)
    run(on(2026, 3, 1))
    assert Invoice.objects.count() == 1


def test_unused_days_paid_in_advance_become_a_credit_note(organization: Organization) -> None:
    """31.00 + 20 % for October, ended on the 15th: 16 of 31 days are 16.00 + 3.20; the closing bill takes it."""
    default_tax(organization, "20")
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric), pay_in_advance=True)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 9, 1))
    run(on(2026, 10, 1))
    use(subscription, metric, 100, at=on(2026, 10, 2))
    fee = Invoice.objects.get(period_end=on(2026, 11, 1))

    ended = terminate_subscription(subscription, by=ACTOR, at=on(2026, 10, 15, 10))

    note = ended.credit_note
    assert note is not None and ended.invoice is not None
    assert (note.invoice, note.number) == (fee, f"{fee.number}-CN001")
    assert (note.net_minor, note.tax_minor, note.total_minor) == (1600, 320, 1920)
    assert [tax["amount_minor"] for tax in note.taxes] == [320]
    note.refresh_from_db()
    assert (ended.invoice.lines_minor, ended.invoice.taxes_minor) == (1000, 200)
    assert (ended.invoice.credit_notes_minor, ended.invoice.total_minor, note.balance_minor) == (1200, 0, 720)


def test_a_coupon_on_the_fee_is_taken_back_in_proportion(organization: Organization) -> None:
    """31.00 less 10 % is 27.90 (+ 20 % = 33.48); 16 of 31 days: 16.00 - 1.60 = 14.40, tax 2.88."""
    default_tax(organization, "20")
    customer = billed_customer(organization)
    give_coupon(customer, on(2026, 9, 1), percentage=Decimal(10), frequency="forever")
    plan = make_plan(organization, 3100, pay_in_advance=True)
    subscription = subscribe(customer, plan, on(2026, 10, 1))
    note = terminate_subscription(subscription, by=ACTOR, at=on(2026, 10, 15, 10)).credit_note
    assert note is not None
    assert (note.net_minor, note.tax_minor) == (1440, 288)


def test_a_first_partial_month_is_credited_by_the_full_months_days(organization: Organization) -> None:
    """Started 8 February, 20 % tax: 21 of 28 days of 100.00 are 75.00. Ended on the 21st: 7 days are 25.00 + 5.00.
    The plan's price has changed since, which changes nothing.
    """
    default_tax(organization, "20")
    plan = make_plan(organization, 10000, pay_in_advance=True)
    subscription = subscribe(billed_customer(organization), plan, on(2025, 2, 8))
    assert Invoice.objects.get().total_minor == 9000
    plan.amount_minor = 50000
    plan.save()
    note = terminate_subscription(subscription, by=ACTOR, at=on(2025, 2, 21)).credit_note
    assert note is not None
    assert (note.net_minor, note.tax_minor, note.total_minor) == (2500, 500, 3000)


def test_while_the_fee_is_a_draft_the_unused_days_are_not_billed(organization: Organization) -> None:
    """Three days of grace: ended on 2 October, the draft of 31.00 becomes 2 of 31 days."""
    customer = make_customer(organization, currency="EUR", grace_period_days=3)
    plan = make_plan(organization, 3100, pay_in_advance=True)
    subscription = subscribe(customer, plan, on(2026, 10, 1))
    ended = terminate_subscription(subscription, by=ACTOR, at=on(2026, 10, 2, 10))
    assert ended.credit_note is None
    draft = Invoice.objects.get(status="draft")
    assert draft.total_minor == 200
    assert finalize_invoice(draft, by=ACTOR, at=on(2026, 10, 4)).total_minor == 200


def test_nothing_is_credited_on_a_voided_invoice(organization: Organization) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=True)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 10, 1))
    void_invoice(Invoice.objects.get(), by=ACTOR, at=on(2026, 10, 2))
    ended = terminate_subscription(subscription, by=ACTOR, at=on(2026, 10, 15))
    assert (ended.credit_note, CreditNote.objects.count()) == (None, 0)


def test_ending_on_a_billing_day_bills_the_period_before_and_no_day_more(organization: Organization) -> None:
    """In advance the new month is neither billed nor credited, in arrears the old one is billed in full."""
    customer = billed_customer(organization)
    metric = make_metric(organization)
    advance = subscribe(
        customer, make_plan(organization, 3100, charge(metric), pay_in_advance=True), on(2026, 9, 1)
    )
    arrears = subscribe(customer, make_plan(organization, 1000), on(2026, 9, 1))
    use(advance, metric, 70, at=on(2026, 9, 5))
    first = terminate_subscription(advance, by=ACTOR, at=on(2026, 10, 1)).invoice
    second = terminate_subscription(arrears, by=ACTOR, at=on(2026, 10, 1)).invoice
    assert first is not None and second is not None
    assert (first.total_minor, second.total_minor, CreditNote.objects.count()) == (700, 1000, 0)
    assert InvoicedPeriod.objects.filter(end__gt=on(2026, 10, 1)).count() == 0


def test_a_subscription_that_has_not_started_cannot_be_ended(organization: Organization) -> None:
    plan = make_plan(organization, 3100)
    pending = subscribe(billed_customer(organization), plan, on(2026, 1, 1), subscription_at=on(2026, 2, 1))
    with pytest.raises(Conflict):
        terminate_subscription(pending, by=ACTOR, at=on(2026, 1, 2))


def test_voiding_withdraws_unused_credit_notes_and_refuses_used_ones(organization: Organization) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=True)
    customer = billed_customer(organization)
    subscription = subscribe(customer, plan, on(2026, 10, 1))
    terminate_subscription(subscription, by=ACTOR, at=on(2026, 10, 15))
    fee = Invoice.objects.get(number__gt="", status="finalized")
    void_invoice(fee, by=ACTOR, at=on(2026, 10, 16))
    note = CreditNote.objects.get()
    assert (note.status, note.balance_minor) == ("voided", 0)

    subscription = subscribe(customer, plan, on(2026, 11, 1))
    terminate_subscription(subscription, by=ACTOR, at=on(2026, 11, 15))
    subscribe(customer, plan, on(2026, 12, 1))
    used = CreditNote.objects.get(status="finalized")
    assert used.balance_minor == 0
    with pytest.raises(Conflict, match="has been used"):
        void_invoice(used.invoice, by=ACTOR, at=on(2026, 12, 2))


def test_credits_are_sold_by_an_invoice_without_tax_and_arrive_when_it_is_paid(
    organization: Organization,
) -> None:
    """1,034 credits at 0.001 EUR are 1,030 for 1.03."""
    default_tax(organization, "20")
    set_entity(organization, number_prefix="ACM")
    customer = make_customer(organization, currency="EUR")
    wallet = make_wallet(customer, "1000", on(2026, 1, 1), rate=Decimal("0.001"))

    invoice = sell_credits(wallet, Decimal(1034), by=ACTOR, at=on(2026, 1, 5))

    assert (invoice.status, invoice.type, invoice.number) == ("finalized", "credit", "ACM-202601-001")
    assert (invoice.total_minor, invoice.taxes_minor, invoice.wallet_credits) == (103, 0, 1030)
    assert Wallet.objects.in_use().get().balance_minor == 100

    record_payment(invoice, amount_minor=3, key="a", by=ACTOR, at=on(2026, 1, 6))
    assert Wallet.objects.in_use().get().balance_minor == 100
    for _ in range(2):
        record_payment(invoice, amount_minor=100, key="b", by=ACTOR, at=on(2026, 1, 6))
    wallet.refresh_from_db()
    assert (wallet.balance_minor, wallet.credits_balance) == (203, 2030)
    assert WalletEntry.objects.filter(kind="purchased").count() == 1


def test_a_minimum_spend_and_a_credit_note_on_the_closing_bill(organization: Organization) -> None:
    """50.00 in advance from 8 January: 24 of 31 days with 20 % tax are 46.45. Ended on 25 February with 70.00 used
    of a minimum of 100.00: 100 x 25/28 - 70 = 19.29 are made up; 89.29 + 17.86 - 6.43 for 3 unused days = 100.72.
    """
    default_tax(organization, "20")
    metric = make_metric(organization)
    price = charge(metric, properties={"amount": "35"}, min_amount_minor=10000)
    plan = make_plan(organization, 5000, price, pay_in_advance=True)
    subscription = subscribe(billed_customer(organization), plan, on(2023, 1, 8))
    assert Invoice.objects.get().total_minor == 4645
    run(on(2023, 2, 1, 6))
    use(subscription, metric, 1, 1, at=on(2023, 2, 25, 7))

    invoice = terminate_subscription(subscription, by=ACTOR, at=on(2023, 2, 25, 8)).invoice

    assert invoice is not None
    assert [(line.kind, line.amount_minor) for line in invoice.lines.all()] == [
        ("charge", 7000),
        ("true_up", 1929),
    ]
    assert (invoice.taxes_minor, invoice.credit_notes_minor, invoice.total_minor) == (1786, 643, 10072)
