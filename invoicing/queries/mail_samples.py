"""What an e-mail of a kind would tell about a real invoice, for a preview and for a trial to oneself."""

from __future__ import annotations

from dataclasses import replace

from billing.models import BillingEntity
from invoicing.documents.clean import clean
from invoicing.documents.mails import MailFacts, MailTemplate, MailText, OpenInvoice, compose
from invoicing.models import CreditNote, Invoice
from invoicing.queries.mail_facts import (
    credit_note_facts,
    document_files,
    invoice_facts,
    reminder_facts,
    sender,
)
from invoicing.queries.pay_links import pay_link

MOST_SAMPLES = 20
USUAL_DAYS = {"reminder_early": -3, "reminder": 7}


def samples(entity: BillingEntity, form: str) -> list[Invoice]:
    """The latest issued invoices of a billing entity, those to choose from; where payment is asked for, those that
    are not paid, if there are any.
    """
    rows = Invoice.objects.of(entity.organization_id).filter(billing_entity=entity)
    rows = rows.select_related("customer", "billing_entity")
    unpaid = list(rows.unpaid()[:MOST_SAMPLES]) if form in (*USUAL_DAYS, "payment_request") else []
    return unpaid or list(rows.finalized()[:MOST_SAMPLES])


def sample_facts(form: str, invoice: Invoice, language: str) -> MailFacts:
    """The facts of one kind of e-mail from an invoice; a credit note is one of its own where it has one."""
    if form in USUAL_DAYS:
        days = reminders_of(invoice.billing_entity, form)[0]
        return reminder_facts(
            invoice, language, days=days, link=pay_link(invoice), files=document_files(invoice)
        )
    if form == "credit_note":
        note = CreditNote.objects.filter(invoice=invoice).order_by("-created_at").first()
        if note is not None:
            return credit_note_facts(note, language, files=document_files(note))
        return replace(of_invoice(invoice, language), about=invoice.number)
    if form == "receipt":
        return replace(of_invoice(invoice, language), paid_on=invoice.due_on or invoice.issuing_on)
    if form == "payment_request":
        row = OpenInvoice(invoice.number, invoice.total_minor, invoice.due_on)
        return replace(of_invoice(invoice, language), number="", issued_on=None, due_on=None, invoices=(row,))
    if form == "payment_failed":
        return replace(of_invoice(invoice, language), due_on=invoice.due_on)
    return invoice_facts(invoice, language, files=document_files(invoice))


def sample_text(form: str, language: str, invoice: Invoice, words: MailTemplate | None) -> MailText:
    """The e-mail about an invoice in these words."""
    return compose(kind_of(form), language, sample_facts(form, invoice, language), words)


def of_invoice(invoice: Invoice, language: str) -> MailFacts:
    """Whom it is for, what it is about and how much."""
    return MailFacts(
        **sender(invoice.billing_entity, language, invoice.seller),
        customer=clean(invoice.customer_name, 200),
        number=invoice.number,
        currency=invoice.currency,
        amount_minor=invoice.total_minor,
        issued_on=invoice.issuing_on,
    )


def reminders_of(entity: BillingEntity, form: str) -> list[int]:
    """The days of the entity's reminders of a form, or what is usual."""
    early = form == "reminder_early"
    return [day for day in entity.reminder_days if (day < 0) == early] or [USUAL_DAYS[form]]


def kind_of(form: str) -> str:
    """The kind of e-mail that a form belongs to."""
    return "reminder" if form in USUAL_DAYS else form
