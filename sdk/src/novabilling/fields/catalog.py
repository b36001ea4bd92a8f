"""Fields of the catalogue and of events."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Union

from typing_extensions import Required, TypedDict

from ..types import BillingInterval, Currency
from .base import Moment, Number, PageQuery


class EventQuery(PageQuery, total=False):
    """Which events; `timestamp_from` <= timestamp < `timestamp_to`. `late`: `all` or `open`."""

    subscription_id: Optional[str]
    code: Optional[str]
    transaction_id: Optional[str]
    timestamp_from: Optional[Moment]
    timestamp_to: Optional[Moment]
    status: Optional[str]
    late: Optional[str]


class MetricQuery(PageQuery, total=False):
    """Which metrics."""

    search: Optional[str]
    aggregation_type: Optional[str]


class MetricFilter(TypedDict, total=False):
    """A property by whose values charges may have prices of their own, and these values."""

    key: Required[str]
    values: Required[Sequence[str]]


class NewMetric(TypedDict, total=False):
    """A metric; `field_name` or `expression` is required unless the type is count."""

    name: Required[str]
    code: Required[str]
    description: Optional[str]
    aggregation_type: Required[str]
    field_name: Optional[str]
    expression: Optional[str]
    filters: Optional[Sequence[MetricFilter]]
    recurring: Optional[bool]
    rounding_function: Optional[str]
    rounding_precision: Optional[int]


class MetricChanges(TypedDict, total=False):
    """What can change."""

    name: Optional[str]
    code: Optional[str]
    description: Optional[str]
    aggregation_type: Optional[str]
    field_name: Optional[str]
    expression: Optional[str]
    filters: Optional[Sequence[MetricFilter]]
    recurring: Optional[bool]
    rounding_function: Optional[str]
    rounding_precision: Optional[int]


class PlanQuery(PageQuery, total=False):
    """Which plans; `active` leaves out the others."""

    active: Optional[bool]
    billing_interval: Optional[Union[BillingInterval, str]]
    currency: Optional[Union[Currency, str]]
    search: Optional[str]


class NewPrice(TypedDict, total=False):
    """What a period costs in a currency, in major units, and what it brings there at the least."""

    currency: Required[Union[Currency, str]]
    amount: Required[Number]
    minimum_commitment: Optional[Number]


class NewCommitment(TypedDict, total=False):
    """What a period brings at the least, in major units of the plan's currency."""

    amount: Required[Number]
    invoice_display_name: Optional[str]


class NewChargeFilter(TypedDict, total=False):
    """A price of its own: `values` {filter key of the metric: [value]}, where no values mean all of them."""

    values: Required[Mapping[str, Optional[Sequence[str]]]]
    properties: Mapping[str, Any]
    invoice_display_name: Optional[str]


class NewChargePrice(TypedDict, total=False):
    """What a charge costs in another currency of its plan, in that currency's major units."""

    currency: Required[Union[Currency, str]]
    properties: Mapping[str, Any]
    min_amount: Optional[Number]
    filters: Optional[Sequence[NewChargeFilter]]


class NewCharge(TypedDict, total=False):
    """A charge: the metric by id or by code. In a plan's PATCH, `id` keeps an existing charge."""

    existing_subscriptions: Optional[str]
    charge_model: Required[str]
    properties: Mapping[str, Any]
    min_amount: Optional[Number]
    invoice_display_name: Optional[str]
    tax_codes: Optional[Sequence[str]]
    prices: Optional[Sequence[NewChargePrice]]
    filters: Optional[Sequence[NewChargeFilter]]
    group_keys: Optional[Sequence[str]]
    prorated: Optional[bool]
    pay_in_advance: Optional[bool]
    invoiceable: Optional[bool]
    id: Optional[str]
    billable_metric_id: Optional[str]
    metric_code: Optional[str]


class NewFixedPrice(TypedDict, total=False):
    """What its units cost in another currency of the plan."""

    currency: Required[Union[Currency, str]]
    properties: Mapping[str, Any]


class NewFixedCharge(TypedDict, total=False):
    """A fixed charge: the add-on by id or code. In a plan's PATCH, `id` keeps an existing one."""

    existing_subscriptions: Optional[str]
    charge_model: Optional[str]
    properties: Optional[Mapping[str, Any]]
    units: Optional[Number]
    pay_in_advance: Optional[bool]
    prorated: Optional[bool]
    invoice_display_name: Optional[str]
    tax_codes: Optional[Sequence[str]]
    prices: Optional[Sequence[NewFixedPrice]]
    id: Optional[str]
    add_on: Required[str]


