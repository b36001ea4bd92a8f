"""Voiding makes a second file with the stamp; the first stays byte for byte, and nobody but staff is given it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from billing.actions import later
from billing.models import AuditEntry, Job, Organization
from invoicing.actions import publish
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.crediting import void_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice
from invoicing.queries.document import credit_note_document, invoice_document
from invoicing.rules.states import CUSTOMER_DELETED
from invoicing.tasks import mail as send_mail
from invoicing.tasks import publish as publish_task
from invoicing.tasks import publish_note, publish_voided, publish_voided_note
from tests.factories.customers import make_customer
from tests.factories.documents import pdf_text
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
LATE = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)  # already the 10th in Berlin


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """Files of a test stay in its own folder."""
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def issued(organization: Organization, **fields: Any) -> Invoice:
    customer = make_customer(organization, **({"name": "Globex", "currency": "EUR"} | fields))
    return create_one_off(customer, [Item("Set-up", Decimal(100))], finalize=True, by=ACTOR, at=NOW)


def credited(invoice: Invoice) -> CreditNote:
    item = CreditItem(invoice.lines.get(), "Set-up taken back", 4000)
    return create_credit_note(invoice, [item], 0, key="test", by=ACTOR, at=NOW)


def work(task: Any, name: str, row: Invoice | CreditNote) -> None:
    """What a worker does with the job of this row."""
    task(str(Job.objects.get(task=name, subject_id=row.pk).pk))
    row.refresh_from_db()


def test_a_voided_invoice_gets_a_second_file_and_keeps_the_first(
    organization: Organization, storage: Path
) -> None:
    invoice = issued(organization, timezone="Europe/Berlin", locale="de")
    work(publish_task, "invoicing.publish", invoice)
    first = storage / invoice.pdf.name
    before, made_at = first.read_bytes(), invoice.pdf_made_at
    invoice = void_invoice(invoice, reason=" Falscher Kunde ", by=ACTOR, at=LATE)
    # until the worker has made it there is nothing to give
    assert (invoice.void_pdf_state, invoice.current_copy.ready) == ("pending", False)
    work(publish_voided, "invoicing.publish_voided", invoice)
    assert (invoice.pdf_state, invoice.pdf_made_at, storage / invoice.pdf.name) == ("ready", made_at, first)
    assert first.read_bytes() == before
    assert invoice.current_copy.ready and invoice.current_copy.stamped
    second = storage / invoice.void_pdf.name
    assert second != first
    text = " ".join(pdf_text(second.read_bytes()).split())
    assert "STORNIERT · 10. März 2026" in text and "Grund: Falscher Kunde" in text
    assert "STORNIERT" not in pdf_text(before).upper()


def test_the_stamped_file_is_the_same_each_time_and_made_once(
    organization: Organization, storage: Path
) -> None:
    invoice = issued(organization)
    invoice = void_invoice(invoice, reason="Twice", by=ACTOR, at=LATE)
    for _ in range(2):
        publish.publish_voided_invoice(invoice.pk)
    invoice.refresh_from_db()
    stored = (storage / invoice.void_pdf.name).read_bytes()
    assert publish.render(invoice_document(Invoice.objects.get(pk=invoice.pk))) == stored
    assert len(list(storage.rglob("*-void.pdf"))) == 1
    assert Job.objects.filter(task="invoicing.publish_voided", subject_id=invoice.pk).count() == 1
    publish.ask_for_pdf(invoice)
    assert Job.objects.filter(task="invoicing.publish_voided", subject_id=invoice.pk).count() == 1


def test_what_was_voided_before_it_was_printed_has_both_files(
    organization: Organization, storage: Path
) -> None:
    """The one as issued is what would have been printed on the day of issue, to the byte."""
    invoice = issued(organization)
    wanted = publish.render(invoice_document(invoice))
    invoice = void_invoice(invoice, reason="Early", by=ACTOR, at=LATE)
    work(publish_voided, "invoicing.publish_voided", invoice)
    work(publish_task, "invoicing.publish", invoice)
    assert (storage / invoice.pdf.name).read_bytes() == wanted
    assert "VOID" in pdf_text((storage / invoice.void_pdf.name).read_bytes())


def test_a_voided_invoice_is_never_sent(organization: Organization) -> None:
    invoice = issued(organization, email="post@globex.example", email_invoices=True)
    work(publish_task, "invoicing.publish", invoice)
    invoice = void_invoice(invoice, by=ACTOR, at=LATE)
    work(publish_voided, "invoicing.publish_voided", invoice)
    job = Job.objects.get(task="invoicing.mail")
    send_mail(str(job.pk))
    assert mail.outbox == []


def test_a_voided_credit_note_is_stamped_with_its_own_reason(
    organization: Organization, storage: Path
) -> None:
    note = credited(issued(organization, locale="fr"))
    work(publish_note, "invoicing.publish_credit_note", note)
    before = (storage / note.pdf.name).read_bytes()
    note = void_credit_note(note, reason="Saisie en double", by=ACTOR, at=LATE)
    work(publish_voided_note, "invoicing.publish_voided_credit_note", note)
    assert (storage / note.pdf.name).read_bytes() == before
    text = " ".join(pdf_text((storage / note.void_pdf.name).read_bytes()).split())
    assert "ANNULÉ · 9 mars 2026" in text and "Saisie en double" in text
    assert publish.render(credit_note_document(note).as_issued()) == before
    entry = AuditEntry.objects.get(action="credit_note.voided")
    assert entry.reason == "Saisie en double"


def test_a_note_voided_with_its_invoice_says_why_as_well(organization: Organization, storage: Path) -> None:
    invoice = issued(organization)
    note = credited(invoice)
    void_invoice(invoice, reason="Wrong customer", by=ACTOR, at=LATE)
    work(publish_voided_note, "invoicing.publish_voided_credit_note", note)
    text = " ".join(pdf_text((storage / note.void_pdf.name).read_bytes()).split())
    assert "Reason: Wrong customer" in text


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("de", "Das Kundenkonto wurde geschlossen."),
        ("fr", "Le compte client a été clôturé."),
        ("es", "La cuenta del cliente se cerró."),
        ("en", "The customer account was closed."),
    ],
)
def test_the_reason_of_a_deletion_is_in_the_documents_language(
    organization: Organization, locale: str, words: str
) -> None:
    invoice = void_invoice(issued(organization, locale=locale), reason=CUSTOMER_DELETED, by=ACTOR, at=LATE)
    assert invoice_document(invoice).void_reason == words


def test_a_reason_cannot_write_markup_or_turn_the_text_around(organization: Organization) -> None:
    reason = "<b>x</b>\u202e" + "y" * 600
    invoice = void_invoice(issued(organization), reason=reason, by=ACTOR, at=LATE)
    text = "".join(pdf_text(publish.render(invoice_document(invoice))).split())
    assert "<b>x</b>yyy" in text and "\u202e" not in text


def test_a_failed_stamp_leaves_the_first_file_and_heals(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = issued(organization)
    work(publish_task, "invoicing.publish", invoice)
    invoice = void_invoice(invoice, by=ACTOR, at=LATE)

    def broken(document: object) -> bytes:
        raise RuntimeError("No fonts")

    monkeypatch.setattr(publish, "render", broken)
    work(publish_voided, "invoicing.publish_voided", invoice)
    assert (invoice.void_pdf_state, invoice.pdf_state, invoice.current_copy.ready) == (
        "failed",
        "ready",
        False,
    )
    monkeypatch.undo()
    later.run_again(Job.objects.get(task="invoicing.publish_voided"))
    work(publish_voided, "invoicing.publish_voided", invoice)
    assert invoice.current_copy.ready


def test_what_is_not_voided_gets_no_stamp(organization: Organization, storage: Path) -> None:
    invoice = issued(organization)
    publish.publish_voided_invoice(invoice.pk)
    publish.publish_voided_credit_note(credited(invoice).pk)
    assert list(storage.rglob("*.pdf")) == []
    assert not Job.objects.filter(task__contains="voided").exists()


def test_what_was_voided_long_ago_is_stamped_when_asked_for(organization: Organization) -> None:
    invoice = void_invoice(issued(organization), by=ACTOR, at=LATE)
    Job.objects.all().delete()
    Invoice.objects.filter(pk=invoice.pk).update(pdf_state="none", void_pdf_state="none")
    invoice.refresh_from_db()
    publish.ask_for_pdf(invoice)
    assert set(Job.objects.values_list("task", flat=True)) == {
        "invoicing.publish",
        "invoicing.publish_voided",
    }
    assert (invoice.pdf_state, invoice.void_pdf_state) == ("pending", "pending")
