"""Narrowing lists of invoices and payments by the words that people and other systems use for their states."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from django.db.models import QuerySet

from invoicing.models import Refund
from invoicing.rules.states import VISIBLE, InvoiceStatus, PaymentState, PaymentStatus

INVOICE_WORDS = {
    "final": "finalized",
    "issued": "finalized",
    "void": "voided",
    "canceled": "voided",
    "cancelled": "voided",
    "open": "unpaid",
    "pending": "unpaid",
    "outstanding": "unpaid",
    "succeeded": "paid",
    "settled": "paid",
    "past_due": "overdue",
    "uncollectible": "written_off",
    "in_dispute": "disputed",
    "failed": "payment_failed",
}
PAYMENT_WORDS = {"succeeded": "successful", "success": "successful", "paid": "successful", "error": "failed"}
Rows = TypeVar("Rows", bound=QuerySet[Any])
VISIBLE_STATUSES = [status.value for status in VISIBLE]


def visible(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Without the records of periods in which there was nothing to bill."""
    return rows.filter(status__in=VISIBLE_STATUSES)


def invoices_with_status(rows: Any, word: str, on: date) -> Any:
    """Invoices in a state, in any case and spelling; paid, unpaid, overdue, disputed, written_off, partially_paid and
    failed (or payment_failed: the last try was refused) are states of payment. An unknown word finds nothing.
    """
    name = word.strip().lower().replace("-", "_").replace(" ", "_")
    name = INVOICE_WORDS.get(name, name)
    if name in {status.value for status in InvoiceStatus}:
        return rows.filter(status=name)
    if name == "unpaid":
        return rows.unpaid()
    if name == "overdue":
        return rows.overdue(on)
    if name == "disputed":
        return rows.disputed()
    if name == "written_off":
        return rows.finalized().filter(written_off_minor__gt=0)
    if name == PaymentStatus.PAID.value:
        return rows.finalized().filter(payment_status=name, written_off_minor=0)
    if name == PaymentStatus.PARTIALLY_PAID.value:
        return rows.finalized().filter(payment_status=name)
    if name == "payment_failed":
        return rows.finalized().filter(payment_status=PaymentStatus.FAILED.value)
    return rows.none()


def payments_with_status(rows: Rows, word: str) -> Rows:
    """Payments in a state, in any case and spelling; refunded are those of which anything went back, refunding those
    of which something is on its way, refund_failed those of which a refund has failed. An unknown word finds nothing.
    """
    name = word.strip().lower()
    name = PAYMENT_WORDS.get(name, name)
    if name == PaymentState.REFUNDED.value:
        return rows.filter(refunded_minor__gt=0)
    if name == "refunding":
        return rows.filter(refunding_minor__gt=0)
    if name == "refund_failed":
        return rows.filter(pk__in=Refund.objects.filter(status="failed").values("payment"))
    return rows.filter(status=name) if name in {state.value for state in PaymentState} else rows.none()
