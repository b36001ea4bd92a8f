"""The shapes in which customers and what belongs to them are answered; the OpenAPI document is made
from them. Amounts are major units.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from billing.queries.shapes import Mode, SubscriptionOut
from billing.queries.shapes_catalog import PriceDifferenceOut
from billing.rules.words import Words
from customers.models.customer import BillingModel, CustomerStatus, CustomerType, Provider, VatStatus
from customers.models.vat_check import VatCheckSource, VatCheckState
from invoicing.queries.shapes import ComingInvoiceOut

ProviderWord = Annotated[str, Words(*Provider.values)]
From = TypedDict("From", {"from": datetime})
Days = TypedDict("Days", {"from": date, "to": date})


class CustomerAddressOut(TypedDict):
    """An address; null for what is empty."""

    line1: str | None
    line2: str | None
    postalCode: str | None
    city: str | None
    state: str | None
    country: str | None


class CustomerTaxesOut(TypedDict):
    """Tax numbers, their state, and taxes."""

    taxId: str | None
    taxIdentifiers: dict[str, str]
    taxCodes: list[str]
    vatValidationStatus: Annotated[str, Words(*VatStatus.values)]
    vatValidationDisabled: bool
    vatValidationDisabledReason: str | None


class CustomerDocumentsOut(TypedDict):
    """How invoices are made and where they go; null means as the billing entity does."""

    netPaymentTermDays: int | None
    paymentTermsDays: int | None
    gracePeriodDays: int | None
    zeroAmountInvoices: bool | None
    emailInvoices: bool | None
    usageAnnex: bool | None
    einvoiceEmail: str | None
    peppolId: str | None
    preferEinvoice: bool


class CustomerPayingOut(TypedDict):
    """How the customer pays, and under which id providers know it."""

    billingModel: Annotated[str, Words(*BillingModel.values)]
    preferredProvider: Annotated[str | None, Words(*Provider.values, None)]
    disabledProviders: list[ProviderWord]
    collectAutomatically: bool
    providerCustomerIds: dict[str, str]


class CustomerDefaultsOut(TypedDict):
    """Mode, and the defaults that new wallets get."""

    mode: Mode
    defaultAutoTopupEnabled: bool
    defaultAutoTopupAmount: Decimal | None
    defaultLowBalanceThreshold: Decimal | None
    defaultMaxBalance: Decimal | None
    defaultMaxSingleCredit: Decimal | None
    defaultCreditLimit: Decimal | None


class CustomerOut(CustomerTaxesOut, CustomerDocumentsOut, CustomerPayingOut, CustomerDefaultsOut):
    """A customer. Empty texts are null; `totalSpent` is the lifetime amount paid in its currency."""

    id: str
    organizationId: str
    externalId: str
    email: str | None
    name: str | None
    displayName: str
    firstName: str | None
    lastName: str | None
    customerType: Annotated[str, Words(*CustomerType.values)]
    status: Annotated[str, Words(*CustomerStatus.values)]
    country: str | None
    currency: str
    preferredCurrency: str
    timezone: str | None
    locale: str | None
    phone: str | None
    url: str | None
    legalName: str | None
    legalNumber: str | None
    address: CustomerAddressOut
    shippingAddress: CustomerAddressOut
    billingEntityId: str
    tags: list[str]
    customFields: dict[str, Any]
    metadata: dict[str, Any]
    totalSpent: Decimal
    activeSubscriptions: int
    mergedInto: str | None
    createdAt: datetime
    updatedAt: datetime
    deletedAt: datetime | None


class MergeOut(TypedDict):
    """The ids and counts of a merge. Payment methods are the links to providers that moved."""

    sourceCustomerId: str
    targetCustomerId: str
    subscriptionsCount: int
    invoicesCount: int
    paymentMethodsCount: int
    usageEventsCount: int
    promotionRedemptionsCount: int
    customerScopedPricesCount: int
    walletsMovedCount: int
    walletsMergedCount: int


class VatCheckOut(TypedDict):
    """What was asked and answered about a tax number."""

    id: str
    provider: Annotated[str, Words(*VatCheckSource.values)]
    verificationType: str
    status: Annotated[str, Words(*VatCheckState.values)]
    number: str
    reason: str | None
    actor: str | None
    askedAt: datetime
    verifiedAt: datetime | None
    lastCheckedAt: datetime | None
    nextCheckAt: datetime | None
    expiresAt: datetime | None
    attempts: int
    fault: str | None
    faultMessage: str | None
    name: str | None
    address: str | None
    providerReference: str | None


class UnitsChangeOut(From):
    """Units of a fixed charge from a moment on."""

    units: Decimal
    by: str
    createdAt: datetime


class SubscribedUnitsOut(TypedDict):
    """A fixed charge of a subscription with its units now and every change."""

    id: str
    addOnCode: str
    name: str
    chargeModel: str
    properties: dict[str, Any]
    payInAdvance: bool
    prorated: bool
    units: Decimal
    changes: list[UnitsChangeOut]


class LifetimeUsageOut(TypedDict):
    """What a subscription has used in its life, without tax."""

    subscriptionId: str
    currency: str
    historicalUsage: Decimal
    invoicedUsage: Decimal
    currentUsage: Decimal
    progressivelyBilled: Decimal
    total: Decimal
    nextThreshold: Decimal | None


class EndingSubscriptionOut(TypedDict):
    """A subscription that would end."""

    id: str
    currency: str
    unbilledAmount: Decimal


class UnpaidInvoiceOut(TypedDict):
    """An unpaid invoice, and whether it would be voided."""

    id: str
    number: str
    currency: str
    amountDue: Decimal
    voided: bool


class IssuedInvoiceOut(TypedDict):
    """An invoice that would be issued."""

    currency: str
    fromDraft: bool
    total: Decimal
    credits: Decimal
    amountDue: Decimal


class NoteTotalOut(TypedDict):
    """A credit note that would be made."""

    currency: str
    total: Decimal


class ForeseenNoteOut(TypedDict):
    """A credit note that is not made."""

    description: str
    currency: str
    total: Decimal


class ActEffectOut(TypedDict):
    """The invoices until `until` without an act and with it, and the credit for unused days."""

    until: datetime | None
    before: list[ComingInvoiceOut]
    after: list[ComingInvoiceOut]
    creditNotes: list[ForeseenNoteOut]


class PlanMoveOut(TypedDict):
    """What a change of plan has made."""

    direction: str
    when: str
    at: datetime
    invoiceIds: list[str]
    creditNoteIds: list[str]


class MovedSubscriptionOut(SubscriptionOut):
    """The subscription that runs now; `planChange` where its plan was changed by the call."""

    planChange: NotRequired[PlanMoveOut]
    ownTerms: NotRequired[list[PriceDifferenceOut] | None]


class AmountOut(TypedDict):
    """An amount in a currency."""

    currency: str
    amount: Decimal


class EndingWalletOut(TypedDict):
    """A wallet that would end: what of its credits is lost, what of its debt is billed."""

    id: str
    currency: str
    balance: Decimal
    lost: Decimal
    billed: Decimal


class DeletionPreviewOut(TypedDict):
    """What deleting a customer would do now."""

    customerId: str
    subscriptions: list[EndingSubscriptionOut]
    pendingSubscriptions: list[str]
    draftInvoices: list[str]
    unpaidInvoices: list[UnpaidInvoiceOut]
    issuedInvoices: list[IssuedInvoiceOut]
    creditNotes: list[NoteTotalOut]
    unusedCredits: list[AmountOut]
    portalLinks: int
    paymentProviders: list[str]
    appliedCoupons: list[str]
    wallets: list[EndingWalletOut]


class CorrectiveInvoiceOut(TypedDict):
    """An invoice whose taxes a change of the customer's type has put in question."""

    invoiceId: str
    invoiceNumber: str
    issuingDate: date
    currency: str
    total: Decimal
    taxAmount: Decimal
    status: Annotated[str, Words("waiting", "reviewed")]
    askedOn: date
    reviewedAt: datetime | None
    reviewedBy: str | None
    note: str


