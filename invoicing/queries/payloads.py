"""Invoices, payments and credit notes as the API and webhooks show them: camelCase, money in major units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from pydantic.alias_generators import to_camel

from billing.queries.payloads_catalog import filter_payload
from billing.rules.ids import encode
from billing.rules.money import from_minor
from invoicing.models import CreditNote, Invoice, InvoiceLine, Payment, Refund, WriteOff
from invoicing.queries.shapes import (
    CreditNoteOut,
    InvoiceLineOut,
    InvoiceOut,
    LineEditOut,
    PaymentOut,
    RefundOut,
    WriteOffOut,
)

STEP_NUMBERS = {"amount", "units", "unit_amount", "flat_amount", "rate", "from_value", "to_value"}


def with_parts(rows: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Invoices with everything that their payload needs."""
    return rows.prefetch_related("lines", "tax_rows", "deductions__applied_coupon__coupon", "periods")


def invoice_payload(row: Invoice) -> InvoiceOut:
    """One invoice; expects `with_parts`. `amount` is before tax, `total` what was asked for."""
    currency = row.currency
    deductions = list(row.deductions.all())
    lines = list(row.lines.all())
    subscriptions = {period.subscription_id for period in row.periods.all()}
    if row.voided_invoice_id:  # it has no periods of its own
        subscriptions |= {line.subscription_id for line in lines if line.subscription_id}
    return {
        "id": row.public_id,
        "number": row.number or None,
        "status": row.status,
        "paymentStatus": "written_off" if row.written_off_minor else row.payment_status,
        "type": row.type,
        "customerId": encode("cust", row.customer_id),
        "customerName": row.customer_name,
        "billingEntityId": encode("ent", row.billing_entity_id),
        "subscriptionIds": sorted(encode("sub", key) for key in subscriptions),
        "currency": currency,
        "issuingDate": row.issuing_on,
        "dueDate": row.due_on,
        "periodStart": row.period_start,
        "periodEnd": row.period_end,
        "amount": from_minor(row.subtotal_minor, currency),
        "progressiveBillingCredit": from_minor(row.progressive_minor, currency),
        "taxAmount": from_minor(row.taxes_minor, currency),
        "total": from_minor(row.total_minor, currency),
        "amountPaid": from_minor(row.received_minor, currency),
        "amountOffset": from_minor(row.offset_minor, currency),
        "amountWrittenOff": from_minor(row.written_off_minor, currency),
        "amountDue": from_minor(row.due_minor, currency),
        "lines": [line_payload(line, currency) for line in lines],
        "taxes": [
            {
                "code": tax.code,
                "name": tax.name,
                "rate": plain(tax.rate),
                "baseAmount": from_minor(tax.base_minor, currency),
                "amount": from_minor(tax.amount_minor, currency),
            }
            for tax in row.tax_rows.all()
        ],
        "coupons": [
            {
                "appliedCouponId": item.applied_coupon.public_id,
                "code": item.applied_coupon.coupon.code,
                "name": item.label,
                "amount": from_minor(item.amount_minor, currency),
            }
            for item in deductions
            if item.applied_coupon is not None
        ],
        "creditNotes": [
            {
                "id": encode("cn", item.credit_note_id),
                "number": item.label,
                "amount": from_minor(item.amount_minor, currency),
            }
            for item in deductions
            if item.credit_note_id is not None
        ],
        "walletCredits": from_minor(row.wallet_credits_minor, currency),
        "purchaseOrder": row.purchase_order or None,
        "notes": row.notes,
        "customFields": row.custom_fields,
        "metadata": row.metadata,
        "voidedInvoiceId": encode("inv", row.voided_invoice_id) if row.voided_invoice_id else None,
        "finalizeAt": row.finalize_at,
        "dispute": {
            "status": row.dispute,
            "reason": row.dispute_reason,
            "disputedAt": row.disputed_at,
            "endedAt": row.dispute_ended_at,
        }
        if row.dispute
        else None,
        "pdfUrl": pdf_url(row),
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "finalizedAt": row.finalized_at,
        "paidAt": row.paid_at,
        "voidedAt": row.voided_at,
    }


def line_payload(line: InvoiceLine, currency: str) -> InvoiceLineOut:
    """One line; `unitAmount` is exact, `amount` rounded to the currency."""
    return {
        "id": line.public_id,
        "description": line.description,
        "type": line.kind,
        "subscriptionId": encode("sub", line.subscription_id) if line.subscription_id else None,
        "chargeId": encode("chg", line.charge_id) if line.charge_id else None,
        "addOnId": encode("add", line.add_on_id) if line.add_on_id else None,
        "units": line.units,
        "unitAmount": line.unit_amount,
        "amount": from_minor(line.amount_minor, currency),
        "progressiveAmount": from_minor(line.progressive_minor, currency),
        "couponAmount": line.coupon_minor * from_minor(1, currency),
        "taxRate": plain(line.tax_rate),
        "taxAmount": from_minor(line.tax_minor, currency),
        "eventsCount": line.events_count,
        "filter": filter_payload(line.charge_filter),
        "groupedBy": line.charge_group,
        "from": line.period_start,
        "to": line.period_end,
        "steps": [step_payload(step) for step in line.steps],
        "edited": edited_payload(line, currency),
    }


