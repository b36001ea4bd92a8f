"""Sending an issued invoice: once, when its PDF is there, where customer or billing entity want it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import transaction

from billing.actions import audit, later
from billing.models import AuditEntry, Job
from billing.orm.actor import Actor
from billing.rules.money import from_minor
from invoicing.documents.labels import labels
from invoicing.models import Invoice
from invoicing.rules.states import InvoiceStatus

SENT = "invoice.sent"


def address_of(invoice: Invoice) -> str:
    """Where invoices go: the e-invoice address of a customer that prefers it, else its e-mail."""
    customer = invoice.customer
    return str((customer.prefer_einvoice and customer.einvoice_email) or customer.email)


def wanted(invoice: Invoice) -> bool:
    """Whether it is sent of itself: as its customer, else its billing entity, has it; never from a sandbox."""
    if invoice.organization.sandbox:
        return False
    own = invoice.customer.email_invoices
    return bool(invoice.billing_entity.email_invoices if own is None else own) and bool(address_of(invoice))


@transaction.atomic
def ask_for_mail(invoice: Invoice) -> Job | None:
    """Have a wanted mail sent by a worker."""
    if not wanted(invoice) or sent(invoice):
        return None
    label = f"E-mail with {invoice.number}"
    return later.enqueue(
        invoice.organization,
        "invoicing.mail",
        key=f"mail:{invoice.pk}",
        label=label,
        subject_id=invoice.pk,
    )


def sent(invoice: Invoice) -> bool:
    """Whether it has been sent: the audit trail says so."""
    return AuditEntry.objects.of(invoice.organization).filter(subject_id=invoice.pk, action=SENT).exists()


def send_invoice(invoice_id: UUID, *, by: Actor, at: datetime) -> None:
    """Send the PDF in the document's language. Nothing happens the second time, or once it is voided."""
    rows = Invoice.objects.select_related("organization", "billing_entity", "customer")
    invoice = rows.get(pk=invoice_id)
    address = address_of(invoice)
    copy = invoice.current_copy
    ready = invoice.status == InvoiceStatus.FINALIZED.value and copy.ready
    if not ready or not address or sent(invoice):
        return
    words = labels(invoice.locale)
    seller = invoice.seller.get("legal_name") or invoice.seller.get("name", "")
    amount = f"{from_minor(invoice.total_minor, invoice.currency):f} {invoice.currency}"
    message = EmailMessage(
        " ".join(f"{words['invoice']} {invoice.number}, {seller}".split()),
        f"{words['mail']}\n\n{words['number']}: {invoice.number}\n{words['total']}: {amount}\n"
        f"{words['due']}: {invoice.due_on}\n\n{seller}\n",
        to=[address],
        reply_to=[invoice.billing_entity.email] if invoice.billing_entity.email else [],
    )
    with copy.file.open("rb") as file:
        message.attach(f"{invoice.number}.pdf", file.read(), "application/pdf")
    message.send()
    audit.record(
        invoice.organization,
        SENT,
        invoice,
        by=by,
        at=at,
        customer=invoice.customer,
        changes={"to": ("", address)},
    )
