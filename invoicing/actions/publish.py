"""Publishing: the files of an issued document, each made once and stored.

The first is the document as it was issued. Voiding has a second one made, with the stamp; the first stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from billing.actions import clock, later
from billing.models import EInvoices
from billing.orm.actor import Actor
from invoicing.actions.mail_documents import (
    mail_issued_credit_note,
    mail_issued_invoice,
    mail_issued_receipt,
)
from invoicing.documents.cii import cii
from invoicing.documents.data import InvoiceDocument
from invoicing.documents.receipt import ReceiptDocument
from invoicing.models import CreditNote, Document, Invoice, PdfState, Receipt, StoredCopy
from invoicing.queries.document import credit_note_document, invoice_document
from invoicing.queries.e_invoice import e_invoice, missing_of
from invoicing.queries.receipt_document import receipt_document
from invoicing.rules.states import InvoiceStatus

ON_DEMAND = "on demand"  # among a job's arguments: nobody issues the document now


def publish_invoice(invoice_id: UUID, *, issued: bool = True) -> None:
    """Make and store an invoice's PDF, once, and have it mailed where that is wanted; nothing to do for a draft. Not
    `issued`: an old invoice's file is made because somebody looks at it, which mails nobody.
    """
    invoice = read_invoice(invoice_id)
    if invoice.status == InvoiceStatus.DRAFT.value:
        return
    if invoice.pdf_state != PdfState.READY:
        store(invoice, lambda: render(invoice_document(invoice).as_issued(), inside(invoice)))
    if issued:  # also when the file is there: a worker may have been killed between the two
        mail_issued_invoice(invoice, by=Actor.system(), at=clock.now(invoice.organization))


def publish_credit_note(note_id: UUID, *, issued: bool = True) -> None:
    """Make and store a credit note's PDF, once, and have it mailed where that is wanted; see `publish_invoice`."""
    note = read_note(note_id)
    if note.pdf_state != PdfState.READY:
        store(note, lambda: render(credit_note_document(note).as_issued(), inside(note)))
    if issued:
        mail_issued_credit_note(note, by=Actor.system(), at=clock.now(note.organization))


def publish_receipt(receipt_id: UUID, *, issued: bool = True) -> None:
    """Make and store a receipt's PDF, once, and have it mailed where that is wanted, unless somebody merely looks."""
    rows = Receipt.objects.select_related("organization", "billing_entity__organization", "customer")
    receipt: Receipt = rows.get(pk=receipt_id)
    if receipt.pdf_state != PdfState.READY:
        store(receipt, lambda: render_paid(receipt_document(receipt)))
    if issued:
        mail_issued_receipt(receipt, by=Actor.system(), at=clock.now(receipt.organization))


def publish_voided_invoice(invoice_id: UUID) -> None:
    """Make and store the stamped PDF of a voided invoice, once."""
    invoice = read_invoice(invoice_id)
    if invoice.status == InvoiceStatus.VOIDED.value and invoice.void_pdf_state != PdfState.READY:
        store(invoice, lambda: render(invoice_document(invoice)), invoice.void_copy)


def publish_voided_credit_note(note_id: UUID) -> None:
    """Make and store the stamped PDF of a voided credit note, once."""
    note = read_note(note_id)
    if note.status == "voided" and note.void_pdf_state != PdfState.READY:
        store(note, lambda: render(credit_note_document(note)), note.void_copy)


def read_invoice(key: UUID) -> Invoice:
    """An invoice with what its document is made of."""
    return Invoice.objects.select_related("organization", "billing_entity__organization", "customer").get(
        pk=key
    )


def read_note(key: UUID) -> CreditNote:
    """A credit note with what its document is made of."""
    rows = CreditNote.objects.select_related(
        "organization", "customer", "invoice__billing_entity__organization", "invoice__customer"
    )
    return rows.get(pk=key)


@transaction.atomic
def ask_for_pdf(row: Document) -> Document:
    """Have the files of an issued document made that are missing: the stamped one as well, once it is voided.
    Twice is once.
    """
    locked = type(row).objects.select_for_update(of=("self",)).get(pk=row.pk)
    for copy in {locked.current_copy.field: locked.current_copy, "pdf": locked.issued_copy}.values():
        if copy.state == PdfState.NONE and locked.number:
            type(row).objects.filter(pk=row.pk).update(**{f"{copy.field}_state": PdfState.PENDING})
            setattr(row, f"{copy.field}_state", PdfState.PENDING)
            later.enqueue(
                row.organization,
                task_of(row, copy),
                key=job_key(row, copy),
                label=f"PDF of {row.number}{', voided' if copy.stamped else ''}",
                subject_id=row.pk,
                args=[ON_DEMAND],
            )
    return row


def task_of(row: Document, copy: StoredCopy) -> str:
    """The task that makes a file."""
    if isinstance(row, Receipt):
        return "invoicing.publish_receipt"
    if isinstance(row, CreditNote):
        return "invoicing.publish_voided_credit_note" if copy.stamped else "invoicing.publish_credit_note"
    return "invoicing.publish_voided" if copy.stamped else "invoicing.publish"


def job_key(row: Document, copy: StoredCopy) -> str:
    """What the job that makes a file is known by."""
    noun = "cn" if isinstance(row, CreditNote) else "receipt" if isinstance(row, Receipt) else ""
    return f"{noun}{'void' if copy.stamped else ''}pdf:{row.pk}"


def inside(row: Invoice | CreditNote) -> bytes:
    """The e-invoice that the PDF carries; nothing when the issuer does not want that, or it is not complete."""
    invoice = row.invoice if isinstance(row, CreditNote) else row
    if invoice.seller.get("e_invoices") != EInvoices.INSIDE:
        return b""
    document = e_invoice(row)
    return b"" if missing_of(row, document) else cii(document)


def load_renderer() -> None:
    """Load what prints, in a worker before its processes are forked: they share it then."""
    from invoicing.documents import pdf  # noqa: F401


def render(document: InvoiceDocument, e_invoice: bytes = b"") -> bytes:
    """The PDF. WeasyPrint takes 40 MB, which only the processes that print should pay for."""
    from invoicing.documents.pdf import render_pdf

    return render_pdf(document, e_invoice)


def render_paid(document: ReceiptDocument) -> bytes:
    """A receipt's PDF."""
    from invoicing.documents.pdf import render_receipt

    return render_receipt(document)


def store(row: Document, make: Callable[[], bytes], copy: StoredCopy | None = None) -> None:
    """Write a file (without `copy` the one as issued) and mark the row. A failure is marked as well and goes on to
    the job, which shows it.
    """
    copy = copy or row.issued_copy
    rows = type(row).objects.filter(pk=row.pk)
    try:
        content = make()
    except Exception:
        rows.update(**{f"{copy.field}_state": PdfState.FAILED})
        raise
    file = f"{row.pk.hex}{'-void' if copy.stamped else ''}.pdf"
    name = copy.file.field.generate_filename(row, f"{row.organization_id.hex}/{file}")
    storage = copy.file.storage
    if storage.exists(name):  # left by a worker that was killed before it could mark the row
        storage.delete(name)
    values = {
        "": storage.save(name, ContentFile(content)),
        "_state": PdfState.READY,
        "_made_at": timezone.now(),
    }
    rows.update(**{f"{copy.field}{end}": value for end, value in values.items()})
