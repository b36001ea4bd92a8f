"""The shapes in which invoices, payments and credit notes are answered; the OpenAPI document is made
from them. Amounts are major units.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from billing.queries.shapes_catalog import ChargeFilterOut
from billing.rules.words import Words
from invoicing.models.invoice import InvoiceType, LineKind
from invoicing.models.printed import PdfState
from invoicing.models.write_off import WriteOffKind
from invoicing.rules.states import DisputeState, InvoiceStatus, PaymentState, PaymentStatus, RefundStatus

LineWord = Annotated[str, Words(*LineKind.values)]
MaybeBetween = TypedDict("MaybeBetween", {"from": datetime | None, "to": datetime | None})


class InvoiceTaxOut(TypedDict):
    """A tax of a document, over all its lines."""

    code: str
    name: str
    rate: Decimal
    baseAmount: Decimal
    amount: Decimal


class InvoiceCouponOut(TypedDict):
    """What a coupon takes off."""

    appliedCouponId: str
    code: str
    name: str
    amount: Decimal


class InvoiceNoteOut(TypedDict):
    """What a credit note takes off."""

    id: str
    number: str
    amount: Decimal


class DisputeOut(TypedDict):
    """That the customer contests the invoice, and how it ended."""

    status: Annotated[str, Words(*filter(None, DisputeState))]
    reason: str
    disputedAt: datetime | None
    endedAt: datetime | None


class LineEditOut(TypedDict):
    """What a line that was changed by hand would be without."""

    added: bool
    description: NotRequired[str]
    units: NotRequired[Decimal]
    unitAmount: NotRequired[Decimal]
    amount: NotRequired[Decimal]


class InvoiceLineOut(MaybeBetween):
    """One line; `unitAmount` is exact, `amount` rounded to the currency. `steps` say how it was worked out."""

    id: str
    description: str
    type: LineWord
    subscriptionId: str | None
    chargeId: str | None
    addOnId: str | None
    units: Decimal
    unitAmount: Decimal
    amount: Decimal
    progressiveAmount: Decimal
    couponAmount: Decimal
    taxRate: Decimal
    taxAmount: Decimal
    eventsCount: int | None
    filter: ChargeFilterOut | None
    groupedBy: dict[str, Any] | None
    steps: list[dict[str, Any]]
    edited: LineEditOut | None


class InvoiceOut(TypedDict):
    """An invoice; `amount` is before tax, `total` what was asked for."""

    id: str
    number: str | None
    status: Annotated[str, Words(*InvoiceStatus)]
    paymentStatus: Annotated[str, Words(*PaymentStatus, "written_off")]
    type: Annotated[str, Words(*InvoiceType.values)]
    customerId: str
    customerName: str
    billingEntityId: str
    subscriptionIds: list[str]
    currency: str
    issuingDate: date
    dueDate: date | None
    periodStart: datetime | None
    periodEnd: datetime | None
    amount: Decimal
    progressiveBillingCredit: Decimal
    taxAmount: Decimal
    total: Decimal
    amountPaid: Decimal
    amountOffset: Decimal
    amountWrittenOff: Decimal
    amountDue: Decimal
    lines: list[InvoiceLineOut]
    taxes: list[InvoiceTaxOut]
    coupons: list[InvoiceCouponOut]
    creditNotes: list[InvoiceNoteOut]
    walletCredits: Decimal
    purchaseOrder: str | None
    notes: str
    customFields: Any
    metadata: dict[str, Any]
    voidedInvoiceId: str | None
    finalizeAt: datetime | None
    dispute: DisputeOut | None
    pdfUrl: str | None
    createdAt: datetime
    updatedAt: datetime
    finalizedAt: datetime | None
    paidAt: datetime | None
    voidedAt: datetime | None


class PaymentOut(TypedDict):
    """Money for an invoice."""

    id: str
    invoiceId: str
    customerId: str
    amount: Decimal
    currency: str
    status: Annotated[str, Words(*PaymentState)]
    provider: str
    reference: str
    refundedAmount: Decimal
    pendingRefundAmount: Decimal
    remittanceId: str | None
    paidAt: datetime
    createdAt: datetime


class RefundOut(TypedDict):
    """Money given back."""

    id: str
    paymentId: str | None
    remittanceId: str | None
    creditNoteId: str | None
    amount: Decimal
    currency: str
    status: Annotated[str, Words("pending", "successful", "failed")]
    reason: str
    reference: str
    throughProvider: bool
    failureReason: str | None
    refundedAt: datetime


class CreditNoteItemOut(TypedDict):
    """What was credited of a line."""

    description: str
    lineId: str
    amount: Decimal
    taxAmount: Decimal | None


class CreditNoteOut(TypedDict):
    """A credit note; `balance` is what later invoices can still take."""

    id: str
    number: str
    status: Annotated[str, Words("finalized", "voided")]
    reason: str
    description: str
    invoiceId: str
    customerId: str
    customerName: str
    currency: str
    issuingDate: date
    items: list[CreditNoteItemOut]
    taxes: list[InvoiceTaxOut]
    amount: Decimal
    taxAmount: Decimal
    total: Decimal
    refundAmount: Decimal
    refundStatus: Annotated[str | None, Words(*RefundStatus, None)]
    offsetAmount: Decimal
    creditAmount: Decimal
    balance: Decimal
    withdrawnAmount: Decimal
    createdAt: datetime
    voidedAt: datetime | None


class EstimatedItemOut(TypedDict):
    """What would be credited of a line."""

    lineId: str
    amount: Decimal
    taxAmount: Decimal | None


class EstimatedTaxOut(TypedDict):
    """A tax that would be credited, and what is left of it."""

    code: str
    name: str
    rate: Decimal
    amount: Decimal
    maxAmount: Decimal


class CreditEstimateOut(TypedDict):
    """A credit note that is not made, and the most that could be."""

    invoiceId: str
    currency: str
    items: list[EstimatedItemOut]
    taxes: list[EstimatedTaxOut]
    amount: Decimal
    taxAmount: Decimal
    total: Decimal
    refundAmount: Decimal
    offsetAmount: Decimal
    creditAmount: Decimal
    maxTotal: Decimal
    maxTaxAmount: Decimal
    maxRefundAmount: Decimal
    maxOffsetAmount: Decimal


class WriteOffOut(TypedDict):
    """What was given up of an invoice."""

    id: str
    invoiceId: str
    amount: Decimal
    currency: str
    kind: Annotated[str, Words(*WriteOffKind.values)]
    reason: str
    writtenOffAt: datetime
    undoneAt: datetime | None


class NextLineOut(MaybeBetween):
    """A line of an invoice that is not made."""

    description: str
    type: LineWord
    units: Decimal
    unitAmount: Decimal
    amount: Decimal


class DeductionOut(TypedDict):
    """What is taken off before tax."""

    type: str
    description: str
    amount: Decimal


class NextInvoiceOut(MaybeBetween):
    """An invoice that is not made: its amounts and lines, no id and no number."""

    currency: str
    amount: Decimal
    taxAmount: Decimal
    total: Decimal
    credits: Decimal
    amountDue: Decimal
    lines: list[NextLineOut]
    deductions: list[DeductionOut]


class ComingInvoiceOut(NextInvoiceOut):
    """An invoice that is not made, with the moment at which it would be."""

    at: datetime


class ComingInvoicesOut(TypedDict):
    """Invoices that would be made."""

    invoices: list[ComingInvoiceOut]


class DocumentOut(TypedDict):
    """Where a PDF is served, and how far it is."""

    url: str | None
    status: Annotated[str, Words(*PdfState.values)]


class AmountStepOut(TypedDict):
    """A step from the lines to the total; `leaves` is what is left after it."""

    id: str
    type: str
    label: str
    amount: Decimal
    leaves: Decimal


class ExplainedLineOut(InvoiceLineOut):
    """A line with what it measured and at whose prices."""

    metric: Any
    charge: Any
    prices: Any
    carried: Any
    changed: Any


class SealOut(TypedDict):
    """The seal of an invoice and what came of checking it."""

    algorithm: str
    sealed: str
    now: str
    verified: bool
    differing: Any


class RatedOut(TypedDict):
    """Units, events and the amount of a line."""

    units: Decimal | None
    eventsCount: int | None
    amount: Decimal


class RatedAgainOut(TypedDict):
    """A line as billed and as it would be now."""

    lineId: str | None
    description: str
    billed: RatedOut
    now: RatedOut
    difference: Decimal


class InvoiceExplainedOut(TypedDict):
    """Where each amount of an invoice comes from; `rerated` where that was asked for."""

    invoiceId: str
    number: str | None
    currency: str
    frozen: bool
    lines: list[ExplainedLineOut]
    amounts: list[AmountStepOut]
    seal: SealOut | None
    rerated: NotRequired[list[RatedAgainOut] | None]
