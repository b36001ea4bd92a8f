"""E-mails with receipts: of themselves where the billing entity wants it, and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from billing.orm.actor import Actor
from invoicing.actions.mail import mails_customers, queue_mail
from invoicing.documents.mails import MailText
from invoicing.models import Mail, MailKind, Receipt
from invoicing.queries.mail_facts import Attachment, address_of, receipt_facts, receipt_files
from invoicing.queries.mail_wordings import written


def wanted(receipt: Receipt) -> bool:
    """Whether it is sent of itself: as its billing entity has it; never from a sandbox."""
    entity, customer = receipt.billing_entity, receipt.customer
    return entity.email_receipts and mails_customers(entity) and bool(address_of(customer))


def mail_issued_receipt(receipt: Receipt, *, by: Actor, at: datetime) -> Mail | None:
    """The e-mail that goes out of itself when money was recorded; once, whatever happens."""
    return send_receipt_mail(receipt, key=f"receipt:{receipt.pk}", by=by, at=at) if wanted(receipt) else None


@transaction.atomic
def send_receipt_mail(
    receipt: Receipt,
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
    """Send a receipt to its customer's address, or to others. `key` makes a repeat harmless. Raises Invalid without
    an address (field to).
    """
    files = receipt_files(receipt)
    return queue_mail(
        MailKind.RECEIPT.value,
        subject=receipt.payment or receipt.remittance,
        customer=receipt.customer,
        billing_entity=receipt.billing_entity,
        to=[address_of(receipt.customer)] if to is None else to,
        cc=cc,
        bcc=bcc,
        text=receipt_text(receipt, files, language=language, note=note),
        attachments=files,
        key=key,
        by=by,
        at=at,
    )


def receipt_text(
    receipt: Receipt, files: Sequence[Attachment], *, language: str = "", note: str = ""
) -> MailText:
    """The e-mail with a receipt, in its own language unless another is asked for."""
    language = language or receipt.locale
    facts = receipt_facts(receipt, language, note=note, files=files)
    return written(MailKind.RECEIPT.value, language, facts, receipt.billing_entity)
