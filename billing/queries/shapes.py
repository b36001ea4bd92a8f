"""The shapes in which subscriptions, wallets, usage and alerts are answered; the OpenAPI document is made from them.
Amounts are major units.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from billing.models.monitoring import AlertKind
from billing.models.wallet import EntryKind
from billing.queries.shapes_catalog import ChargeFilterOut, PriceDifferenceOut, StepOut
from billing.rules.periods import Interval
from billing.rules.states import SubscriptionStatus
from billing.rules.words import Words

Active = Annotated[str, Words("active", "terminated")]
Mode = Annotated[str, Words("prepaid", "postpaid")]
Between = TypedDict("Between", {"from": datetime, "to": datetime})


class SubscriptionOut(TypedDict):
    """A customer on a plan; a change of plan ends it and begins another of the same external ID."""

    id: str
    externalId: str
    name: str
    customerId: str
    planId: str
    planCode: str
    status: Annotated[str, Words(*SubscriptionStatus)]
    currency: str
    billingTime: Annotated[str, Words("calendar", "anniversary")]
    subscriptionAt: datetime
    startedAt: datetime | None
    trialEnd: datetime | None
    endingAt: datetime | None
    separateInvoice: bool
    hasOwnTerms: bool
    pausedAt: datetime | None
    resumesAt: datetime | None
    previousSubscriptionId: str | None
    planChangesAt: datetime | None
    nextPlanId: str | None
    nextPlanCode: str | None
    cancelAtPeriodEnd: bool
    cancelAt: datetime | None
    cancelRequestedAt: datetime | None
    currentPeriodStart: datetime | None
    currentPeriodEnd: datetime | None
    nextBillingAt: datetime | None
    canceledAt: datetime | None
    terminatedAt: datetime | None
    metadata: dict[str, Any]
    createdAt: datetime
    updatedAt: datetime


class OwnSubscriptionOut(SubscriptionOut):
    """A subscription; `ownTerms`: what it pays otherwise than its plan says, null: nothing is agreed."""

    ownTerms: list[PriceDifferenceOut] | None


class WalletScopeOut(TypedDict):
    """What a wallet pays for; nothing named: everything."""

    feeTypes: list[str]
    billableMetricCodes: list[str]


class WalletOut(TypedDict):
    """Prepaid credits. `balance` is what the ledger says; `cashBalance` and `promotionalBalance` leave out what has
    expired and is not booked yet.
    """

    id: str
    organizationId: str
    customerId: str
    name: str
    currency: str
    mode: Mode
    isPrimary: bool
    rateAmount: Decimal
    priority: int
    appliesTo: WalletScopeOut
    status: Active
    balance: Decimal
    creditsBalance: Decimal
    cashBalance: Decimal
    promotionalBalance: Decimal
    promotionalBalanceExpiresAt: datetime | None
    ongoingBalance: Decimal
    ongoingUsageBalance: Decimal
    creditsOngoingBalance: Decimal
    creditsOngoingUsageBalance: Decimal
    ongoingBalanceDepleted: bool
    ongoingBalanceAt: datetime | None
    heldBalance: Decimal
    availableBalance: Decimal
    debt: Decimal
    creditLimit: Decimal | None
    maxBalance: Decimal | None
    maxSingleCredit: Decimal | None
    lowBalanceThreshold: Decimal | None
    autoTopupEnabled: bool
    autoTopupAmount: Decimal | None
    expirationAt: datetime | None
    terminatedAt: datetime | None
    createdAt: datetime
    updatedAt: datetime


class WalletEntryOut(TypedDict):
    """One movement of a wallet, signed."""

    id: str
    walletId: str
    type: Annotated[str, Words("inbound", "outbound")]
    transactionStatus: Annotated[str, Words(*EntryKind.values)]
    credits: Decimal
    amount: Decimal
    balanceAfter: Decimal
    invoiceId: str | None
    reason: str
    createdAt: datetime


class CreditUseOut(TypedDict):
    """Credits that paid a line of an invoice; what was given back is negative."""

    transactionId: str | None
    invoiceId: str | None
    lineId: str | None
    description: str | None
    amount: Decimal


class TracedEntryOut(WalletEntryOut):
    """A movement with where its credits went and where they came from."""

    remainingAmount: Decimal | None
    promotional: bool | None
    priority: int | None
    expirationAt: datetime | None
    paidFor: list[CreditUseOut]
    paidFrom: list[CreditUseOut]


class AppliedCouponOut(TypedDict):
    """A coupon given to a customer."""

    id: str
    couponId: str
    couponCode: str
    customerId: str
    status: Active
    type: Annotated[str, Words("fixed_amount", "percentage")]
    amount: Decimal | None
    amountRemaining: Decimal | None
    currency: str | None
    percentage: Decimal | None
    frequency: Annotated[str, Words("once", "recurring", "forever")]
    usesRemaining: int | None
    appliedAt: datetime
    terminatedAt: datetime | None


class EventOut(TypedDict):
    """A stored event, counted or in quarantine. `late`: it came when the invoice of its period was final."""

    id: str
    transactionId: str
    status: Annotated[str, Words("accepted", "quarantined")]
    reason: str | None
    subscriptionId: str | None
    externalSubscriptionId: str
    code: str
    timestamp: datetime
    receivedAt: datetime
    properties: dict[str, Any]
    preciseTotalAmount: Decimal | None
    late: bool


class PartUsageOut(TypedDict):
    """A filter and group of a charge; `filter` null is the charge's own price."""

    groupedBy: dict[str, Any] | None
    filter: ChargeFilterOut | None
    units: Decimal
    eventsCount: int
    amount: Decimal
    steps: list[StepOut]


