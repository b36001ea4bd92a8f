"""The lives of an invoice and of its payment.

Example: a draft becomes finalized, a finalized invoice may be voided, a voided one stays voided.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class InvoiceStatus(StrEnum):
    """Where an invoice stands. `closed` is an invoice over nothing that was not issued."""

    GENERATING = "generating"
    DRAFT = "draft"
    PENDING = "pending"
    FINALIZED = "finalized"
    VOIDED = "voided"
    FAILED = "failed"
    CLOSED = "closed"


class PaymentStatus(StrEnum):
    """What of an issued invoice has been paid."""

    PENDING = "pending"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    FAILED = "failed"


INVOICE_MOVES: Mapping[InvoiceStatus, frozenset[InvoiceStatus]] = {
    InvoiceStatus.GENERATING: frozenset({InvoiceStatus.DRAFT, InvoiceStatus.CLOSED, InvoiceStatus.FAILED}),
    InvoiceStatus.DRAFT: frozenset({InvoiceStatus.FINALIZED, InvoiceStatus.CLOSED, InvoiceStatus.FAILED}),
    InvoiceStatus.PENDING: frozenset({InvoiceStatus.FINALIZED, InvoiceStatus.FAILED}),
    InvoiceStatus.FAILED: frozenset({InvoiceStatus.PENDING, InvoiceStatus.DRAFT}),
    InvoiceStatus.FINALIZED: frozenset({InvoiceStatus.VOIDED}),
    InvoiceStatus.VOIDED: frozenset(),
    InvoiceStatus.CLOSED: frozenset(),
}
