"""Changes of type, mode and payment providers: reasons, events, candidates, and that nothing else moves."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant
from billing.models import AuditEntry, EmittedEvent, Organization, Wallet, WalletEntry
from billing.rules.errors import FieldErrors, Invalid
from customers.actions.classification import change_mode, change_providers, change_type
from customers.actions.customers import update_customer
from customers.models import Customer
from customers.queries.classification import candidates, mode_preview, type_preview
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import CreditNote, Invoice, InvoiceLine, InvoiceReview
from tests.factories.catalog import make_tax
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def taxed(customer: Customer, *, at: Any = NOW) -> Invoice:
    """A final invoice that carries tax."""
    if not customer.taxes.exists():
        customer.taxes.add(make_tax(customer.organization))
    return create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=at)


def in_question(at: datetime) -> list[Invoice]:
    """The invoices that wait for a review on that day."""
    rows = InvoiceReview.objects.current(at.date()).waiting().order_by("invoice_id")
    return [row.invoice for row in rows]


def event_data(name: str) -> dict[str, Any]:
    return dict(EmittedEvent.objects.get(name=name).data)


def test_a_flip_needs_a_reason(organization: Organization) -> None:
    customer = make_customer(organization)
    for reason in ("", "  "):
        with pytest.raises(Invalid) as refused:
            change_type(customer, "business", reason=reason, by=ACTOR, at=NOW)
        assert (refused.value.code, refused.value.field) == ("reason_required", "reason")
        with pytest.raises(Invalid):
            change_mode(customer, "postpaid", reason=reason, by=ACTOR, at=NOW)
    with pytest.raises(Invalid):
        update_customer(customer, {"customer_type": "business"}, by=ACTOR, at=NOW)
    with pytest.raises(Invalid):
        change_type(customer, "business", reason="x" * 501, by=ACTOR, at=NOW)
    customer.refresh_from_db()
    assert (customer.customer_type, customer.mode) == ("unknown", "prepaid")
    assert not EmittedEvent.objects.exclude(name="customer.created").exists()


def test_the_same_value_does_nothing_and_needs_nothing(organization: Organization) -> None:
    customer = make_customer(organization)
    change_type(customer, "UNKNOWN", reason="", by=ACTOR, at=NOW)
    change_mode(customer, "PREPAID", reason="", by=ACTOR, at=NOW)
    assert not AuditEntry.objects.exclude(action="customer.created").filter(customer=customer).exists()


def test_unknown_words(organization: Organization) -> None:
    customer = make_customer(organization)
    with pytest.raises(FieldErrors):
        change_type(customer, "robot", reason="x", by=ACTOR, at=NOW)
    with pytest.raises(FieldErrors):
        change_mode(customer, "hybrid", reason="x", by=ACTOR, at=NOW)


def test_unknown_to_business_in_the_union_names_invoices(organization: Organization) -> None:
    customer = make_customer(organization, country="DE")
    first, second = taxed(customer), taxed(customer)
    untaxed = make_customer(organization)
    taxed(untaxed)
    before = Invoice.objects.filter(customer=customer).order_by("pk").values()
    rows = [dict(row) for row in before]
    change_type(customer, "company", reason="Register extract", by=ACTOR, at=LATER)
    data = event_data("customer.type_changed")
    assert (data["from"], data["to"], data["reason"]) == ("unknown", "business", "Register extract")
    assert (data["actor"], data["customerId"]) == (ACTOR.label, customer.public_id)
    listed = data["correctiveInvoiceCandidates"]
    assert [row["number"] for row in listed] == [first.number, second.number]
    assert (listed[0]["currency"], listed[0]["id"]) == ("EUR", first.public_id)
    assert Decimal(listed[0]["total"]) == Decimal(first.total_minor) / 100
    assert [dict(row) for row in Invoice.objects.filter(customer=customer).order_by("pk").values()] == rows
    entry = AuditEntry.objects.get(action="customer.type_changed")
    assert (entry.reason, entry.changes) == ("Register extract", {"customer_type": ["unknown", "business"]})


@pytest.mark.parametrize(
    ("country", "old", "new"),
    [("UG", "unknown", "business"), ("DE", "consumer", "business"), ("DE", "unknown", "consumer")],
)
def test_no_hint_otherwise(organization: Organization, country: str, old: str, new: str) -> None:
    customer = make_customer(organization, country=country, customer_type=old)
    taxed(customer)
    change_type(customer, new, reason="x", by=ACTOR, at=LATER)
    assert event_data("customer.type_changed")["correctiveInvoiceCandidates"] == []
    customer.refresh_from_db()
    assert not InvoiceReview.objects.exists()


def test_candidates_are_of_a_year_or_unpaid_and_final_with_tax(organization: Organization) -> None:
    customer = make_customer(organization, country="DE")
    recent, old_paid, old_unpaid = taxed(customer), taxed(customer), taxed(customer)
    ancient = NOW.date() - timedelta(days=400)
    Invoice.objects.filter(pk__in=[old_paid.pk, old_unpaid.pk]).update(issuing_on=ancient)
    Invoice.objects.filter(pk=old_paid.pk).update(payment_status="paid")
    create_one_off(customer, [Item("Draft", Decimal(1))], finalize=False, by=ACTOR, at=NOW)
    assert list(candidates(customer, NOW)) == [old_unpaid, recent]


def test_the_hint_goes_when_a_credit_note_comes_or_time_passes(organization: Organization) -> None:
    customer = make_customer(organization, country="DE")
    first, second = taxed(customer), taxed(customer)
    customer = change_type(customer, "business", reason="x", by=ACTOR, at=LATER)
    assert in_question(LATER) == [first, second]
    line = InvoiceLine.objects.get(invoice=first)
    create_credit_note(
        first, [CreditItem(line, "VAT", 1000)], line.tax_minor // 10, key="n", by=ACTOR, at=LATER
    )
    CreditNote.objects.update(created_at=InvoiceReview.objects.latest("created_at").created_at)
    assert in_question(LATER) == [second]
    CreditNote.objects.update(status="voided")
    assert in_question(LATER) == [first, second]
    assert in_question(LATER + timedelta(days=59)) == [first, second]
    assert in_question(LATER + timedelta(days=60)) == []
    change_type(customer, "consumer", reason="x", by=ACTOR, at=LATER)
    assert in_question(LATER) == []


def test_a_flip_of_mode_moves_no_balance(organization: Organization) -> None:
    customer = make_customer(organization)
    wallet = create_wallet(customer, name="W", currency="EUR", rate=Decimal(1), by=ACTOR, at=NOW)
    grant(wallet, Decimal(10), key="g", by=ACTOR, at=NOW)
    before = list(Wallet.objects.order_by("pk").values()), list(WalletEntry.objects.order_by("pk").values())
    customer = change_mode(customer, "POSTPAID", reason="Big customer", by=ACTOR, at=LATER)
    assert customer.mode == "postpaid"
    after = list(Wallet.objects.order_by("pk").values()), list(WalletEntry.objects.order_by("pk").values())
    assert after == before
    data = event_data("customer.mode_changed")
    assert (data["from"], data["to"], data["reason"]) == ("prepaid", "postpaid", "Big customer")
    assert AuditEntry.objects.get(action="customer.mode_changed").reason == "Big customer"
    with pytest.raises(Invalid) as refused:
        update_customer(customer, {"mode": "prepaid"}, reason="x", by=ACTOR, at=LATER)
    assert refused.value.field == "mode"


def test_previews_in_words_and_numbers(organization: Organization) -> None:
    customer = make_customer(organization, mode="postpaid")
    entity = customer.billing_entity
    entity.consumer_payment_term_days, entity.net_payment_term_days = 7, 30
    effects = {row.label: (row.now, row.then) for row in type_preview(customer, "consumer")}
    assert effects["Payment term"] == ("30 days", "7 days")
    assert effects["Prices on invoices"] == ("Without tax", "With tax")
    assert [row.same for row in type_preview(customer, "unknown")] == [True] * 4
    Wallet.objects.filter(customer=customer).delete()
    wallet = create_wallet(customer, name="W", currency="EUR", rate=Decimal(1), by=ACTOR, at=NOW)
    Wallet.objects.filter(pk=wallet.pk).update(
        credit_limit_minor=5000, balance_minor=-2000, credits_balance=0
    )
    [row] = mode_preview(customer, "prepaid")
    assert (row.now_minor, row.then_minor) == (3000, 0)


def test_payment_providers_alone(organization: Organization) -> None:
    customer = make_customer(organization)
    customer = change_providers(
        customer, {"preferred_provider": "stripe", "disabled_providers": ["mpesa"]}, by=ACTOR, at=NOW
    )
    assert (customer.preferred_provider, customer.disabled_providers) == ("stripe", ["mpesa"])
    with pytest.raises(FieldErrors) as refused:
        change_providers(customer, {"disabled_providers": ["stripe"]}, by=ACTOR, at=NOW)
    assert refused.value.field == "preferred_provider"
    with pytest.raises(FieldErrors):
        change_providers(customer, {"name": "No"}, by=ACTOR, at=NOW)
