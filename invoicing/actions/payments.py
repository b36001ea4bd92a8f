"""Payments received: recorded once, never more than is due; the last cent makes the invoice paid."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.wallets import settle_debt, settle_purchase
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.money import from_minor
from invoicing.actions.announcing import announce
from invoicing.actions.draft import lock_invoice
from invoicing.actions.past_due import follow_debts
from invoicing.actions.receipts import issue_receipt
from invoicing.models import Invoice, Payment, Remittance
from invoicing.queries.payloads import payment_payload
from invoicing.rules.states import InvoiceStatus, PaymentStatus, payment_status

MOST_KEY = 200


@transaction.atomic
def record_payment(
    invoice: Invoice,
    *,
    amount_minor: int | None = None,
    paid_at: datetime | None = None,
    reference: str = "",
    provider: str = "manual",
    remittance: Remittance | None = None,
    key: str,
    by: Actor,
    at: datetime,
) -> Payment:
    """Money received for a finalised invoice, in minor units (None: everything that is due).

    `key` makes a repeat harmless: the same payment comes back; another amount under the same key is a
    Conflict. Raises Invalid for an invoice that is not finalised, is paid already, or for more than is due.
    Paying prepaid credits, or what was owed on a wallet, in full books it on the wallet; when that
    has ended in between, the money is recorded all the same and the history says that no credits came of it.
    `remittance`: the transfer of which it is a part: `remittances.py` counts what it has used, and gives the receipt.
    """
    if len(key) > MOST_KEY:
        raise Invalid(f"A key has at most {MOST_KEY} characters.", field="key")
    customer = lock_customer_of(invoice)
    invoice = lock_invoice(invoice)
    found = Payment.objects.filter(invoice=invoice, key=key).first()
    if found is not None:
        if amount_minor not in (None, found.amount_minor):
            raise Conflict(
                "Another payment was recorded under this key.", code="payment_key_used", field="key"
            )
        return found
    amount = check_amount(invoice, amount_minor)
    payment = Payment.objects.create(
        organization=invoice.organization,
        invoice=invoice,
        customer=customer,
        remittance=remittance,
        amount_minor=amount,
        currency=invoice.currency,
        provider=provider,
        reference=reference.strip()[:100],
        paid_at=paid_at or at,
        key=key,
    )
    before = audit.snapshot(invoice, ["paid_minor", "payment_status"])
    invoice.paid_minor += amount
    invoice.payment_status = payment_status(invoice.total_minor, invoice.paid_minor).value
    if invoice.payment_status == PaymentStatus.PAID.value:
        invoice.paid_at = payment.paid_at
    invoice.save(update_fields=["paid_minor", "payment_status", "paid_at", "updated_at"])
    notes = [payment.reference]
    if invoice.paid_at and invoice.wallet:
        try:
            if invoice.wallet_credits:
                settle_purchase(invoice.wallet, invoice.wallet_credits, invoice=invoice, by=by, at=at)
            else:
                settle_debt(invoice.wallet, invoice.total_minor, invoice=invoice, by=by, at=at)
        except Conflict:  # money that came in is a fact, whatever has become of the wallet
            notes.append("The wallet has ended, no credits were booked.")
    audit.record(
        invoice.organization,
        "payment.recorded",
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes=audit.differences(before, invoice),
        reason=". ".join(filter(None, notes)),
    )
    emit(invoice.organization, "payment.successful", payment, payment_payload(payment), at=at)
    if invoice.payment_status == PaymentStatus.PAID.value:
        announce(invoice, "invoice.paid", at=at)
        follow_debts(customer, by=by, at=at)
    if remittance is None:
        payment.invoice = invoice
        issue_receipt(payment, customer, at=at)
    return payment


def check_amount(invoice: Invoice, amount_minor: int | None) -> int:
    """The amount to record, or the reason why none can be."""
    if invoice.status != InvoiceStatus.FINALIZED.value:
        raise Invalid(
            f"This invoice is {invoice.status}: only a finalised one can be paid.",
            code="invoice_not_finalized",
        )
    if invoice.written_off_minor:
        raise Invalid(
            "The rest of this invoice was written off. Undo that first, then record the payment.",
            code="invoice_written_off",
        )
    if not invoice.due_minor:
        raise Invalid("This invoice is paid already.", code="invoice_paid")
    if amount_minor is None:
        return invoice.due_minor
    if amount_minor <= 0:
        raise Invalid("Must be more than 0.", field="amount")
    if amount_minor > invoice.due_minor:
        due = from_minor(invoice.due_minor, invoice.currency)
        raise Invalid(f"Only {due:f} {invoice.currency} is due.", code="more_than_due", field="amount")
    return amount_minor
