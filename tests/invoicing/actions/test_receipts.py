"""Receipts: one for each payment, numbered without a gap, printed and mailed once, and never rewritten."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from pypdf import PdfReader

from billing.models import BillingEntity, EmittedEvent, Job, Organization
from customers.actions.merge import merge_customers
from customers.models import Customer
from invoicing.actions.mail import deliver
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import ask_for_pdf, publish_receipt
from invoicing.actions.receipts import ensure_receipt
from invoicing.actions.refunds import refund_payment
from invoicing.actions.remittances import receive, use_rest
from invoicing.models import Invoice, Mail, Payment, PdfState, Receipt
from invoicing.queries.receipt_document import receipt_document
from tests.factories.customers import make_customer
from tests.factories.documents import pdf_text
from tests.factories.invoicing import set_entity
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
DONE: dict[str, Any] = {"by": ACTOR, "at": NOW}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def anna(acme: Organization) -> Customer:
    return make_customer(acme, name="Anna Ngoma", email="anna@ngoma.example", currency="EUR")


def bill(customer: Customer, amount: int = 100) -> Invoice:
    return create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, **DONE)


def printed(receipt: Receipt) -> bytes:
    """The stored file."""
    ask_for_pdf(receipt)
    publish_receipt(receipt.pk, issued=False)
    receipt.refresh_from_db()
    with receipt.pdf.open("rb") as file:
        return bytes(file.read())


def test_each_payment_has_one_and_the_numbers_have_no_gap(acme: Organization, anna: Customer) -> None:
    invoice = bill(anna)
    first = record_payment(invoice, amount_minor=3000, key="a", reference="Cash 7", **DONE)
    record_payment(invoice, amount_minor=3000, key="a", **DONE)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record_payment(invoice, amount_minor=1000, key="lost", **DONE)
        raise ZeroDivisionError
    second = record_payment(invoice, key="b", **DONE | {"at": NOW + timedelta(days=40)})

    prefix = BillingEntity.objects.get(organization=acme).number_prefix
    later = NOW + timedelta(days=40)
    assert [row.number for row in Receipt.objects.order_by("issued_at")] == [
        f"{prefix}-R-{NOW:%Y%m}-001",
        f"{prefix}-R-{later:%Y%m}-002",
    ]
    assert first.receipt.items == [
        {
            "number": invoice.number,
            "issued_on": invoice.issuing_on.isoformat(),
            "total_minor": 10000,
            "amount_minor": 3000,
            "left_minor": 7000,
        }
    ]
    assert (first.receipt.amount_minor, first.receipt.reference) == (3000, "Cash 7")
    assert second.receipt.items[0]["left_minor"] == 0
    told = EmittedEvent.objects.filter(name="payment_receipt.created")
    assert [event.data["number"] for event in told.order_by("created_at")] == [
        first.receipt.number,
        second.receipt.number,
    ]


def test_each_issuer_counts_for_itself(acme: Organization, anna: Customer) -> None:
    other = BillingEntity.objects.create(
        organization=acme, code="fr", name="Acme FR", number_prefix="FR", timezone="Europe/Paris"
    )
    bernd = make_customer(acme, email="bernd@ngoma.example", billing_entity=other)
    for customer in (anna, bernd, anna):
        record_payment(bill(customer), key="k", **DONE)
    numbers = [row.number[-3:] for row in Receipt.objects.order_by("created_at")]
    assert numbers == ["001", "001", "002"]


def test_one_receipt_lists_all_that_a_transfer_paid(anna: Customer) -> None:
    a, b = bill(anna, 60), bill(anna, 50)
    transfer = receive(anna, currency="EUR", amount_minor=12000, keep_rest=True, key="t", **DONE)
    receive(anna, currency="EUR", amount_minor=12000, keep_rest=True, key="t", **DONE)

    receipt = Receipt.objects.get()
    assert (receipt.remittance, receipt.payment, receipt.on_account_minor) == (transfer, None, 1000)
    assert sorted((item["number"], item["amount_minor"]) for item in receipt.items) == sorted(
        [(a.number, 6000), (b.number, 5000)]
    )
    bill(anna, 10)
    use_rest(transfer, key="later", **DONE)
    assert Receipt.objects.count() == 1, "what is used later was received before"
    assert ensure_receipt(transfer, at=NOW) == receipt
    part = transfer.payments.first()
    assert part is not None and ensure_receipt(part.remittance or part, at=NOW) == receipt


def test_money_of_old_gets_its_receipt_when_it_is_asked_for(anna: Customer) -> None:
    old = record_payment(bill(anna), key="k", **DONE)
    Receipt.objects.all().delete()
    for _ in range(2):
        made = ensure_receipt(Payment.objects.get(pk=old.pk), at=NOW)
    assert made.number.endswith("-002") and made.items[0]["left_minor"] is None
    assert Receipt.objects.get() == made and not Job.objects.filter(task="invoicing.publish_receipt").exists()


def test_the_same_receipt_is_printed_with_the_same_bytes_in_its_language(anna: Customer) -> None:
    from invoicing.documents.pdf import render_receipt

    Customer.objects.filter(pk=anna.pk).update(locale="de", name="Anna <b>Ngoma</b>")
    anna.refresh_from_db()
    receipt = record_payment(bill(anna), amount_minor=2550, reference="VWZ 12", key="k", **DONE).receipt
    pdf = printed(receipt)
    text = pdf_text(pdf)
    for words in (
        "Quittung",
        "25,50 €",
        "74,50 €",
        "Hiermit bezahlt",
        "VWZ 12",
        receipt.number,
        "<b>Ngoma</b>",
    ):
        assert words in text, words
    assert render_receipt(receipt_document(Receipt.objects.get())) == pdf
    assert len(PdfReader(receipt.pdf.open("rb")).pages) == 1


def test_a_refund_leaves_the_receipt_as_it_was(anna: Customer) -> None:
    payment = record_payment(bill(anna), key="k", **DONE)
    before = printed(payment.receipt)
    kept = Receipt.objects.values().get()
    refund_payment(payment, key="r", **DONE)
    assert Receipt.objects.values().get() == kept
    publish_receipt(payment.receipt.pk, issued=False)
    with Receipt.objects.get().pdf.open("rb") as file:
        assert file.read() == before


def test_it_is_mailed_of_itself_where_the_issuer_wants_it(
    acme: Organization, anna: Customer, mailoutbox: list[Any]
) -> None:
    record_payment(bill(anna), key="quiet", **DONE)
    assert not Job.objects.filter(task="invoicing.publish_receipt").exists()
    set_entity(acme, email_receipts=True)
    anna.refresh_from_db()
    invoice = bill(anna)
    payment = record_payment(Invoice.objects.get(pk=invoice.pk), key="k", **DONE)
    receipt = payment.receipt
    assert receipt.pdf_state == PdfState.PENDING
    for _ in range(2):
        publish_receipt(receipt.pk)
    mail = Mail.objects.get()
    assert (mail.kind, mail.payment, mail.to) == ("receipt", payment, ["anna@ngoma.example"])
    for _ in range(2):
        deliver(mail.pk, attempt=1, **DONE)
    [sent] = mailoutbox
    [(name, content, kind)] = [item for item in sent.attachments if isinstance(item, tuple)]
    assert (name, kind) == (f"{receipt.number}.pdf", "application/pdf") and content.startswith(b"%PDF")
    assert invoice.number in sent.body and "€100.00" in sent.subject


def test_a_receipt_is_sent_by_hand_to_others_and_moves_with_a_merge(
    acme: Organization, anna: Customer
) -> None:
    payment = record_payment(bill(anna), key="k", **DONE)
    mail = send_document_mail(payment.receipt, to=["ap@globex.example"], language="fr", key="m", **DONE)
    assert (mail.to, mail.language, mail.attachments[0]["of"]) == (["ap@globex.example"], "fr", "receipt")
    other = make_customer(acme, email="other@ngoma.example")
    merge_customers(anna, other, by=ACTOR, at=NOW)
    assert Receipt.objects.get().customer == other and Receipt.objects.get().buyer["name"] == "Anna Ngoma"
