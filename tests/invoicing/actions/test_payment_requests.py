"""Payment requests: asked once, mailed, replaced by newer ones, and closed by whatever settles their invoices."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.models import AuditEntry, EmittedEvent, Job, Organization
from billing.rules.errors import Conflict, Invalid
from customers.models import Customer
from invoicing.actions.attempts import ask_about
from invoicing.actions.crediting import CreditRequest, issue_credit_note
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.mail import deliver
from invoicing.actions.payment_requests import ask_again, request_payment, withdraw_request
from invoicing.actions.payments import record_payment
from invoicing.actions.remittances import receive
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import write_off
from invoicing.models import Invoice, Mail, PaymentRequest
from invoicing.queries.payment_requests import request_payload
from invoicing.rules.crediting import CreditReason
from tests.factories.invoicing import on, set_entity
from tests.factories.overdue import LATE, make_debtor, owe
from tests.factories.paying import make_payer, open_link
from tests.factories.people import ACTOR, make_organization
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db
BY: dict[str, Any] = {"by": ACTOR, "at": LATE}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_debtor(organization, locale="de")


@pytest.fixture
def invoices(customer: Customer) -> list[Invoice]:
    """Two that are overdue, and one that is not yet."""
    owe(customer, 70, at=on(2026, 4, 10))
    return [owe(customer, 100), owe(customer, 50, at=on(2026, 3, 2))]


def ask(customer: Customer, key: str = "a", **fields: Any) -> PaymentRequest:
    wanted = {"currency": "EUR", "to": ["ap@globex.example"]} | fields
    return request_payment(customer, key=key, **wanted, **BY)


def events() -> list[str]:
    rows = EmittedEvent.objects.filter(name__startswith="payment_request.")
    return list(rows.order_by("pk").values_list("name", flat=True))


def closed(row: PaymentRequest) -> tuple[str, str]:
    row.refresh_from_db()
    return row.status, row.close_reason


def test_what_is_overdue_is_asked_for_once_in_the_customers_language(
    customer: Customer, invoices: list[Invoice]
) -> None:
    row = ask(customer, expected_minor=15000)
    assert ask(customer) == row, "the same key"
    assert (row.amount_minor, row.status, row.attempts, row.origin) == (15000, "pending", 1, "manual")
    assert [part.invoice for part in row.parts.order_by("invoice__due_on")] == invoices
    mail = Mail.objects.get()
    assert mail.subject == "Acme bittet um Zahlung von 150,00 €"
    assert invoices[0].number in mail.text and f"/pay/{row.token}" in mail.text
    assert mail.attachments == []
    assert events() == ["payment_request.created"]
    entry = AuditEntry.objects.get(action="payment_request.created")
    assert entry.customer == customer and entry.changes["amount_minor"] == [None, 15000]
    payload = request_payload(row)
    assert (payload["amount"], payload["amountDue"]) == (Decimal(150), Decimal(150))


def test_only_what_was_chosen_and_what_the_person_saw(customer: Customer, invoices: list[Invoice]) -> None:
    with pytest.raises(Conflict, match=r"Meanwhile 150.00 EUR is overdue"):
        ask(customer, expected_minor=10000)
    with pytest.raises(Invalid, match="Choose at least one"):
        ask(customer, chosen=[])
    with pytest.raises(Invalid, match="not overdue any more"):
        ask(customer, chosen=[Invoice.objects.get(total_minor=7000).pk])
    with pytest.raises(Invalid, match="Nothing is overdue in USD"):
        ask(customer, currency="USD")
    dispute_invoice(invoices[0], reason="Wrong", **BY)
    assert ask(customer, to=()).amount_minor == 5000, "what is in dispute is not asked for"
    assert not Mail.objects.exists()


def test_what_is_in_dispute_is_not_asked_for_again(customer: Customer, invoices: list[Invoice]) -> None:
    row = ask(customer)
    dispute_invoice(invoices[0], reason="Wrong", **BY)
    ask_again(row, to=["cfo@globex.example"], key="2", **BY)
    mail = Mail.objects.get(to=["cfo@globex.example"])
    assert invoices[0].number not in mail.text and invoices[1].number in mail.text
    dispute_invoice(invoices[1], reason="Wrong", **BY)
    with pytest.raises(Conflict, match="in dispute"):
        ask_again(row, to=["cfo@globex.example"], key="3", **BY)
    assert Mail.objects.count() == 2


def test_one_request_is_of_one_billing_entity(customer: Customer, invoices: list[Invoice]) -> None:
    other = set_entity(customer.organization)
    other.pk, other.code, other.is_default = None, "other", False
    other._state.adding = True
    other.id = type(other)._meta.pk.get_default()
    other.save()
    Invoice.objects.filter(pk=invoices[1].pk).update(billing_entity=other)
    with pytest.raises(Invalid) as error:
        ask(customer)
    assert error.value.code == "several_billing_entities"
    assert ask(customer, entity=other).amount_minor == 5000


def test_a_newer_request_replaces_the_older(customer: Customer, invoices: list[Invoice]) -> None:
    first = ask(customer)
    second = ask(customer, "b", chosen=[invoices[0].pk])
    assert closed(first) == ("canceled", "replaced") and first.replaced_by == second
    assert events() == ["payment_request.created", "payment_request.canceled", "payment_request.created"]
    third = ask(customer, "c", chosen=[invoices[1].pk])
    assert closed(second)[0] == "pending" and third.open, "they share no invoice"
    record_payment(invoices[0], key="k", **BY)
    record_payment(invoices[1], key="k", **BY)
    assert closed(second) == closed(third) == ("succeeded", "paid")


def transfer(customer: Customer, invoices: list[Invoice]) -> None:
    receive(customer, currency="EUR", amount_minor=14999, key="first", **BY)
    assert PaymentRequest.objects.get().status == "pending", "a cent is still open"
    receive(customer, currency="EUR", amount_minor=1, key="rest", **BY)


def void_both(customer: Customer, invoices: list[Invoice]) -> None:
    for invoice in invoices:
        void_invoice(invoice, **BY)


def give_up(customer: Customer, invoices: list[Invoice]) -> None:
    for invoice in invoices:
        write_off(invoice, kind="bad_debt", key="w", **BY)


def pay_one_and_offset_one(customer: Customer, invoices: list[Invoice]) -> None:
    record_payment(invoices[0], key="k", **BY)
    whole = CreditRequest(everything=True, offset_minor=5000)
    issue_credit_note(invoices[1], whole, reason=CreditReason.OTHER, key="c", **BY)


@pytest.mark.parametrize(
    ("settle", "ended"),
    [
        (transfer, ("succeeded", "paid")),
        (void_both, ("canceled", "settled")),
        (give_up, ("canceled", "settled")),
        (pay_one_and_offset_one, ("succeeded", "paid")),
    ],
)
def test_whatever_settles_the_invoices_closes_it(
    customer: Customer,
    invoices: list[Invoice],
    settle: Callable[[Customer, list[Invoice]], None],
    ended: tuple[str, str],
) -> None:
    row = ask(customer)
    settle(customer, invoices)
    assert closed(row) == ended
    assert row.closed_at == LATE and not row.parts.filter(open=True).exists()
    assert events()[1:] == [f"payment_request.{ended[0]}"]
    mail = Mail.objects.get()
    deliver(mail.pk, attempt=1, by=ACTOR, at=LATE)
    mail.refresh_from_db()
    assert mail.state == "canceled" and mail.error.startswith("The request is closed"), "nobody is chased"


def test_asking_again_names_what_is_open_now(customer: Customer, invoices: list[Invoice]) -> None:
    row = ask(customer)
    record_payment(invoices[0], key="k", **BY)
    again = ask_again(row, to=["cfo@globex.example"], note="Bitte", key="x", **BY)
    assert ask_again(row, to=["cfo@globex.example"], key="x", **BY).attempts == again.attempts == 2
    mail = Mail.objects.latest("created_at")
    assert invoices[0].number not in mail.text and "50,00" in mail.subject and "Bitte" in mail.text
    withdraw_request(row, reason="They called", **BY)
    assert closed(row) == ("canceled", "withdrawn")
    assert withdraw_request(row, **BY).close_reason == "withdrawn"
    with pytest.raises(Conflict, match="closed"):
        ask_again(row, to=["cfo@globex.example"], key="y", **BY)
    assert ask(customer, "b", to=()).amount_minor == 5000


def test_a_payment_that_was_refused_online_marks_it(customer: Customer, stripe: FakeStripe) -> None:
    make_payer(customer.organization)
    invoice = owe(customer, 100)
    row = ask(customer)
    unused = open_link(invoice)
    stripe.money.expire()
    ask_about(unused.pk)
    assert closed(row) == ("pending", ""), "nobody has tried"
    attempt = open_link(invoice, "once more")
    stripe.money.decline(attempt.external_id)
    stripe.money.expire(attempt.external_id)
    ask_about(attempt.pk)
    assert closed(row) == ("failed", "") and events()[-1] == "payment_request.failed"
    record_payment(invoice, key="k", **BY)
    assert closed(row) == ("succeeded", "paid")


def test_the_documents_come_along_when_asked_for(customer: Customer, invoices: list[Invoice]) -> None:
    ask(customer, attach=True)
    assert [item["id"] for item in Mail.objects.get().attachments] == [row.pk.hex for row in invoices]
    assert Job.objects.filter(task="invoicing.publish").count() == 3
