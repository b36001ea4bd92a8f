"""Publishing: the PDF of an issued document, made once and stored."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from billing.actions import later
from invoicing.actions.mail import ask_for_mail
from invoicing.documents.data import InvoiceDocument
from invoicing.models import CreditNote, Invoice, PdfState
from invoicing.queries.document import credit_note_document, invoice_document
from invoicing.rules.states import InvoiceStatus

Publishable = Invoice | CreditNote


def publish_invoice(invoice_id: UUID) -> None:
    """Make and store an invoice's PDF; nothing to do when it is there or the invoice is not issued."""
    invoice = Invoice.objects.select_related("billing_entity", "customer").get(pk=invoice_id)
    if invoice.pdf_state == PdfState.READY or invoice.status == InvoiceStatus.DRAFT.value:
        return
    store(invoice, lambda: render(invoice_document(invoice)))
    ask_for_mail(invoice)


def publish_credit_note(note_id: UUID) -> None:
    """Make and store a credit note's PDF, once."""
    note = CreditNote.objects.select_related("invoice__billing_entity", "invoice__customer").get(pk=note_id)
    if note.pdf_state != PdfState.READY:
        store(note, lambda: render(credit_note_document(note)))


@transaction.atomic
def ask_for_pdf(row: Publishable) -> Publishable:
    """Have the PDF of an issued document made that has none yet; twice is once."""
    locked = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    if locked.pdf_state == PdfState.NONE and locked.number:
        type(row).objects.filter(pk=row.pk).update(pdf_state=PdfState.PENDING)
        row.pdf_state = PdfState.PENDING
        note = isinstance(row, CreditNote)
        later.enqueue(
            row.organization,
            "invoicing.publish_credit_note" if note else "invoicing.publish",
            key=f"{'cnpdf' if note else 'pdf'}:{row.pk}",
            label=f"PDF of {row.number}",
            subject_id=row.pk,
        )
    return row


def render(document: InvoiceDocument) -> bytes:
    """The PDF. WeasyPrint takes 40 MB, which only the processes that print should pay for."""
    from invoicing.documents.pdf import render_pdf

    return render_pdf(document)


def store(row: Publishable, make: Callable[[], bytes]) -> None:
    """Write the file and mark the row. A failure is marked as well and goes on to the job, which shows it."""
    rows = type(row).objects.filter(pk=row.pk)
    try:
        content = make()
    except Exception:
        rows.update(pdf_state=PdfState.FAILED)
        raise
    name = row.pdf.field.generate_filename(row, f"{row.organization_id.hex}/{row.pk.hex}.pdf")
    storage = row.pdf.storage
    if storage.exists(name):  # left by a worker that was killed before it could mark the row
        storage.delete(name)
    stored = storage.save(name, ContentFile(content))
    rows.update(pdf=stored, pdf_state=PdfState.READY, pdf_made_at=timezone.now())
