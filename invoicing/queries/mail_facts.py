"""What e-mails about our documents tell, and where they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from billing.models import BillingEntity
from billing.rules.periods import local_date
from invoicing.documents.clean import clean
from invoicing.documents.languages import WORDS
from invoicing.documents.mails import MailFacts, OpenInvoice
from invoicing.models import CreditNote, Document, Invoice, Mail, MailKind, Receipt
from invoicing.queries.document import party
from invoicing.queries.e_invoice import e_invoice, missing_of
from invoicing.queries.parties import seller as seller_now
from invoicing.queries.shapes_collecting import MailOut
from invoicing.rules.addresses import SHAPE

Attachment = dict[str, str]


def address_of(customer: Any) -> str:
    """Where invoices go: the e-invoice address of a customer that prefers it, else its e-mail."""
    return str((customer.prefer_einvoice and customer.einvoice_email) or customer.email)


def addresses_of(customer: Any) -> list[str]:
    """All that we know of a customer, the one for invoices first."""
    found = [address_of(customer), customer.email, customer.einvoice_email]
    return list(dict.fromkeys(address for address in found if address and SHAPE.fullmatch(address)))


def sender(entity: BillingEntity, language: str, frozen: dict[str, str] | None = None) -> dict[str, Any]:
    """The parts of `MailFacts` that are the seller's, as a document has frozen them, else as they are: name, address
    in the mail's language, colour; the logo is today's.
    """
    facts = frozen or seller_now(entity)
    printed = party(facts, language, legal=True)
    return {
        "seller": printed.name,
        "signature": tuple(line for line in (*printed.address, facts.get("tax_id", "")) if line),
        "accent": facts.get("brand_color") or entity.brand_color,
        "has_logo": bool(entity.logo),
    }


def invoice_facts(
    invoice: Invoice,
    language: str,
    *,
    note: str = "",
    link: str = "",
    pays: bool = False,
    files: Sequence[Attachment] = (),
) -> MailFacts:
    """An issued invoice."""
    left = invoice.due_minor
    return MailFacts(
        **sender(invoice.billing_entity, language, invoice.seller),
        customer=clean(invoice.customer_name, 200),
        number=invoice.number,
        currency=invoice.currency,
        amount_minor=invoice.total_minor,
        open_minor=left if left != invoice.total_minor or not left else None,
        issued_on=invoice.issuing_on,
        due_on=invoice.due_on,
        note=note,
        link=link,
        pays=pays,
        files=file_names(files, invoice.number),
    )


def reminder_facts(
    invoice: Invoice, language: str, *, days: int, link: str = "", files: Sequence[Attachment] = ()
) -> MailFacts:
    """An issued invoice that is called to mind: what is open, `days` after its due date (below zero: before it), and
    where it is paid online, if it can be.
    """
    return replace(
        invoice_facts(invoice, language, link=link, pays=bool(link), files=files),
        amount_minor=invoice.due_minor,
        open_minor=None,
        days=days,
    )


def credit_note_facts(
    credit: CreditNote, language: str, *, note: str = "", files: Sequence[Attachment] = ()
) -> MailFacts:
    """An issued credit note."""
    return MailFacts(
        **sender(credit.invoice.billing_entity, language, credit.invoice.seller),
        customer=clean(credit.customer_name, 200),
        number=credit.number,
        currency=credit.currency,
        amount_minor=credit.total_minor,
        issued_on=credit.issuing_on,
        about=credit.invoice.number,
        note=note,
        files=file_names(files, credit.number),
    )


def receipt_facts(
    receipt: Receipt, language: str, *, note: str = "", files: Sequence[Attachment] = ()
) -> MailFacts:
    """The receipt of money that came."""
    return MailFacts(
        **sender(receipt.billing_entity, language, receipt.seller),
        customer=clean(receipt.customer_name, 200),
        number=receipt.number,
        currency=receipt.currency,
        amount_minor=receipt.amount_minor,
        paid_on=local_date(receipt.paid_at, receipt.timezone),
        invoices=tuple(OpenInvoice(item["number"], item["amount_minor"]) for item in receipt.items),
        note=note,
        files=file_names(files, receipt.number),
    )


def document_facts(
    row: Document, language: str, *, note: str = "", files: Sequence[Attachment] = ()
) -> MailFacts:
    """An issued document, whichever it is."""
    if isinstance(row, Receipt):
        return receipt_facts(row, language, note=note, files=files)
    if isinstance(row, CreditNote):
        return credit_note_facts(row, language, note=note, files=files)
    return invoice_facts(row, language, note=note, files=files)


def kind_of(row: Document) -> str:
    """The kind of e-mail that carries a document, which its files are called by as well."""
    if isinstance(row, Receipt):
        return MailKind.RECEIPT.value
    return MailKind.CREDIT_NOTE.value if isinstance(row, CreditNote) else MailKind.INVOICE.value


def letterhead_of(row: Document) -> Invoice | Receipt:
    """The document that says who sends it and in which language: a credit note goes as its invoice did."""
    return row.invoice if isinstance(row, CreditNote) else row


def document_files(row: Document) -> list[Attachment]:
    """What an e-mail with a document carries: its PDF, and for a customer that prefers e-invoices the UBL of what is
    one, unless something is missing for that.
    """
    of = kind_of(row)
    files = [{"of": of, "id": row.pk.hex, "form": "pdf"}]
    if isinstance(row, Receipt) or not row.customer.prefer_einvoice:
        return files
    if not missing_of(row, e_invoice(row)):
        files.append({"of": of, "id": row.pk.hex, "form": "ubl"})
    return files


def file_names(files: Sequence[Attachment], number: str) -> tuple[str, ...]:
    """What the files of one document are called."""
    return tuple(f"{number}.{'pdf' if item['form'] == 'pdf' else 'xml'}" for item in files)


def mail_languages() -> list[str]:
    """The codes of the languages that mails have words in."""
    return list(WORDS)


def mail_payload(mail: Mail) -> MailOut:
    """An e-mail as the API shows it."""
    return {
        "id": mail.public_id,
        "kind": mail.kind,
        "status": mail.state,
        "to": mail.to,
        "cc": mail.cc,
        "bcc": mail.bcc,
        "language": mail.language,
        "subject": mail.subject,
        "attempts": mail.attempts,
        "error": mail.error,
        "sentAt": mail.sent_at,
        "createdAt": mail.created_at,
    }
