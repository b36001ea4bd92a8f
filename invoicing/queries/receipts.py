"""Receipts: finding them, what they were for, and how the API shows them."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from billing.rules.ids import encode
from billing.rules.money import from_minor
from invoicing.models import Payment, Receipt, Remittance
from invoicing.queries.shapes_collecting import PaymentReceiptOut, ReceiptItemOut

RECEIVING = ""  # the key of the parts that are made with a transfer: nobody else's, who all have one


def part_key(row: Remittance, key: str) -> str:
    """The key of the payments that one use of a transfer makes."""
    return f"{row.public_id}:{key}"


def received_parts(row: Remittance) -> list[Payment]:
    """What a transfer paid as it came, in the order of payment; what was used of it later is not among it."""
    rows = Payment.objects.filter(remittance=row, key=part_key(row, RECEIVING))
    return list(rows.select_related("invoice__billing_entity").order_by("created_at", "pk"))


def receipt_of(source: Payment | Remittance) -> Receipt | None:
    """The receipt of money that came; a part of a transfer has that of the transfer."""
    rows = Receipt.objects.select_related("billing_entity", "customer")
    if isinstance(source, Remittance):
        return rows.filter(remittance=source).first()
    if source.remittance_id:
        return rows.filter(remittance=source.remittance_id).first()
    return rows.filter(payment=source).first()


def money_behind(payment: Payment) -> Payment | Remittance:
    """What a payment's receipt is of: itself, or the transfer of which it is a part."""
    return payment.remittance or payment


def receipt_payload(row: Receipt) -> PaymentReceiptOut:
    """A receipt. `amountOnAccount` is what was for no invoice when it came."""
    return {
        "id": row.public_id,
        "number": row.number,
        "paymentId": encode("pay", row.payment_id) if row.payment_id else None,
        "remittanceId": encode("rem", row.remittance_id) if row.remittance_id else None,
        "customerId": encode("cust", row.customer_id),
        "billingEntityId": encode("ent", row.billing_entity_id),
        "amount": from_minor(row.amount_minor, row.currency),
        "currency": row.currency,
        "amountOnAccount": from_minor(row.on_account_minor, row.currency),
        "provider": row.provider,
        "reference": row.reference,
        "invoices": [item_payload(item, row.currency) for item in row.items],
        "paidAt": row.paid_at,
        "issuedAt": row.issued_at,
        "pdfUrl": f"{settings.BASE_URL}/api/payment-receipts/{row.public_id}/pdf?download=true",
    }


def item_payload(item: dict[str, Any], currency: str) -> ReceiptItemOut:
    """What a part of the money was for."""
    left = item["left_minor"]
    return {
        "number": item["number"],
        "issuingDate": item["issued_on"],
        "total": from_minor(item["total_minor"], currency),
        "amount": from_minor(item["amount_minor"], currency),
        "amountDue": None if left is None else from_minor(left, currency),
    }
