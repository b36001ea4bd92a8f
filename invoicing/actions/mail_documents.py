"""E-mails with our documents: of themselves where customer or billing entity want it, and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from invoicing.actions.mail import mails_customers, queue_mail
from invoicing.documents.mails import MailText
from invoicing.models import CreditNote, Document, Invoice, Mail, Receipt
from invoicing.queries.mail_facts import (
    Attachment,
    address_of,
    document_facts,
    document_files,
    kind_of,
    letterhead_of,
)
from invoicing.queries.mail_wordings import written
from invoicing.queries.runs import mailed
from invoicing.rules.states import InvoiceStatus


def wanted(invoice: Invoice) -> bool:
    """Whether it is sent of itself: as its customer, else its billing entity, has it; never from a sandbox."""
    own = invoice.customer.email_invoices
    asked = invoice.billing_entity.email_invoices if own is None else own
    return bool(asked) and mails_customers(invoice.billing_entity) and bool(address_of(invoice.customer))


@transaction.atomic
def mail_issued_invoice(invoice: Invoice, *, by: Actor, at: datetime) -> Mail | None:
    """The e-mail that goes out of itself when an invoice is issued; once, whatever happens. None when it was sent to
    its customer otherwise before this could: the invoice is locked, as by acts on many.
    """
    now = Invoice.objects.filter(pk=invoice.pk).locked().get()  # it may have been voided while it was printed
    if now.status != InvoiceStatus.FINALIZED.value or not wanted(invoice):
        return None
    if mailed(invoice.pk).filter(to__contains=[address_of(invoice.customer)]).exists():
        return None
    return send_document_mail(invoice, key=f"invoice:{invoice.pk}", by=by, at=at)


def mail_issued_credit_note(note: CreditNote, *, by: Actor, at: datetime) -> Mail | None:
    """The e-mail that goes out of itself when a credit note is issued, where its billing entity has it so; once. A
    customer that wants no invoices by e-mail gets no credit notes either.
    """
    entity, customer = note.invoice.billing_entity, note.customer
    asked = entity.email_credit_notes and customer.email_invoices is not False
    if not (asked and mails_customers(entity) and address_of(customer)):
        return None
    if note.status != InvoiceStatus.FINALIZED.value:
        return None
    return send_document_mail(note, key=f"credit_note:{note.pk}", by=by, at=at)


def receipt_wanted(receipt: Receipt) -> bool:
    """Whether it is sent of itself: as its billing entity has it; never from a sandbox."""
    entity, customer = receipt.billing_entity, receipt.customer
    return entity.email_receipts and mails_customers(entity) and bool(address_of(customer))


def mail_issued_receipt(receipt: Receipt, *, by: Actor, at: datetime) -> Mail | None:
    """The e-mail that goes out of itself when money was recorded; once, whatever happens."""
    if not receipt_wanted(receipt):
        return None
    return send_document_mail(receipt, key=f"receipt:{receipt.pk}", by=by, at=at)


@transaction.atomic
def send_document_mail(
    row: Document,
    *,
    key: str,
    by: Actor,
    at: datetime,
    to: Sequence[str] | None = None,
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    language: str = "",
    note: str = "",
) -> Mail:
    """Send an issued document to its customer's address, or to others. `key` makes a repeat harmless. Raises Conflict
    for a draft or a voided one (invoice_not_finalized, credit_note_voided), Invalid without an address (field to).
    """
    check_issued(row)
    files = document_files(row)
    return queue_mail(
        kind_of(row),
        subject=(row.payment or row.remittance) if isinstance(row, Receipt) else row,
        customer=row.customer,
        billing_entity=letterhead_of(row).billing_entity,
        to=[address_of(row.customer)] if to is None else to,
        cc=cc,
        bcc=bcc,
        text=document_text(row, files, language=language, note=note),
        attachments=files,
        key=key,
        by=by,
        at=at,
    )


def check_issued(row: Document) -> None:
    """Raise Conflict for what is not sent; a receipt always is."""
    if isinstance(row, Receipt) or row.status == InvoiceStatus.FINALIZED.value:
        return
    if isinstance(row, CreditNote):
        raise Conflict("A voided credit note is not sent.", code="credit_note_voided")
    raise Conflict("Only an invoice that is finalized and not voided is sent.", code="invoice_not_finalized")


def document_text(
    row: Document, files: Sequence[Attachment], *, language: str = "", note: str = ""
) -> MailText:
    """The e-mail with a document, in the language of its letterhead unless another is asked for."""
    letterhead = letterhead_of(row)
    language = language or letterhead.locale
    facts = document_facts(row, language, note=note, files=files)
    return written(kind_of(row), language, facts, letterhead.billing_entity)