def edited_payload(line: InvoiceLine, currency: str) -> LineEditOut | None:
    """What a line that was changed by hand would be without; None where nobody did."""
    before = line.edited
    if before is None:
        return None
    if "amount_minor" not in before:
        return {"added": True}
    return {
        "added": bool(before.get("added")),
        "description": before["description"],
        "units": Decimal(before["units"]),
        "unitAmount": Decimal(before["unit_amount"]),
        "amount": from_minor(before["amount_minor"], currency),
    }


def step_payload(step: dict[str, Any]) -> dict[str, Any]:
    """A step of the calculation: its decimals as numbers."""
    return {to_camel(name): Decimal(value) if name in STEP_NUMBERS else value for name, value in step.items()}


def pdf_url(row: Invoice) -> str | None:
    """Where the API serves the document's bytes to whoever has a key; None for a draft. One that was issued just now
    has the address already: its PDF is made in a moment.
    """
    return f"{settings.BASE_URL}/api/invoices/{row.public_id}/pdf?download=true" if row.number else None


def payment_payload(row: Payment) -> PaymentOut:
    """One payment."""
    return {
        "id": row.public_id,
        "invoiceId": encode("inv", row.invoice_id),
        "customerId": encode("cust", row.customer_id),
        "amount": from_minor(row.amount_minor, row.currency),
        "currency": row.currency,
        "status": row.status,
        "provider": row.provider,
        "reference": row.reference,
        "refundedAmount": from_minor(row.refunded_minor, row.currency),
        "pendingRefundAmount": from_minor(row.refunding_minor, row.currency),
        "remittanceId": encode("rem", row.remittance_id) if row.remittance_id else None,
        "paidAt": row.paid_at,
        "createdAt": row.created_at,
    }


def refund_payload(row: Refund) -> RefundOut:
    """Money given back."""
    return {
        "id": row.public_id,
        "paymentId": encode("pay", row.payment_id) if row.payment_id else None,
        "remittanceId": encode("rem", row.remittance_id) if row.remittance_id else None,
        "creditNoteId": encode("cn", row.credit_note_id) if row.credit_note_id else None,
        "amount": from_minor(row.amount_minor, row.currency),
        "currency": row.currency,
        "status": row.status,
        "reason": row.reason,
        "reference": row.reference,
        "throughProvider": row.account_id is not None,
        "failureReason": row.failure or None,
        "refundedAt": row.refunded_at,
    }


def refund_status(row: CreditNote) -> str | None:
    """How far what a credit note gives back has gone: succeeded, pending, failed; None where there is nothing."""
    if not row.refund_minor:
        return None
    refunds = row.refunds.all()
    if sum(refund.amount_minor for refund in refunds if refund.status == "successful") >= row.refund_minor:
        return "succeeded"
    return "pending" if any(refund.status == "pending" for refund in refunds) else "failed"


def credit_note_payload(row: CreditNote) -> CreditNoteOut:
    """One credit note; `balance` is what later invoices can still take. Reads its refunds."""
    currency = row.currency
    return {
        "id": row.public_id,
        "number": row.number,
        "status": row.status,
        "reason": row.reason,
        "description": row.description,
        "invoiceId": encode("inv", row.invoice_id),
        "customerId": encode("cust", row.customer_id),
        "customerName": row.customer_name,
        "currency": currency,
        "issuingDate": row.issuing_on,
        "items": [
            {
                "description": item["description"],
                "lineId": encode("line", UUID(item["line"])),
                "amount": from_minor(item["amount_minor"], currency),
                "taxAmount": from_minor(item["tax_minor"], currency) if "tax_minor" in item else None,
            }
            for item in row.items
        ],
        "taxes": [
            {
                "code": tax["code"],
                "name": tax["name"],
                "rate": Decimal(tax["rate"]),
                "baseAmount": from_minor(tax["base_minor"], currency),
                "amount": from_minor(tax["amount_minor"], currency),
            }
            for tax in row.taxes
        ],
        "amount": from_minor(row.net_minor, currency),
        "taxAmount": from_minor(row.tax_minor, currency),
        "total": from_minor(row.total_minor, currency),
        "refundAmount": from_minor(row.refund_minor, currency),
        "refundStatus": refund_status(row),
        "offsetAmount": from_minor(row.offset_minor, currency),
        "creditAmount": from_minor(row.credit_minor, currency),
        "balance": from_minor(row.balance_minor, currency),
        "withdrawnAmount": from_minor(row.withdrawn_minor, currency),
        "createdAt": row.created_at,
        "voidedAt": row.voided_at,
    }


def plain(value: Decimal) -> Decimal:
    """A rate without the padding of its column: 20.0000 is 20."""
    text = f"{value:f}"
    return Decimal(text.rstrip("0").rstrip(".") or "0") if "." in text else value


def write_off_payload(row: WriteOff) -> WriteOffOut:
    """What was given up of an invoice."""
    return {
        "id": row.public_id,
        "invoiceId": encode("inv", row.invoice_id),
        "amount": from_minor(row.amount_minor, row.currency),
        "currency": row.currency,
        "kind": row.kind,
        "reason": row.reason,
        "writtenOffAt": row.written_off_at,
        "undoneAt": row.undone_at,
    }
