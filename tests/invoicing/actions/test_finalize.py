"""Finalising: coupons, credit notes and wallets in order, frozen parties, numbers; voiding gives it all back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection

from billing.actions.plans import update_plan
from billing.actions.usage import ingest
from billing.models import AppliedCoupon, AuditEntry, Job, Organization, Plan, Wallet
from billing.rules.errors import Conflict, Invalid
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.draft import refresh_draft
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off, delete_draft
from invoicing.actions.payments import record_payment
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice, InvoiceDeduction, Payment
from invoicing.queries.next_numbers import next_number
from invoicing.queries.preview import final_totals
from tests.factories.catalog import charge, make_metric, make_tax
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
from tests.factories.usage import event, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def drafted(organization: Organization, amount: int = 10000, **fields: object) -> Invoice:
    """The draft of January for a customer with three days of grace."""
    customer = make_customer(organization, **({"currency": "EUR", "grace_period_days": 3} | fields))
    subscribe(customer, make_plan(organization, amount), on(2026, 1, 1))
    run(on(2026, 2, 1))
    invoice: Invoice = Invoice.objects.get(customer=customer)
    return invoice


def add_note(invoice_of: Customer, minor: int) -> CreditNote:
    """A credit note with that balance on a one-off invoice of the customer."""
    source = create_one_off(
        invoice_of,
        [Item("Earlier", Decimal(minor) / 100)],
        finalize=True,
        taxes=[],
        by=ACTOR,
        at=on(2026, 1, 1),
    )
    return CreditNote.objects.create(
        organization=source.organization,
        invoice=source,
        customer=invoice_of,
        number=f"{source.number}-CN001",
        currency=source.currency,
        issuing_on=source.issuing_on,
        customer_name="",
        net_minor=minor,
        total_minor=minor,
        balance_minor=minor,
        key=str(source.pk),
    )


def test_a_draft_shows_coupon_and_tax_and_uses_nothing_up(organization: Organization) -> None:
    """100.00 less 10 % is 90.00, with 20 % tax 108.00; credit note and wallet wait."""
    default_tax(organization, "20")
    customer = make_customer(organization, currency="EUR", grace_period_days=3)
    give_coupon(customer, on(2026, 1, 1), percentage=Decimal(10))
    make_wallet(customer, "5", on(2026, 1, 1))
    subscribe(customer, make_plan(organization, 10000), on(2026, 1, 1))

    run(on(2026, 2, 1))

    draft = Invoice.objects.get()
    figures = (draft.lines_minor, draft.coupons_minor, draft.taxes_minor, draft.total_minor)
    assert (draft.status, figures) == ("draft", (10000, 1000, 1800, 10800))
    assert (draft.finalize_at, draft.number, draft.pdf_state) == (on(2026, 2, 4), "", "none")
    assert AppliedCoupon.objects.get().status == "active"
    assert Wallet.objects.in_use().get().balance_minor == 500
    assert draft.lines.get().coupon_minor == 1000


def test_finalising_uses_coupon_credit_note_and_wallet_in_this_order(organization: Organization) -> None:
    """100.00 - 10.00 + 18.00 = 108.00; credit note 8.00, wallet 60.00 of 60.00: 40.00 are left to pay."""
    default_tax(organization, "20")
    draft = drafted(organization)
    customer = Customer.objects.get()
    give_coupon(customer, on(2026, 1, 2), amount_minor=1000, currency="EUR", frequency="once")
    note = add_note(customer, 800)
    make_wallet(customer, "60", on(2026, 1, 2))
    assert final_totals(draft, on(2026, 2, 3)).total_minor == 4000  # type: ignore[union-attr]

    invoice = finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 3), expected_total=4000)

    invoice.refresh_from_db()
    assert (invoice.coupons_minor, invoice.taxes_minor) == (1000, 1800)
    assert (invoice.credit_notes_minor, invoice.wallet_credits_minor) == (800, 6000)
    assert (invoice.total_minor, invoice.due_minor, invoice.payment_status) == (4000, 4000, "pending")
    note.refresh_from_db()
    assert (note.balance_minor, Wallet.objects.in_use().get().balance_minor) == (0, 0)
    assert AppliedCoupon.objects.get().status == "terminated"
    kinds = InvoiceDeduction.objects.filter(invoice=invoice).values_list("kind", "amount_minor")
    assert sorted(kinds) == [("coupon", 1000), ("credit_note", 800), ("wallet", 6000)]
    assert Job.objects.filter(task="invoicing.publish", subject_id=invoice.pk).count() == 1
    assert invoice.pdf_state == "pending"


def test_voiding_gives_everything_back_and_keeps_the_number(organization: Organization) -> None:
    draft = drafted(organization)
    customer = Customer.objects.get()
    give_coupon(customer, on(2026, 1, 2), amount_minor=1000, currency="EUR", frequency="once")
    note = add_note(customer, 800)
    make_wallet(customer, "60", on(2026, 1, 2))
    number = finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 3)).number

    voided = void_invoice(draft, reason="Wrong plan", by=ACTOR, at=on(2026, 2, 5))

    assert (voided.status, voided.number, voided.void_reason) == ("voided", number, "Wrong plan")
    note.refresh_from_db()
    wallet = Wallet.objects.in_use().get()
    assert (note.balance_minor, wallet.balance_minor) == (800, 6000)
    assert wallet.entries.filter(kind="returned").get().amount_minor == 6000
    applied = AppliedCoupon.objects.get()
    assert (applied.status, applied.remaining_minor) == ("active", 1000)
    with pytest.raises(Invalid, match="voided"):
        void_invoice(draft, by=ACTOR, at=on(2026, 2, 5))
    assert run(on(2026, 2, 6)).invoices == 0


def test_a_wallet_larger_than_the_invoice_pays_it_at_once(organization: Organization) -> None:
    draft = drafted(organization, 2500)
    make_wallet(Customer.objects.get(), "60", on(2026, 1, 2))
    invoice = finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 3))
    assert (invoice.total_minor, invoice.payment_status, invoice.paid_at) == (0, "paid", on(2026, 2, 3))
    assert Wallet.objects.in_use().get().balance_minor == 3500


def test_a_recurring_coupon_counts_invoices_and_forever_never_ends(organization: Organization) -> None:
    customer = billed_customer(organization)
    give_coupon(customer, on(2026, 1, 1), percentage=Decimal(10), frequency="recurring", periods=2)
    give_coupon(customer, on(2026, 1, 1, 1), amount_minor=500, currency="EUR", frequency="forever")
    subscribe(customer, make_plan(organization, 10000), on(2026, 1, 1))
    run(on(2026, 4, 1))
    totals = list(Invoice.objects.order_by("number").values_list("total_minor", flat=True))
    assert totals == [8500, 8500, 9500]
    assert sorted(AppliedCoupon.objects.values_list("frequency", "status")) == [
        ("forever", "active"),
        ("recurring", "terminated"),
    ]


def test_late_events_count_until_a_draft_is_final(organization: Organization) -> None:
    metric = make_metric(organization)
    customer = make_customer(organization, currency="EUR", grace_period_days=3)
    subscription = subscribe(customer, make_plan(organization, 0, charge(metric)), on(2026, 1, 1))
    use(subscription, metric, 100, at=on(2026, 1, 10))
    run(on(2026, 2, 1))
    draft = Invoice.objects.get()
    assert draft.total_minor == 1000

    ingest(organization, [event(subscription, metric, 50, at=on(2026, 1, 31))], at=on(2026, 2, 1, 2))
    assert refresh_draft(draft, by=ACTOR, at=on(2026, 2, 2)).total_minor == 1500
    ingest(organization, [event(subscription, metric, 50, at=on(2026, 1, 31))], at=on(2026, 2, 2, 2))
    with pytest.raises(Conflict, match=r"20\.00 EUR"):
        finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 3), expected_total=1500)
    draft.refresh_from_db()
    assert (draft.status, draft.total_minor, draft.number) == ("draft", 1500, "")

    assert run(on(2026, 2, 4)).finalized == 1
    draft.refresh_from_db()
    assert (draft.status, draft.total_minor) == ("finalized", 2000)
    assert run(on(2026, 2, 5)).finalized == 0


def test_an_empty_draft_is_closed_when_its_grace_is_over(organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR", grace_period_days=3)
    subscribe(customer, make_plan(organization, 0, charge(make_metric(organization))), on(2026, 1, 1))
    run(on(2026, 2, 1))
    assert Invoice.objects.get().status == "draft"
    run(on(2026, 2, 4))
    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.number) == ("closed", "")


def test_what_is_printed_is_frozen(organization: Organization) -> None:
    entity = set_entity(organization, legal_name="Acme SE", tax_id="DE123", number_prefix="ACM")
    draft = drafted(organization, name="Old name", address_line1="Road 1", net_payment_term_days=10)
    invoice = finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 28, 23, 30))
    customer = Customer.objects.get()
    customer.name = "New name"
    customer.save()
    entity.legal_name = "Other SE"
    entity.save()
    invoice.refresh_from_db()
    assert (invoice.customer_name, invoice.buyer["name"], invoice.buyer["address_line1"]) == (
        "Old name",
        "Old name",
        "Road 1",
    )
    assert (invoice.seller["legal_name"], invoice.seller["tax_id"]) == ("Acme SE", "DE123")
    assert (str(invoice.issuing_on), str(invoice.due_on)) == ("2026-02-28", "2026-03-10")
    assert invoice.number == "ACM-202602-001"


def test_the_issuing_day_is_the_customers(organization: Organization) -> None:
    """28 February 23:30 UTC is 1 March in Nairobi; the number's month is the billing entity's."""
    set_entity(organization, number_prefix="ACM", timezone="UTC")
    draft = drafted(organization, timezone="Africa/Nairobi")
    invoice = finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 28, 23, 30))
    assert (str(invoice.issuing_on), invoice.number) == ("2026-03-01", "ACM-202602-001")


def test_numbers_per_customer(organization: Organization) -> None:
    set_entity(organization, numbering="per_customer", number_prefix="ACM")
    customers = [make_customer(organization, currency="EUR") for _ in range(2)]
    items = [Item("Hours", Decimal(10))]
    made = [
        create_one_off(row, items, finalize=True, by=ACTOR, at=on(2026, 1, 1)).number
        for row in (customers[0], customers[1], customers[0])
    ]
    assert made == ["ACM-001-001", "ACM-002-001", "ACM-001-002"]


def test_a_series_taken_up_later_goes_on_after_what_was_issued(organization: Organization) -> None:
    """Two invoices by customer, then two in one series: 003 and 004; the dialog foretells the first of them."""
    set_entity(organization, numbering="per_customer", number_prefix="ACM")
    items = [Item("Work", Decimal(1))]
    for _ in range(2):
        create_one_off(billed_customer(organization), items, finalize=True, by=ACTOR, at=on(2026, 1, 1))
    create_one_off(billed_customer(organization), items, by=ACTOR, at=on(2026, 1, 1))
    entity = set_entity(organization, numbering="per_billing_entity")
    assert next_number(entity, on(2026, 1, 1)) == "ACM-202601-003"
    customer = billed_customer(organization)
    numbers = [
        create_one_off(customer, items, finalize=True, by=ACTOR, at=on(2026, 1, 1)).number for _ in range(2)
    ]
    assert numbers == ["ACM-202601-003", "ACM-202601-004"]
    assert next_number(entity, on(2026, 1, 1)) == "ACM-202601-005"


def test_a_refused_finalisation_gives_its_number_back(organization: Organization) -> None:
    set_entity(organization, number_prefix="ACM")
    customer = make_customer(organization, currency="EUR")
    first, second = (
        create_one_off(customer, [Item("Hours", Decimal(10))], by=ACTOR, at=on(2026, 1, 1)) for _ in range(2)
    )
    with pytest.raises(Conflict):
        finalize_invoice(first, by=ACTOR, at=on(2026, 1, 2), expected_total=999)
    assert finalize_invoice(second, by=ACTOR, at=on(2026, 1, 2)).number == "ACM-202601-001"
    assert finalize_invoice(first, by=ACTOR, at=on(2026, 1, 2)).number == "ACM-202601-002"
    with pytest.raises(Invalid, match="not a draft"):
        finalize_invoice(first, by=ACTOR, at=on(2026, 1, 2))


def test_one_off_invoices_take_no_credits(organization: Organization) -> None:
    default_tax(organization, "20")
    customer = make_customer(organization, currency="EUR")
    give_coupon(customer, on(2026, 1, 1), percentage=Decimal(50))
    make_wallet(customer, "100", on(2026, 1, 1))
    invoice = create_one_off(
        customer, [Item("Setup", Decimal("33.335"), Decimal(3))], finalize=True, by=ACTOR, at=on(2026, 1, 5)
    )
    assert (invoice.lines_minor, invoice.taxes_minor, invoice.total_minor) == (10001, 2000, 12001)
    assert Wallet.objects.in_use().get().balance_minor == 10000


def test_payments_are_recorded_once_and_never_above_what_is_due(organization: Organization) -> None:
    customer = make_customer(organization, currency="EUR")
    invoice = create_one_off(
        customer, [Item("Setup", Decimal(100))], finalize=True, by=ACTOR, at=on(2026, 1, 5)
    )
    for _ in range(2):
        record_payment(invoice, amount_minor=4000, key="bank-1", by=ACTOR, at=on(2026, 1, 6))
    invoice.refresh_from_db()
    assert (invoice.paid_minor, invoice.payment_status) == (4000, "partially_paid")
    with pytest.raises(Conflict):
        record_payment(invoice, amount_minor=4001, key="bank-1", by=ACTOR, at=on(2026, 1, 6))
    for wrong in (6001, 0, -1):
        with pytest.raises(Invalid):
            record_payment(invoice, amount_minor=wrong, key="bank-2", by=ACTOR, at=on(2026, 1, 6))
    record_payment(invoice, key="bank-3", by=ACTOR, at=on(2026, 1, 7), paid_at=on(2026, 1, 6))
    invoice.refresh_from_db()
    assert (invoice.due_minor, invoice.payment_status, invoice.paid_at) == (0, "paid", on(2026, 1, 6))
    with pytest.raises(Invalid, match="paid already"):
        record_payment(invoice, key="bank-4", by=ACTOR, at=on(2026, 1, 8))
    with pytest.raises(Invalid, match="Money was received"):
        void_invoice(invoice, by=ACTOR, at=on(2026, 1, 8))
    assert Payment.objects.count() == 2


def test_other_organizations_are_left_alone(organization: Organization) -> None:
    """Coupons, wallets, taxes and credit notes of others change nothing, and their rows stay as they are."""
    other = make_organization("Other")
    default_tax(other, "50")
    stranger = make_customer(other, currency="EUR")
    give_coupon(stranger, on(2026, 1, 1), percentage=Decimal(50))
    make_wallet(stranger, "100", on(2026, 1, 1))
    draft = drafted(organization)
    invoice = finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 3))
    assert (invoice.total_minor, invoice.taxes_minor) == (10000, 0)
    assert AppliedCoupon.objects.get().status == "active"
    assert Wallet.objects.in_use().get().balance_minor == 10000
    actions = AuditEntry.objects.filter(organization=other).values_list("action", flat=True)
    assert not [action for action in actions if action.startswith("invoice.")]


def test_the_database_refuses_an_invoice_that_does_not_add_up(organization: Organization) -> None:
    draft = drafted(organization)
    with pytest.raises(Exception, match="invoice_total_adds_up"), connection.cursor() as cursor:
        cursor.execute("UPDATE invoicing_invoice SET total_minor = total_minor + 1 WHERE id = %s", [draft.pk])


def test_only_one_off_drafts_can_be_deleted(organization: Organization) -> None:
    draft = drafted(organization)
    one_off = create_one_off(draft.customer, [Item("Setup", Decimal(1))], by=ACTOR, at=on(2026, 1, 5))
    with pytest.raises(Conflict):
        delete_draft(draft, by=ACTOR, at=on(2026, 2, 2))
    delete_draft(one_off, by=ACTOR, at=on(2026, 2, 2))
    assert list(Invoice.objects.values_list("pk", flat=True)) == [draft.pk]
    assert AuditEntry.objects.filter(action="invoice.deleted", subject_id=one_off.pk).count() == 1


def test_a_tax_of_the_plan_counts_at_once_whatever_prices_are_paid(organization: Organization) -> None:
    """The fee stays 100.00 for who is there; 7 % and 19 % in turn, on the draft that waits too."""
    draft = drafted(organization)
    plan = Plan.objects.get()
    for rate, total in (("7", 10700), ("19", 11900)):
        changes = {"amount_minor": 20000 + total}
        taxes = [make_tax(organization, rate=rate)]
        update_plan(plan, changes, taxes=taxes, follow="never", by=ACTOR, at=on(2026, 2, 1))
        assert refresh_draft(draft, by=ACTOR, at=on(2026, 2, 1)).total_minor == total
    finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 2))
    run(on(2026, 3, 4))
    assert list(Invoice.objects.order_by("pk").values_list("total_minor", flat=True)) == [11900, 11900]