class AgeingOut(TypedDict):
    """What is owed by its age."""

    notDue: Decimal
    days1To30: Decimal
    days31To60: Decimal
    days61To90: Decimal
    over90Days: Decimal
    disputed: Decimal
    total: Decimal


Day = date


class StatementLineOut(TypedDict):
    """A line of a statement; `balance` is what is owed after it."""

    date: Day
    type: str
    id: str
    invoiceId: str
    number: str
    note: str
    dueDate: Day | None
    amount: Decimal
    change: Decimal
    balance: Decimal


class StatementOut(Days):
    """A statement of account in one currency."""

    customerId: str
    currency: str
    openingBalance: Decimal
    closingBalance: Decimal
    charged: Decimal
    credited: Decimal
    onAccount: Decimal | None
    ageing: AgeingOut
    lines: list[StatementLineOut]


class TakenOffOut(TypedDict):
    """What is deleted, and of how many customers."""

    id: str
    deleted: bool
    customersCount: int


class TagOut(TypedDict):
    """A tag with the number of customers that have it."""

    id: str
    name: str
    color: str
    customersCount: int
    createdAt: datetime
    updatedAt: datetime


class CustomFieldOut(TypedDict):
    """A field of the organization's own."""

    id: str
    code: str
    name: str
    kind: str
    choices: list[str]
    required: bool
    onList: bool
    onInvoice: bool
    position: int
    createdAt: datetime
    updatedAt: datetime