class NewPlan(TypedDict, total=False):
    """A plan; without a price it costs 0 in the organization's currency."""

    name: Required[str]
    code: Required[str]
    description: Optional[str]
    invoice_display_name: Optional[str]
    billing_interval: Optional[Union[BillingInterval, str]]
    amount: Optional[Number]
    currency: Optional[Union[Currency, str]]
    prices: Optional[Sequence[NewPrice]]
    pay_in_advance: Optional[bool]
    trial_days: Optional[int]
    bill_charges_monthly: Optional[bool]
    bill_fixed_charges_monthly: Optional[bool]
    minimum_commitment: Optional[NewCommitment]
    features: Optional[Sequence[str]]
    active: Optional[bool]
    tax_codes: Optional[Sequence[str]]
    charges: Optional[Sequence[NewCharge]]
    fixed_charges: Optional[Sequence[NewFixedCharge]]
    existing_subscriptions: Optional[str]


class PlanChanges(TypedDict, total=False):
    """What can change; `charges` replaces all of them. `existing_subscriptions`: now, renewal or never."""

    name: Optional[str]
    code: Optional[str]
    description: Optional[str]
    invoice_display_name: Optional[str]
    billing_interval: Optional[Union[BillingInterval, str]]
    amount: Optional[Number]
    currency: Optional[Union[Currency, str]]
    prices: Optional[Sequence[NewPrice]]
    pay_in_advance: Optional[bool]
    trial_days: Optional[int]
    bill_charges_monthly: Optional[bool]
    bill_fixed_charges_monthly: Optional[bool]
    minimum_commitment: Optional[NewCommitment]
    features: Optional[Sequence[str]]
    active: Optional[bool]
    tax_codes: Optional[Sequence[str]]
    charges: Optional[Sequence[NewCharge]]
    fixed_charges: Optional[Sequence[NewFixedCharge]]
    existing_subscriptions: Optional[str]


class ChargeChanges(TypedDict, total=False):
    """What can change; the metric stays."""

    existing_subscriptions: Optional[str]
    charge_model: Optional[str]
    properties: Optional[Mapping[str, Any]]
    min_amount: Optional[Number]
    invoice_display_name: Optional[str]
    tax_codes: Optional[Sequence[str]]
    prices: Optional[Sequence[NewChargePrice]]
    filters: Optional[Sequence[NewChargeFilter]]
    group_keys: Optional[Sequence[str]]
    prorated: Optional[bool]
    pay_in_advance: Optional[bool]
    invoiceable: Optional[bool]


class NewThreshold(TypedDict, total=False):
    """An amount of usage in major units of the plan's currency, without tax."""

    amount: Required[Number]
    name: str
    recurring: bool


class PricedCharge(TypedDict, total=False):
    """What one charge of the plan costs in the currency: the charge by id, or by its metric's code."""

    charge_id: Optional[str]
    metric_code: Optional[str]
    properties: Required[Mapping[str, Any]]
    min_amount: Optional[Number]
    filters: Sequence[NewChargeFilter]


class NewPlanPrice(TypedDict, total=False):
    """The price of a plan in one more currency."""

    currency: Required[Union[Currency, str]]
    amount: Required[Number]
    minimum_commitment: Optional[Number]
    charges: Sequence[PricedCharge]


class PlanPriceChanges(TypedDict, total=False):
    """What can change; the currency stays."""

    existing_subscriptions: Optional[str]
    amount: Optional[Number]
    minimum_commitment: Optional[Number]
    charges: Optional[Sequence[PricedCharge]]


class FixedChargeChanges(TypedDict, total=False):
    """What can change; the add-on stays."""

    existing_subscriptions: Optional[str]
    charge_model: Optional[str]
    properties: Optional[Mapping[str, Any]]
    units: Optional[Number]
    pay_in_advance: Optional[bool]
    prorated: Optional[bool]
    invoice_display_name: Optional[str]
    tax_codes: Optional[Sequence[str]]
    prices: Optional[Sequence[NewFixedPrice]]


class ChargePreview(TypedDict, total=False):
    """A price to work out: `units`, `event_values` whose sum they are, or `events`."""

    charge_model: Required[str]
    properties: Mapping[str, Any]
    currency: Required[Union[Currency, str]]
    units: Optional[Number]
    events_count: Optional[int]
    event_values: Sequence[Number]
    precise_total_amount: Number
    pay_in_advance: bool
    billable_metric_id: Optional[str]
    metric_code: Optional[str]
    events: Optional[Sequence[Mapping[str, Any]]]


