"""The shapes in which catalogue rows are answered; the OpenAPI document is made from them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NotRequired, TypeAlias

from typing_extensions import TypedDict

from billing.models.catalog import Aggregation, Rounding
from billing.models.coupon import Frequency
from billing.rules.periods import Interval
from billing.rules.words import Words

IntervalWord = Annotated[str, Words(*Interval)]
ChargeModelWord = Annotated[
    str,
    Words(
        "standard",
        "graduated",
        "graduated_percentage",
        "package",
        "percentage",
        "volume",
        "dynamic",
        "custom",
    ),
]


class Stamps(TypedDict):
    """When a row was made and last changed."""

    createdAt: datetime
    updatedAt: datetime


class Gone(TypedDict):
    """What is deleted now."""

    id: str
    deletedAt: datetime | None


class MetricFilterOut(TypedDict):
    """A property by which charges can tell usage apart, and its values."""

    key: str
    values: list[str]


class MetricOut(Stamps):
    """A billable metric."""

    id: str
    name: str
    code: str
    description: str
    aggregationType: Annotated[str, Words(*Aggregation.values)]
    fieldName: str | None
    expression: str | None
    filters: list[MetricFilterOut]
    recurring: bool
    roundingFunction: Annotated[str | None, Words(*filter(None, Rounding.values), None)]
    roundingPrecision: int | None


class DeletedMetricOut(MetricOut):
    """A billable metric that is deleted now."""

    deletedAt: datetime | None


class TaxOut(Stamps):
    """A tax; `rate` in percent."""

    id: str
    name: str
    code: str
    rate: Decimal
    description: str
    appliedByDefault: bool
    category: str
    exemptionCode: str | None
    exemptionReason: str | None


class DeletedTaxOut(TaxOut):
    """A tax that is deleted now."""

    deletedAt: datetime | None


class ChargeFilterOut(TypedDict):
    """A charge's filter; without its properties when only which one it was is known. No values of a key: all."""

    values: dict[str, list[str]]
    invoiceDisplayName: str
    properties: NotRequired[dict[str, Any]]


class ChargePriceOut(TypedDict):
    """What a charge costs in another currency than the plan's own."""

    currency: str
    properties: dict[str, Any]
    filters: NotRequired[list[dict[str, Any]]]
    minAmount: Decimal


class NamedChargePriceOut(ChargePriceOut):
    """What a charge costs in a currency, and which charge it is."""

    chargeId: str
    metricCode: str


class ChargeOut(Stamps):
    """A charge; `properties` are those of its model, amounts in them decimal texts in major units."""

    id: str
    planId: str
    billableMetricId: str
    metricCode: str
    chargeModel: ChargeModelWord
    properties: dict[str, Any]
    filters: list[ChargeFilterOut]
    groupKeys: list[str]
    prorated: bool
    payInAdvance: bool
    invoiceable: bool
    minAmount: Decimal
    invoiceDisplayName: str
    prices: list[ChargePriceOut]
    taxCodes: list[str]


class FixedPriceOut(TypedDict):
    """What a fixed charge costs in another currency."""

    currency: str
    properties: dict[str, Any]


class FixedChargeOut(Stamps):
    """An add-on that is charged by units within a plan."""

    id: str
    planId: str
    addOnId: str
    addOnCode: str
    chargeModel: Annotated[str, Words("standard", "graduated", "volume")]
    properties: dict[str, Any]
    units: Decimal
    payInAdvance: bool
    prorated: bool
    invoiceDisplayName: str
    prices: list[FixedPriceOut]
    taxCodes: list[str]


class PlanPriceOut(TypedDict):
    """What a period costs in a currency."""

    id: str
    planId: str
    currency: str
    amount: Decimal
    minimumCommitment: Decimal | None


class WholePriceOut(PlanPriceOut):
    """What a period costs in a currency, with what charges cost in it."""

    charges: list[NamedChargePriceOut]


class CommitmentOut(TypedDict):
    """What a period brings at the least."""

    amount: Decimal
    invoiceDisplayName: str


class PlanOut(Stamps):
    """A plan with its prices and charges."""

    id: str
    name: str
    code: str
    description: str
    invoiceDisplayName: str
    billingInterval: IntervalWord
    interval: IntervalWord
    amount: Decimal
    currency: str
    prices: list[PlanPriceOut]
    payInAdvance: bool
    trialDays: int
    billChargesMonthly: bool
    billFixedChargesMonthly: bool
    minimumCommitment: CommitmentOut | None
    features: list[str]
    priceVersion: int
    active: bool
    isActive: bool
    taxCodes: list[str]
    charges: list[ChargeOut]
    fixedCharges: list[FixedChargeOut]


