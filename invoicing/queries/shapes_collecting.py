"""The shapes in which what is collected is answered: transfers, receipts, requests, attempts, dunning, letters.
Amounts are major units.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from typing_extensions import TypedDict

from billing.rules.words import Words
from invoicing.models.dunning import CaseOutcome
from invoicing.models.mail import MailKind, MailState
from invoicing.models.payment_method import MethodKind
from invoicing.models.payment_request import RequestOrigin
from invoicing.models.provider import ProviderType
from invoicing.queries.shapes import PaymentOut, RefundOut
from invoicing.rules.payment_requests import CloseReason, RequestStatus

ProviderWord = Annotated[str, Words(*ProviderType.values)]


class RemittanceReturnOut(TypedDict):
    """Money on account that went back."""

    id: str
    amount: Decimal
    currency: str
    reason: str
    reference: str
    returnedAt: datetime


class RemittanceOut(TypedDict):
    """One transfer with the payments that it was split into. `amountOnAccount` is what is left of it, `refunds` what
    a provider was asked to send back of that.
    """

    id: str
    customerId: str
    amount: Decimal
    currency: str
    amountApplied: Decimal
    amountGivenBack: Decimal
    pendingRefundAmount: Decimal
    amountOnAccount: Decimal
    provider: str
    reference: str
    payments: list[PaymentOut]
    givenBack: list[RemittanceReturnOut]
    refunds: list[RefundOut]
    paidAt: datetime
    createdAt: datetime


class ReceiptItemOut(TypedDict):
    """What a part of the money was for."""

    number: str
    issuingDate: date
    total: Decimal
    amount: Decimal
    amountDue: Decimal | None


class PaymentReceiptOut(TypedDict):
    """A receipt. `amountOnAccount` is what was for no invoice when it came."""

    id: str
    number: str
    paymentId: str | None
    remittanceId: str | None
    customerId: str
    billingEntityId: str
    amount: Decimal
    currency: str
    amountOnAccount: Decimal
    provider: str
    reference: str
    invoices: list[ReceiptItemOut]
    paidAt: datetime
    issuedAt: datetime
    pdfUrl: str


class RequestedInvoiceOut(TypedDict):
    """An invoice of a payment request, and what is due of it now."""

    invoiceId: str
    number: str
    dueDate: date | None
    amount: Decimal
    amountDue: Decimal


class PaymentRequestOut(TypedDict):
    """A demand for several invoices. `amountDue` is what is due of them now."""

    id: str
    customerId: str
    billingEntityId: str
    status: Annotated[str, Words(*RequestStatus)]
    closeReason: Annotated[str | None, Words(*CloseReason, None)]
    origin: Annotated[str, Words(*RequestOrigin.values)]
    dunningCaseId: str | None
    currency: str
    amount: Decimal
    amountDue: Decimal
    invoices: list[RequestedInvoiceOut]
    attempts: int
    requestedAt: datetime
    lastAskedAt: datetime | None
    paymentUrl: str | None
    replacedBy: str | None
    closedAt: datetime | None


class PaymentAttemptOut(TypedDict):
    """An attempt to be paid; `paymentId` is that of the payment once there is one, the attempt's before."""

    id: str
    checkoutUrl: str
    note: str
    invoiceId: str | None
    paymentRequestId: str | None
    paymentId: str
    remittanceId: str | None
    provider: ProviderWord
    providerId: str
    amount: Decimal
    currency: str
    status: Annotated[str, Words("unknown", "pending", "processing", "successful", "failed")]
    paymentMethodId: str | None
    reason: str | None
    expiresAt: datetime | None
    createdAt: datetime


class PaymentMethodOut(TypedDict):
    """What a customer has left to be charged."""

    id: str
    provider: ProviderWord
    providerId: str
    type: Annotated[str, Words(*MethodKind.values)]
    brand: str
    last4: str
    expiresOn: date | None
    isDefault: bool
    createdAt: datetime


class SetupOut(TypedDict):
    """Where a customer leaves a card, and until when."""

    id: str
    url: str
    expiresAt: datetime | None


class PaymentProviderOut(TypedDict):
    """An account at a provider, under both systems' names, without credentials."""

    id: str
    type: ProviderWord
    providerName: ProviderWord
    name: str
    active: bool
    isActive: bool
    priority: int
    syncCustomers: bool
    testedAt: datetime | None
    testError: str | None
    createdAt: datetime
    updatedAt: datetime


class DeletedProviderOut(PaymentProviderOut):
    """An account that is deleted now."""

    deletedAt: datetime | None


class TrialOut(TypedDict):
    """Whether credentials work."""

    success: bool
    message: str


class TriedProviderOut(TrialOut):
    """The same at the top as well."""

    data: TrialOut


class MailOut(TypedDict):
    """An e-mail."""

    id: str
    kind: Annotated[str, Words(*MailKind.values)]
    status: Annotated[str, Words(*MailState.values)]
    to: list[str]
    cc: list[str]
    bcc: list[str]
    language: str
    subject: str
    attempts: int
    error: str
    sentAt: datetime | None
    createdAt: datetime


class DunningCaseOut(TypedDict):
    """A chase."""

    id: str
    customerId: str
    campaignId: str
    campaignCode: str
    currency: str
    overdueAmount: Decimal
    startedOn: date
    attempts: int
    nextAt: datetime | None
    finishedAt: datetime | None
    endedAt: datetime | None
    outcome: Annotated[str | None, Words(*CaseOutcome.values, None)]


class ChasedOut(TypedDict):
    """How a customer is chased: the campaign in force, whether it is stopped, and the chases that run."""

    campaignId: str | None
    campaignCode: str | None
    own: bool
    stoppedAt: datetime | None
    stopReason: str
    cases: list[DunningCaseOut]


class ThresholdAmountOut(TypedDict):
    """An amount in a currency."""

    currency: str
    amount: Decimal


class DunningCampaignOut(TypedDict):
    """A campaign; `runningCount` is how many chases run."""

    id: str
    name: str
    code: str
    description: str
    active: bool
    thresholds: list[ThresholdAmountOut]
    firstDay: int
    daysBetween: int
    maxAttempts: int
    steps: list[dict[str, Any]]
    bcc: list[str]
    billingEntityIds: list[str]
    runningCount: int
    createdAt: datetime
    updatedAt: datetime


class KindCountOut(TypedDict):
    """How often a step would happen."""

    kind: str
    count: int


class ForeseenDayOut(TypedDict):
    """What would happen on a day."""

    on: date
    steps: list[KindCountOut]


class ForeseenStepOut(TypedDict):
    """A step that would happen to a customer."""

    on: date
    kind: str


class ForeseenCustomerOut(TypedDict):
    """A customer that would be chased."""

    customerId: str
    currency: str
    overdueAmount: Decimal
    invoicesCount: int
    running: bool
    steps: list[ForeseenStepOut]


class DunningPreviewOut(TypedDict):
    """What a campaign would do: the debts (the largest fifty), their sums, and the days ahead."""

    count: int
    belowThresholdCount: int
    stoppedCount: int
    overdue: list[ThresholdAmountOut]
    days: list[ForeseenDayOut]
    customers: list[ForeseenCustomerOut]
