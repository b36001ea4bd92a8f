"""E-mails with our documents: of themselves where customer or billing entity want it, and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from invoicing.actions.mail import mails_customers, queue_mail
from invoicing.documents.mails import MailText, compose
from invoicing.models import CreditNote, Invoice, Mail, MailKind
from invoicing.queries.mail_facts import address_of, credit_note_facts, document_files, invoice_facts
from invoicing.rules.states import InvoiceStatus


def wanted(invoice: Invoice) -> bool:
    """Whether it is sent of itself: as its customer, else its billing entity, has it; never from a sandbox."""
    own = invoice.customer.email_invoices
    asked = invoice.billing_entity.email_invoices if own is None else own
    return bool(asked) and mails_customers(invoice.billing_entity) and bool(address_of(invoice.customer))


def mail_issued_invoice(invoice: Invoice, *, by: Actor, at: datetime) -> Mail | None:
    """The e-mail that goes out of itself when an invoice is issued; once, whatever happens."""
    if invoice.status != InvoiceStatus.FINALIZED.value or not wanted(invoice):
        return None
    return send_invoice_mail(invoice, key=f"invoice:{invoice.pk}", by=by, at=at)


@transaction.atomic
def send_invoice_mail(
    invoice: Invoice,
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
    """Send an issued invoice to its customer's address, or to others. `key` makes a repeat harmless. Raises Conflict
    for a draft or a voided one (invoice_not_finalized), Invalid without an address (field to).
    """
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Conflict(
            "Only an invoice that is finalized and not voided is sent.", code="invoice_not_finalized"
        )
    return queue_mail(
        MailKind.INVOICE.value,
        subject=invoice,
        customer=invoice.customer,
        billing_entity=invoice.billing_entity,
        to=[address_of(invoice.customer)] if to is None else to,
        cc=cc,
        bcc=bcc,
        text=invoice_text(invoice, language=language, note=note),
        attachments=document_files(invoice),
        key=key,
        by=by,
        at=at,
    )


@transaction.atomic
def send_credit_note_mail(
    credit: CreditNote,
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
    """Send an issued credit note, as `send_invoice_mail`. Raises Conflict for a voided one (credit_note_voided)."""
    if credit.status != "finalized":
        raise Conflict("A voided credit note is not sent.", code="credit_note_voided")
    return queue_mail(
        MailKind.CREDIT_NOTE.value,
        subject=credit,
        customer=credit.customer,
        billing_entity=credit.invoice.billing_entity,
        to=[address_of(credit.customer)] if to is None else to,
        cc=cc,
        bcc=bcc,
        text=credit_note_text(credit, language=language, note=note),
        attachments=document_files(credit),
        key=key,
        by=by,
        at=at,
    )


def invoice_text(invoice: Invoice, *, language: str = "", note: str = "") -> MailText:
    """The e-mail with an invoice, in its own language unless another is asked for."""
    return compose(MailKind.INVOICE.value, language or invoice.locale, invoice_facts(invoice, note=note))


def credit_note_text(credit: CreditNote, *, language: str = "", note: str = "") -> MailText:
    """The e-mail with a credit note, in its invoice's language unless another is asked for."""
    facts = credit_note_facts(credit, note=note)
    return compose(MailKind.CREDIT_NOTE.value, language or credit.invoice.locale, facts)