class CouponOut(Stamps):
    """A coupon; `amount` for fixed ones, `percentage` for the others."""

    id: str
    name: str
    code: str
    description: str
    couponType: Annotated[str, Words("fixed_amount", "percentage")]
    amount: Decimal | None
    currency: str | None
    percentage: Decimal | None
    frequency: Annotated[str, Words(*Frequency.values)]
    periods: int | None
    reusable: bool
    limitedPlans: bool
    planCodes: list[str]
    limitedBillableMetrics: bool
    billableMetricCodes: list[str]
    expiresAt: datetime | None
    status: Annotated[str, Words("active", "expired", "terminated")]
    terminatedAt: datetime | None


class DeletedCouponOut(CouponOut):
    """A coupon that is deleted now."""

    deletedAt: datetime | None


class AddOnPriceOut(TypedDict):
    """What an add-on costs in a currency."""

    currency: str
    amount: Decimal


class AddOnOut(Stamps):
    """An add-on with its prices; `amount` is the one in its own currency."""

    id: str
    name: str
    code: str
    description: str
    invoiceDisplayName: str
    currency: str
    amount: Decimal
    prices: list[AddOnPriceOut]
    taxCodes: list[str]


class StepOut(TypedDict, total=False):
    """One row of a calculation; what does not apply is left out."""

    kind: str
    label: str
    units: Decimal
    unitAmount: Decimal
    rate: Decimal
    flatAmount: Decimal
    fromValue: Decimal
    toValue: Decimal
    amount: Decimal


class EventFeeOut(TypedDict):
    """What an event in advance comes to."""

    value: Decimal | str | None
    units: Decimal
    amount: Decimal
    steps: list[StepOut]


class EventFeesOut(TypedDict):
    """The worked fees of events in advance, with their sum."""

    amount: Decimal
    currency: str
    units: Decimal
    events: list[EventFeeOut]


class PriceExampleOut(TypedDict):
    """A worked price."""

    amount: Decimal
    currency: str
    units: Decimal
    steps: list[StepOut]


Window = TypedDict("Window", {"from": datetime, "to": datetime})


class MeasuredExampleOut(PriceExampleOut, Window):
    """A worked price of events, with what the metric made of them in its window."""

    eventsCount: int


PricedOut: TypeAlias = PriceExampleOut | MeasuredExampleOut | EventFeesOut


class PriceDifferenceOut(TypedDict):
    """One part of prices that changed: an amount, a charge's model and properties, names or tax codes; null: there is
    none.
    """

    part: str
    name: str | None
    currency: str
    before: Any
    after: Any


class PriceVersionOut(TypedDict):
    """A version of a plan's prices with what it changed and how many subscriptions pay it."""

    version: int
    current: bool
    since: datetime | None
    madeBy: str | None
    subscriptions: int
    changes: list[PriceDifferenceOut]
    priceChangeId: str | None


class PriceChangeOut(TypedDict):
    """A run that moves subscriptions to other prices: how many rows ended how."""

    id: str
    planId: str
    version: int
    existingSubscriptions: Annotated[str, Words("renewal", "now", "never")]
    total: int
    moved: int
    skipped: int
    failed: int
    waiting: int
    at: datetime | None
    finishedAt: datetime | None


class PriceChangeRowOut(TypedDict):
    """What came of one subscription."""

    subscriptionId: str
    externalId: str
    outcome: Annotated[str, Words("waiting", "moved", "skipped", "failed")]
    note: str | None
    currency: str
    amountBefore: Decimal
    amountAfter: Decimal
    since: datetime | None


class WayOut(TypedDict):
    """What one way of following costs more, in running periods and in each after them."""

    runningPeriods: Decimal
    eachPeriodAfter: Decimal


class PriceShareOut(TypedDict):
    """The subscriptions in one currency, with what each way costs them more."""

    currency: str
    subscriptions: int
    feesBefore: Decimal
    feesAfter: Decimal
    withoutPrice: list[str]
    renewal: WayOut
    now: WayOut
    never: WayOut


class PriceEffectOut(TypedDict):
    """What a change of prices would mean for those who pay them."""

    subscriptions: int
    withOwnTerms: int
    comparedUsage: int
    currencies: list[PriceShareOut]
