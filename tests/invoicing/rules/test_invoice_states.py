"""State tables of documents and payments."""

from collections.abc import Mapping
from typing import Any

import pytest

from billing.rules.errors import Conflict
from billing.rules.states import move
from invoicing.rules.states import (
    CREDIT_MOVES,
    CREDIT_NOTE_MOVES,
    EDITABLE,
    INVOICE_MOVES,
    ISSUED,
    PAYMENT_MOVES,
    PAYMENT_STATUS_MOVES,
    REFUND_MOVES,
    VISIBLE,
    InvoiceStatus,
    PaymentStatus,
    payment_status,
)

TABLES: list[Mapping[Any, frozenset[Any]]] = [
    INVOICE_MOVES,
    PAYMENT_STATUS_MOVES,
    PAYMENT_MOVES,
    CREDIT_NOTE_MOVES,
    CREDIT_MOVES,
    REFUND_MOVES,
]


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_complete(table: Mapping[Any, frozenset[Any]]) -> None:
    states = set(type(next(iter(table))))
    assert set(table) == states
    assert all(old not in reachable and reachable <= states for old, reachable in table.items())


def test_issued_documents_stay_issued() -> None:
    for status in ISSUED:
        assert INVOICE_MOVES[status] <= ISSUED
    assert not ISSUED & EDITABLE
    assert ISSUED | EDITABLE <= VISIBLE
    with pytest.raises(Conflict, match="from finalized to draft"):
        move(INVOICE_MOVES, InvoiceStatus.FINALIZED, InvoiceStatus.DRAFT)


@pytest.mark.parametrize(
    ("total", "paid", "failed", "status"),
    [
        (0, 0, False, PaymentStatus.PAID),
        (100, 0, False, PaymentStatus.PENDING),
        (100, 0, True, PaymentStatus.FAILED),
        (100, 99, True, PaymentStatus.PARTIALLY_PAID),
        (100, 100, False, PaymentStatus.PAID),
    ],
)
def test_payment_status(total: int, paid: int, failed: bool, status: PaymentStatus) -> None:
    assert payment_status(total, paid, failed=failed) is status