class FilterUsageOut(TypedDict):
    """What a filter of a charge came to over all groups; `values` null is the charge's own price."""

    values: dict[str, list[str]] | None
    invoiceDisplayName: str
    units: Decimal
    eventsCount: int
    amount: Decimal


class ChargeUsageOut(TypedDict):
    """What a charge measured and costs."""

    chargeId: str
    metricCode: str
    name: str
    chargeModel: str
    aggregationType: str
    units: Decimal
    eventsCount: int
    amount: Decimal
    paidInAdvance: Decimal | None
    projectedUnits: Decimal | None
    projectedAmount: Decimal | None
    steps: list[StepOut]
    filters: list[FilterUsageOut]
    groups: list[PartUsageOut]


class UsageOut(Between):
    """The usage of the running period. `amount` is without tax."""

    subscriptionId: str
    externalSubscriptionId: str
    currency: str
    amount: Decimal
    taxAmount: Decimal
    totalAmount: Decimal
    projectedAmount: Decimal | None
    eventsCount: int
    charges: list[ChargeUsageOut]


class UsageSumOut(TypedDict):
    """The sum over all subscriptions."""

    total: int
    currency: str
    amount: Decimal
    taxAmount: Decimal
    totalAmount: Decimal


class UsageListOut(TypedDict):
    """The usage of several subscriptions of one currency."""

    data: list[UsageOut]
    meta: UsageSumOut


class UsageThresholdOut(TypedDict):
    """An amount of lifetime usage at which is billed, without tax."""

    id: str
    amount: Decimal
    name: str
    recurring: bool


class PlanThresholdsOut(TypedDict):
    """The thresholds of a plan, the recurring one last."""

    planId: str
    thresholds: list[UsageThresholdOut]


class SubscriptionThresholdsOut(TypedDict):
    """The thresholds that count for a subscription; `inherited`: they are its plan's."""

    subscriptionId: str
    progressiveBilling: bool | None
    inherited: bool
    historicalUsage: Decimal
    thresholds: list[UsageThresholdOut]


class EventResultOut(TypedDict):
    """What became of an event; `field` says where an invalid one is wrong."""

    transactionId: str | None
    status: Annotated[str, Words("accepted", "duplicate", "conflict", "quarantined", "invalid")]
    reason: str | None
    field: NotRequired[str]


class BatchOut(TypedDict):
    """A result for each event, in order."""

    results: list[EventResultOut]
    accepted: int
    duplicates: int
    conflicts: int
    quarantined: int
    invalid: int


class TopUpScheduleOut(TypedDict):
    """A wallet's schedule, with its next three moments."""

    id: str
    walletId: str
    trigger: Annotated[str, Words("interval", "threshold")]
    interval: Annotated[str | None, Words(*Interval, None)]
    thresholdCredits: Decimal | None
    method: Annotated[str, Words("fixed", "target")]
    paidCredits: Decimal
    grantedCredits: Decimal
    targetCredits: Decimal
    grantsTarget: bool
    name: str
    startedAt: datetime
    expirationAt: datetime | None
    nextAt: datetime | None
    nextTopUps: list[datetime]


class AlertStepOut(TypedDict):
    """A value at which an alert tells."""

    value: Decimal
    code: str
    recurring: bool


class AlertOut(TypedDict):
    """An alert; values are major units or units, as its type says."""

    id: str
    type: Annotated[str, Words(*AlertKind.values)]
    code: str
    name: str
    subscriptionId: str | None
    walletId: str | None
    metricId: str | None
    thresholds: list[AlertStepOut]
    previousValue: Decimal | None
    lastCheckedAt: datetime | None
    createdAt: datetime
    updatedAt: datetime


class CrossingOut(TypedDict):
    """What an alert has told."""

    alert: AlertOut
    previousValue: Decimal
    currentValue: Decimal
    crossedThresholds: list[AlertStepOut]
    triggeredAt: datetime
