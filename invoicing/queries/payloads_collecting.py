"""What is collected, as the API and webhooks show it: camelCase, money in major units."""

from __future__ import annotations

from typing import Any

from billing.rules.ids import encode
from billing.rules.money import from_minor
from invoicing.models import Payment, Remittance, RemittanceReturn
from invoicing.queries.payloads import payment_payload, refund_payload
from invoicing.queries.shapes_collecting import RemittanceOut, RemittanceReturnOut


def remittance_payload(row: Remittance) -> RemittanceOut:
    """One transfer with the payments that it was split into. `amountOnAccount` is what is left of it, `refunds` what
    a provider was asked to send back of that.
    """
    return {
        "id": row.public_id,
        "customerId": encode("cust", row.customer_id),
        "amount": from_minor(row.amount_minor, row.currency),
        "currency": row.currency,
        "amountApplied": from_minor(row.applied_minor, row.currency),
        "amountGivenBack": from_minor(row.returned_minor, row.currency),
        "pendingRefundAmount": from_minor(row.refunding_minor, row.currency),
        "amountOnAccount": from_minor(row.left_minor, row.currency),
        "provider": row.provider,
        "reference": row.reference,
        "payments": [payment_payload(part) for part in sorted(row.payments.all(), key=made)],
        "givenBack": [return_payload(item) for item in row.returns.all()],
        "refunds": [refund_payload(item) for item in row.refunds.all()],
        "paidAt": row.paid_at,
        "createdAt": row.created_at,
    }


def made(row: Payment) -> tuple[Any, ...]:
    """The order in which parts were made."""
    return row.created_at, row.pk


def return_payload(row: RemittanceReturn) -> RemittanceReturnOut:
    """Money on account that went back."""
    return {
        "id": row.public_id,
        "amount": from_minor(row.amount_minor, row.currency),
        "currency": row.currency,
        "reason": row.reason,
        "reference": row.reference,
        "returnedAt": row.returned_at,
    }
