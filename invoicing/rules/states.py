"""States of invoices, payments and credit notes, and the moves between them.

Law: a finalized document is never changed back or deleted; it can only be voided, and voided is
the end. `move` (billing/rules/states.py) refuses everything that is not in these tables.

Example: draft -> finalized -> voided is allowed, finalized -> draft is not.
"""

from enum import StrEnum

from billing.rules.states import Moves

CUSTOMER_DELETED = "Customer deleted"  # why a deletion voids invoices; documents say it in their own language


class InvoiceStatus(StrEnum):
    GENERATING = "generating"
    DRAFT = "draft"
    PENDING = "pending"
    FAILED = "failed"
    FINALIZED = "finalized"
    VOIDED = "voided"
    CLOSED = "closed"
    DELETED = "deleted"


class InvoiceType(StrEnum):
    SUBSCRIPTION = "subscription"
    ONE_OFF = "one_off"
    CREDIT = "credit"
    ADVANCE_CHARGES = "advance_charges"
    PROGRESSIVE_BILLING = "progressive_billing"


class PaymentStatus(StrEnum):
    """How far an invoice is paid."""

    PENDING = "pending"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    FAILED = "failed"


class PaymentState(StrEnum):
    """Where one payment stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"


class CreditNoteStatus(StrEnum):
    DRAFT = "draft"
    FINALIZED = "finalized"
    DELETED = "deleted"


class CreditStatus(StrEnum):
    """The credit part of a credit note."""

    AVAILABLE = "available"
    CONSUMED = "consumed"
    VOIDED = "voided"


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeState(StrEnum):
    """Whether a customer contests an invoice, and how that ended: `upheld` the customer was right, `rejected` it was
    not, `withdrawn` it no longer contests it.
    """

    NONE = ""
    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


_INV = InvoiceStatus
INVOICE_MOVES: Moves[InvoiceStatus] = {
    _INV.GENERATING: frozenset({_INV.DRAFT, _INV.PENDING, _INV.FAILED, _INV.FINALIZED, _INV.CLOSED}),
    _INV.DRAFT: frozenset({_INV.PENDING, _INV.FAILED, _INV.FINALIZED, _INV.CLOSED, _INV.DELETED}),
    _INV.PENDING: frozenset({_INV.DRAFT, _INV.FAILED, _INV.FINALIZED, _INV.CLOSED}),
    _INV.FAILED: frozenset({_INV.PENDING, _INV.DRAFT, _INV.FINALIZED, _INV.CLOSED}),
    _INV.FINALIZED: frozenset({_INV.VOIDED}),
    _INV.VOIDED: frozenset(),
    _INV.CLOSED: frozenset(),
    _INV.DELETED: frozenset(),
}
# A refund or a bounced payment opens a paid invoice again.
PAYMENT_STATUS_MOVES: Moves[PaymentStatus] = {
    PaymentStatus.PENDING: frozenset(
        {PaymentStatus.PARTIALLY_PAID, PaymentStatus.PAID, PaymentStatus.FAILED}
    ),
    PaymentStatus.FAILED: frozenset(
        {PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID, PaymentStatus.PAID}
    ),
    PaymentStatus.PARTIALLY_PAID: frozenset(
        {PaymentStatus.PENDING, PaymentStatus.PAID, PaymentStatus.FAILED}
    ),
    PaymentStatus.PAID: frozenset({PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID}),
}
PAYMENT_MOVES: Moves[PaymentState] = {
    PaymentState.PENDING: frozenset({PaymentState.PROCESSING, PaymentState.SUCCESSFUL, PaymentState.FAILED}),
    PaymentState.PROCESSING: frozenset({PaymentState.SUCCESSFUL, PaymentState.FAILED}),
    PaymentState.SUCCESSFUL: frozenset({PaymentState.REFUNDED, PaymentState.PARTIALLY_REFUNDED}),
    PaymentState.PARTIALLY_REFUNDED: frozenset({PaymentState.REFUNDED}),
    PaymentState.FAILED: frozenset(),
    PaymentState.REFUNDED: frozenset(),
}
CREDIT_NOTE_MOVES: Moves[CreditNoteStatus] = {
    CreditNoteStatus.DRAFT: frozenset({CreditNoteStatus.FINALIZED, CreditNoteStatus.DELETED}),
    CreditNoteStatus.FINALIZED: frozenset(),
    CreditNoteStatus.DELETED: frozenset(),
}
# Voiding an invoice may give applied credit back, so a consumed note can become available again.
CREDIT_MOVES: Moves[CreditStatus] = {
    CreditStatus.AVAILABLE: frozenset({CreditStatus.CONSUMED, CreditStatus.VOIDED}),
    CreditStatus.CONSUMED: frozenset({CreditStatus.AVAILABLE}),
    CreditStatus.VOIDED: frozenset(),
}
REFUND_MOVES: Moves[RefundStatus] = {
    RefundStatus.PENDING: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset({RefundStatus.PENDING, RefundStatus.SUCCEEDED}),
    RefundStatus.SUCCEEDED: frozenset(),
}

_ENDED = frozenset({DisputeState.UPHELD, DisputeState.REJECTED, DisputeState.WITHDRAWN})
# Money in dispute is owed, but nobody asks for it; however it ended, a customer may contest again.
DISPUTE_MOVES: Moves[DisputeState] = {
    DisputeState.NONE: frozenset({DisputeState.OPEN}),
    DisputeState.OPEN: _ENDED,
    **{state: frozenset({DisputeState.OPEN}) for state in _ENDED},
}

# Carries a number and a frozen copy of everything printed on it.
ISSUED: frozenset[InvoiceStatus] = frozenset({_INV.FINALIZED, _INV.VOIDED})
# May still change.
EDITABLE: frozenset[InvoiceStatus] = frozenset({_INV.DRAFT, _INV.FAILED})
# Shown in lists and by the API.
VISIBLE: frozenset[InvoiceStatus] = frozenset(
    {_INV.DRAFT, _INV.PENDING, _INV.FAILED, _INV.FINALIZED, _INV.VOIDED}
)
# Money is still expected for a finalized invoice in one of these.
UNPAID: frozenset[PaymentStatus] = frozenset(
    {PaymentStatus.PENDING, PaymentStatus.PARTIALLY_PAID, PaymentStatus.FAILED}
)


def payment_status(total_minor: int, paid_minor: int, *, failed: bool = False) -> PaymentStatus:
    """How far an invoice is paid. Nothing to pay counts as paid; `failed`: the last try was refused."""
    if paid_minor >= total_minor:
        return PaymentStatus.PAID
    if paid_minor > 0:
        return PaymentStatus.PARTIALLY_PAID
    return PaymentStatus.FAILED if failed else PaymentStatus.PENDING
