"""Issuing: a computed invoice gets its dates, parties and number, and its PDF follows in a worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from billing.actions import audit, later
from billing.actions.webhooks import heard
from billing.orm.actor import Actor
from billing.orm.writing import inserted, stored, write
from billing.rules.periods import local_date
from billing.rules.states import move
from invoicing.actions.announcing import announce
from invoicing.actions.collecting import collect_issued
from invoicing.actions.draft import payment_term
from invoicing.actions.numbers import number_invoice
from invoicing.models import Invoice, InvoiceSeal, PdfState
from invoicing.queries.frozen import frozen_parts
from invoicing.queries.parties import buyer, own_fields, seller
from invoicing.rules.seal import fingerprints, sealed
from invoicing.rules.states import INVOICE_MOVES, InvoiceStatus, PaymentStatus


def issue(invoice: Invoice, customer: Any, *, by: Actor, at: datetime) -> Invoice:
    """Freeze a computed draft: dates, parties, number, payment status; the PDF follows in a worker."""
    move(INVOICE_MOVES, InvoiceStatus(invoice.status), InvoiceStatus.FINALIZED)
    invoice.status = InvoiceStatus.FINALIZED.value
    invoice.finalized_at = at
    invoice.finalize_at = None
    invoice.issuing_on = local_date(at, invoice.timezone)
    invoice.net_payment_term_days = payment_term(customer)
    if invoice.due_on is None:
        invoice.due_on = invoice.issuing_on + timedelta(days=invoice.net_payment_term_days)
    invoice.customer_name = customer.display_name
    invoice.locale = customer.locale or invoice.billing_entity.locale
    invoice.seller = seller(invoice.billing_entity)
    invoice.buyer = buyer(customer)
    invoice.custom_fields = own_fields(customer, invoice.locale)
    if not invoice.total_minor:
        invoice.payment_status = PaymentStatus.PAID.value
        invoice.paid_at = at
    invoice.pdf_state = PdfState.PENDING.value
    parts = frozen_parts(invoice)
    document = parts.pop("document")
    # What can be done before the number is, since that holds up the others of its series.
    prints = fingerprints(parts)
    told = heard(invoice.organization_id, names_of(invoice))
    invoice.number = number_invoice(invoice, customer, at)
    prints |= fingerprints({"document": document | {"number": invoice.number}})
    entry = audit.entry(
        invoice.organization,
        "invoice.finalized",
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes={"number": ("", invoice.number), "total_minor": (None, invoice.total_minor)},
    )
    job = later.first_job(
        invoice.organization,
        "invoicing.publish",
        key=f"pdf:{invoice.pk}",
        label=f"PDF of {invoice.number}",
        subject_id=invoice.pk,
    )
    write(stored(invoice), inserted([seal_of(invoice, prints)]), inserted([entry]), inserted([job]))
    if told:
        announce(invoice, *told, at=at)
    collect_issued(invoice, customer)
    return invoice


def names_of(invoice: Invoice) -> list[str]:
    """What issuing means for other systems. One that was a draft before has been told of as created."""
    created = ["invoice.created"] if invoice._state.adding else []
    return [*created, "invoice.finalized", *([] if invoice.total_minor else ["invoice.paid"])]


def seal_of(invoice: Invoice, prints: dict[str, str]) -> InvoiceSeal:
    """The fingerprint of what the amounts are made of, from those of its parts."""
    made = sealed(prints)
    return InvoiceSeal(
        organization_id=invoice.organization_id,
        invoice=invoice,
        version=made.version,
        sha256=made.sha256,
        parts=made.parts,
    )