class CouponLimits(TypedDict, total=False):
    """What it is limited to, by code: plans or metrics. Sent empty, or as null, it lowers everything."""

    plan_codes: Sequence[str]
    billable_metric_codes: Sequence[str]


class NewCoupon(TypedDict, total=False):
    """A coupon: `fixed_amount` with amount and currency, or `percentage`."""

    name: Required[str]
    code: Required[str]
    description: Optional[str]
    coupon_type: Required[str]
    amount: Optional[Number]
    currency: Optional[Union[Currency, str]]
    percentage: Optional[Number]
    frequency: Optional[str]
    periods: Optional[int]
    reusable: Optional[bool]
    expires_at: Optional[Moment]
    applies_to: Optional[CouponLimits]


class CouponChanges(TypedDict, total=False):
    """What can change."""

    name: Optional[str]
    code: Optional[str]
    description: Optional[str]
    coupon_type: Optional[str]
    amount: Optional[Number]
    currency: Optional[Union[Currency, str]]
    percentage: Optional[Number]
    frequency: Optional[str]
    periods: Optional[int]
    reusable: Optional[bool]
    expires_at: Optional[Moment]
    applies_to: Optional[CouponLimits]


class TaxQuery(PageQuery, total=False):
    """Which taxes."""

    applied_by_default: Optional[bool]


class NewTax(TypedDict, total=False):
    """A tax; `rate` in percent."""

    name: Required[str]
    code: Required[str]
    rate: Required[Number]
    description: Optional[str]
    applied_by_default: Optional[bool]
    category: Optional[str]
    exemption_code: Optional[str]
    exemption_reason: Optional[str]


class TaxChanges(TypedDict, total=False):
    """What can change."""

    name: Optional[str]
    code: Optional[str]
    rate: Optional[Number]
    description: Optional[str]
    applied_by_default: Optional[bool]
    category: Optional[str]
    exemption_code: Optional[str]
    exemption_reason: Optional[str]


class AddOnQuery(PageQuery, total=False):
    """Which add-ons."""

    search: Optional[str]


class NewAddOn(TypedDict, total=False):
    """An add-on; without a price it costs 0 in the organization's currency."""

    name: Required[str]
    code: Required[str]
    description: Optional[str]
    invoice_display_name: Optional[str]
    amount: Optional[Number]
    currency: Optional[Union[Currency, str]]
    prices: Optional[Sequence[NewPrice]]
    tax_codes: Optional[Sequence[str]]


class AddOnChanges(TypedDict, total=False):
    """What can change; `prices` replaces all of them."""

    name: Optional[str]
    code: Optional[str]
    description: Optional[str]
    invoice_display_name: Optional[str]
    amount: Optional[Number]
    currency: Optional[Union[Currency, str]]
    prices: Optional[Sequence[NewPrice]]
    tax_codes: Optional[Sequence[str]]


class OwnFilterPrice(TypedDict, total=False):
    """The price of one filter of a charge, told by its values."""

    values: Required[Mapping[str, Optional[Sequence[str]]]]
    properties: Required[Mapping[str, Any]]


class OwnChargePrice(TypedDict, total=False):
    """A charge of the plan by id, or by its metric's code: its model stays. Filters are named by their values."""

    id: Optional[str]
    metric_code: Optional[str]
    properties: Optional[Mapping[str, Any]]
    min_amount: Optional[Number]
    filters: Sequence[OwnFilterPrice]


class OwnFixedPrice(TypedDict, total=False):
    """A fixed charge of the plan by id, or by its add-on's code. `units`: from the start of a new subscription on."""

    id: Optional[str]
    add_on: Optional[str]
    properties: Optional[Mapping[str, Any]]
    units: Optional[Number]


class PlanOverrides(TypedDict, total=False):
    """Prices for one subscription alone; what is left out is as the plan says."""

    amount: Optional[Number]
    invoice_display_name: Optional[str]
    trial_days: Optional[int]
    minimum_commitment: Optional[NewCommitment]
    tax_codes: Optional[Sequence[str]]
    charges: Sequence[OwnChargePrice]
    fixed_charges: Sequence[OwnFixedPrice]
    usage_thresholds: Optional[Sequence[NewThreshold]]
