"""Receipts: one for each payment, and one for each transfer with all invoices that it paid.

A receipt is issued in the transaction that records the money, as the last thing that locks: so there is no payment
without one, no number is skipped, and a repeat finds the first. Money that was recorded before there were receipts
gets its own when somebody asks for it, from the same counter.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import transaction

from billing.actions import later
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.models import BillingEntity
from invoicing.actions.mail_documents import receipt_wanted
from invoicing.actions.numbers import number_receipt
from invoicing.models import Invoice, Payment, PdfState, Receipt, Remittance
from invoicing.queries.parties import buyer, seller
from invoicing.queries.receipts import receipt_of, receipt_payload, received_parts

PUBLISH = "invoicing.publish_receipt"


@transaction.atomic
def ensure_receipt(source: Payment | Remittance, *, at: datetime) -> Receipt:
    """The receipt of money that came; issued now for money of old. Twice is once."""
    found = receipt_of(source)
    if found is not None:
        return found
    customer = lock_customer_of(source)
    return receipt_of(source) or issue_receipt(source, customer, fresh=False, at=at)


def issue_receipt(
    source: Payment | Remittance, customer: Any, *, at: datetime, fresh: bool = True
) -> Receipt:
    """Number and freeze the receipt of money that was recorded in this transaction, its customer locked. Not `fresh`:
    it was recorded long ago, and nobody knows what was due then.
    """
    parts = [source] if isinstance(source, Payment) else received_parts(source)
    invoices = [part.invoice for part in parts]
    entity = issuer_of(customer, invoices)
    left = source.amount_minor - sum(part.amount_minor for part in parts)
    receipt = Receipt(
        organization=source.organization,
        billing_entity=entity,
        customer=customer,
        issued_at=at,
        timezone=entity.timezone,
        locale=invoices[0].locale if len(invoices) == 1 else customer.locale or entity.locale,
        currency=source.currency,
        amount_minor=source.amount_minor,
        on_account_minor=left,
        items=[item_of(part, fresh=fresh) for part in parts],
        provider=source.provider,
        reference=source.reference,
        paid_at=source.paid_at,
        customer_name=customer.display_name,
        seller=seller(entity),
        buyer=buyer(customer),
    )
    if isinstance(source, Payment):
        receipt.payment = source
    else:
        receipt.remittance = source
    mails = fresh and receipt_wanted(receipt)
    if mails:
        receipt.pdf_state = PdfState.PENDING
    receipt.number = number_receipt(receipt, at)
    receipt.save(force_insert=True)
    emit(receipt.organization, "payment_receipt.created", receipt, receipt_payload(receipt), at=at)
    if mails:  # else it is printed once somebody wants to see it
        later.enqueue(
            receipt.organization,
            PUBLISH,
            key=f"receiptpdf:{receipt.pk}",
            label=f"PDF of {receipt.number}",
            subject_id=receipt.pk,
            first=True,
        )
    return receipt


def issuer_of(customer: Any, invoices: list[Invoice]) -> BillingEntity:
    """Who gives the receipt: the issuer of the invoices, the customer's own where they have several or none."""
    issuers = {invoice.billing_entity_id: invoice for invoice in invoices}
    entity: BillingEntity = invoices[0].billing_entity if len(issuers) == 1 else customer.billing_entity
    return entity


def item_of(part: Payment, *, fresh: bool) -> dict[str, Any]:
    """What a part of the money was for."""
    invoice = part.invoice
    on: date | None = invoice.issuing_on
    return {
        "number": invoice.number,
        "issued_on": on.isoformat() if on else None,
        "total_minor": invoice.total_minor,
        "amount_minor": part.amount_minor,
        "left_minor": invoice.due_minor if fresh else None,
    }
