"""Publishing: an issued document gets its PDF once; a failure is shown, and running the job again heals it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.actions import later
from billing.models import Job, Organization
from invoicing.actions import publish
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.documents.pdf import render_pdf
from invoicing.models import CreditNote, Invoice
from invoicing.queries.document import invoice_document
from invoicing.tasks import publish as publish_task
from invoicing.tasks import publish_note
from tests.factories.customers import make_customer
from tests.factories.documents import pdf_text
from tests.factories.invoicing import default_tax
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> Path:
    """Files of a test stay in its own folder."""
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    default_tax(organization)
    return organization


def issued(organization: Organization, *, finalize: bool = True, **fields: Any) -> Invoice:
    customer = make_customer(organization, **({"name": "Globex <b>&</b> Söhne", "currency": "EUR"} | fields))
    items = [Item("Set-up", Decimal("100.05")), Item("Hours", Decimal("33.333"), Decimal("2.5"))]
    return create_one_off(customer, items, finalize=finalize, by=ACTOR, at=NOW)


def credited(invoice: Invoice) -> CreditNote:
    line = invoice.lines.first()
    return create_credit_note(
        invoice, [CreditItem(line, "Set-up taken back", 5000)], 1000, key="test", by=ACTOR, at=NOW
    )


def test_the_pdf_is_stored_and_says_what_the_rows_say(organization: Organization, storage: Path) -> None:
    invoice = issued(organization)
    assert invoice.pdf_state == "pending"
    publish.publish_invoice(invoice.pk)
    invoice.refresh_from_db()
    assert invoice.pdf_state == "ready"
    assert invoice.pdf_made_at is not None
    text = pdf_text((storage / invoice.pdf.name).read_bytes())
    assert invoice.number in text
    assert "Globex <b>&</b> Söhne" in text  # markup in a name is text
    # 100.05 + 83.33 = 183.38, 20 % tax of it 36.68, together 220.06
    assert (invoice.lines_minor, invoice.taxes_minor, invoice.total_minor) == (18338, 3668, 22006)
    for amount in ("€100.05", "€83.33", "€183.38", "€36.68", "€220.06"):
        assert amount in text


def test_publishing_twice_makes_it_once(organization: Organization, storage: Path) -> None:
    invoice = issued(organization)
    publish.publish_invoice(invoice.pk)
    invoice.refresh_from_db()
    made_at, name = invoice.pdf_made_at, invoice.pdf.name
    publish.publish_invoice(invoice.pk)
    invoice.refresh_from_db()
    assert (invoice.pdf_made_at, invoice.pdf.name) == (made_at, name)
    assert len(list(storage.rglob("*.pdf"))) == 1


def test_a_file_left_by_a_killed_worker_is_replaced(organization: Organization, storage: Path) -> None:
    invoice = issued(organization)
    left = storage / "invoices" / organization.pk.hex / f"{invoice.pk.hex}.pdf"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    publish.publish_invoice(invoice.pk)
    invoice.refresh_from_db()
    assert storage / invoice.pdf.name == left
    assert left.read_bytes().startswith(b"%PDF")


def test_a_draft_has_no_pdf(organization: Organization, storage: Path) -> None:
    draft = issued(organization, finalize=False)
    publish.publish_invoice(draft.pk)
    draft.refresh_from_db()
    assert (draft.pdf_state, draft.pdf.name) == ("none", "")
    assert list(storage.rglob("*.pdf")) == []


def test_a_failure_is_kept_with_its_reason_and_heals(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = issued(organization)
    job = Job.objects.get(subject_id=invoice.pk, task="invoicing.publish")

    def broken(document: object, e_invoice: bytes) -> bytes:
        raise RuntimeError("No fonts")

    monkeypatch.setattr(publish, "render", broken)
    publish_task(str(job.pk))
    job.refresh_from_db()
    invoice.refresh_from_db()
    assert (invoice.pdf_state, job.state) == ("failed", "failed")
    assert "No fonts" in job.error
    monkeypatch.undo()
    later.run_again(job)
    publish_task(str(job.pk))
    invoice.refresh_from_db()
    job.refresh_from_db()
    assert (invoice.pdf_state, job.state) == ("ready", "succeeded")


def test_the_document_is_frozen_at_finalisation(organization: Organization) -> None:
    invoice = issued(organization)
    before = render_pdf(invoice_document(invoice))
    invoice.customer.name = "Another name"
    invoice.customer.save()
    invoice.billing_entity.name = invoice.billing_entity.legal_name = "Another seller"
    invoice.billing_entity.invoice_footer = "Another footer"
    invoice.billing_entity.save()
    again = Invoice.objects.get(pk=invoice.pk)
    assert render_pdf(invoice_document(again)) == before


def test_a_credit_note_is_published_by_its_job(organization: Organization, storage: Path) -> None:
    invoice = issued(organization)
    note = credited(invoice)
    assert note.pdf_state == "pending"
    job = Job.objects.get(key=f"cnpdf:{note.pk}")
    publish_note(str(job.pk))
    note.refresh_from_db()
    assert note.pdf_state == "ready"
    text = pdf_text((storage / note.pdf.name).read_bytes())
    for words in (
        "Credit note",
        note.number,
        invoice.number,
        "Set-up taken back",
        "€50.00",
        "€10.00",
        "€60.00",
    ):
        assert words in text


def test_a_credit_note_made_twice_has_one_job(organization: Organization) -> None:
    invoice = issued(organization)
    assert credited(invoice) == credited(invoice)
    assert Job.objects.filter(task="invoicing.publish_credit_note").count() == 1


def test_an_old_document_is_printed_when_asked_for(organization: Organization, storage: Path) -> None:
    invoice = issued(organization)
    Job.objects.filter(subject_id=invoice.pk).delete()
    Invoice.objects.filter(pk=invoice.pk).update(pdf_state="none")
    invoice.refresh_from_db()
    publish.ask_for_pdf(invoice)
    publish.ask_for_pdf(invoice)
    invoice.refresh_from_db()
    assert invoice.pdf_state == "pending"
    job = Job.objects.get(subject_id=invoice.pk)
    publish_task(str(job.pk))
    invoice.refresh_from_db()
    assert invoice.pdf_state == "ready"


def test_a_draft_cannot_be_printed(organization: Organization) -> None:
    draft = issued(organization, finalize=False)
    publish.ask_for_pdf(draft)
    assert not Job.objects.filter(subject_id=draft.pk).exists()
