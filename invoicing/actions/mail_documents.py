"""E-mails with our documents: of themselves where customer or billing entity want it, and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from invoicing.actions.mail import mails_customers, queue_mail
from invoicing.documents.mails import MailText
from invoicing.models import CreditNote, Invoice, Mail, MailKind
from invoicing.queries.mail_facts import (
    Attachment,
    address_of,
    credit_note_facts,
    document_files,
    invoice_facts,
)
from invoicing.queries.mail_wordings import written
from invoicing.rules.states import InvoiceStatus

Document = Invoice | CreditNote


def wanted(invoice: Invoice) -> bool:
    """Whether it is sent of itself: as its customer, else its billing entity, has it; never from a sandbox."""
    own = invoice.customer.email_invoices
    asked = invoice.billing_entity.email_invoices if own is None else own
    return bool(asked) and mails_customers(invoice.billing_entity) and bool(address_of(invoice.customer))


def mail_issued_invoice(invoice: Invoice, *, by: Actor, at: datetime) -> Mail | None:
    """The e-mail that goes out of itself when an invoice is issued; once, whatever happens."""
    if invoice.status != InvoiceStatus.FINALIZED.value or not wanted(invoice):
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
    credit = isinstance(row, CreditNote)
    if row.status != InvoiceStatus.FINALIZED.value:
        if credit:
            raise Conflict("A voided credit note is not sent.", code="credit_note_voided")
        raise Conflict(
            "Only an invoice that is finalized and not voided is sent.", code="invoice_not_finalized"
        )
    files = document_files(row)
    return queue_mail(
        MailKind.CREDIT_NOTE.value if credit else MailKind.INVOICE.value,
        subject=row,
        customer=row.customer,
        billing_entity=invoice_of(row).billing_entity,
        to=[address_of(row.customer)] if to is None else to,
        cc=cc,
        bcc=bcc,
        text=document_text(row, files, language=language, note=note),
        attachments=files,
        key=key,
        by=by,
        at=at,
    )


def document_text(
    row: Document, files: Sequence[Attachment], *, language: str = "", note: str = ""
) -> MailText:
    """The e-mail with a document, in its invoice's language unless another is asked for."""
    language = language or invoice_of(row).locale
    if isinstance(row, CreditNote):
        facts = credit_note_facts(row, language, note=note, files=files)
        return written(MailKind.CREDIT_NOTE.value, language, facts, row.invoice.billing_entity)
    facts = invoice_facts(row, language, note=note, files=files)
    return written(MailKind.INVOICE.value, language, facts, row.billing_entity)


def invoice_of(row: Document) -> Invoice:
    """The invoice that a document is, or corrects."""
    return row.invoice if isinstance(row, CreditNote) else row
