"""Plans, metrics, coupons, taxes, add-ons."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Optional, Union

from .base import Amount, Json, Model
from .literals import AggregationType, BillingInterval, ChargeModel


class PlanPrice(Model):
    """What a period of a plan costs in a currency."""

    id: str = ""
    plan_id: str = ""
    currency: str = ""
    amount: Amount = 0
    minimum_commitment: Optional[Amount] = None


class Commitment(Model):
    """What a period brings at the least."""

    amount: Amount = 0
    invoice_display_name: str = ""


class Charge(Model):
    """How a plan prices the usage of a metric."""

    id: str
    plan_id: str = ""
    billable_metric_id: str = ""
    metric_code: str = ""
    charge_model: Union[ChargeModel, str] = "standard"
    properties: Json = {}
    filters: List[Dict[str, Any]] = []
    group_keys: List[str] = []
    prorated: bool = False
    pay_in_advance: bool = False
    invoiceable: bool = True
    min_amount: Amount = 0
    invoice_display_name: Optional[str] = None
    prices: List[Dict[str, Any]] = []
    tax_codes: List[str] = []
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class FixedCharge(Model):
    """Units of an add-on that a plan brings with it."""

    id: str
    plan_id: str = ""
    add_on_id: str = ""
    add_on_code: str = ""
    charge_model: Union[ChargeModel, str] = "standard"
    properties: Json = {}
    units: Amount = 0
    pay_in_advance: bool = False
    prorated: bool = False
    invoice_display_name: Optional[str] = None
    prices: List[Dict[str, Any]] = []
    tax_codes: List[str] = []
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class Plan(Model):
    """What is sold: a price each interval, and what usage costs."""

    id: str
    name: str = ""
    code: str = ""
    description: Optional[str] = None
    invoice_display_name: Optional[str] = None
    billing_interval: Union[BillingInterval, str] = "monthly"
    amount: Amount = 0
    currency: str = ""
    prices: List[PlanPrice] = []
    pay_in_advance: bool = False
    trial_days: int = 0
    bill_charges_monthly: bool = False
    bill_fixed_charges_monthly: bool = False
    minimum_commitment: Optional[Commitment] = None
    features: List[str] = []
    price_version: Optional[int] = None
    active: bool = True
    tax_codes: List[str] = []
    charges: List[Charge] = []
    fixed_charges: List[FixedCharge] = []
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class Metric(Model):
    """What is measured."""

    id: str
    name: str = ""
    code: str = ""
    description: Optional[str] = None
    aggregation_type: Union[AggregationType, str] = "count"
    field_name: Optional[str] = None
    expression: Optional[str] = None
    filters: List[Dict[str, Any]] = []
    recurring: bool = False
    rounding_function: Optional[str] = None
    rounding_precision: Optional[int] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class Coupon(Model):
    """What lowers invoices: an amount or a percentage."""

    id: str
    name: str = ""
    code: str = ""
    description: Optional[str] = None
    coupon_type: str = ""
    amount: Optional[Amount] = None
    currency: Optional[str] = None
    percentage: Optional[Amount] = None
    frequency: str = ""
    periods: Optional[int] = None
    reusable: bool = False
    limited_plans: bool = False
    plan_codes: List[str] = []
    limited_billable_metrics: bool = False
    billable_metric_codes: List[str] = []
    expires_at: Optional[datetime] = None
    status: str = ""
    terminated_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class AppliedCoupon(Model):
    """A coupon that a customer has."""

    id: str
    coupon_id: str = ""
    coupon_code: str = ""
    customer_id: str = ""
    status: str = ""
    type: str = ""
    amount: Optional[Amount] = None
    amount_remaining: Optional[Amount] = None
    currency: Optional[str] = None
    percentage: Optional[Amount] = None
    frequency: str = ""
    uses_remaining: Optional[int] = None
    applied_at: Optional[datetime] = None
    terminated_at: Optional[datetime] = None


class Tax(Model):
    """A tax; `rate` in percent."""

    id: str
    name: str = ""
    code: str = ""
    rate: Amount = 0
    description: Optional[str] = None
    applied_by_default: bool = False
    category: Optional[str] = None
    exemption_code: Optional[str] = None
    exemption_reason: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class AddOn(Model):
    """What is sold once, or in units beside a plan."""

    id: str
    name: str = ""
    code: str = ""
    description: Optional[str] = None
    invoice_display_name: Optional[str] = None
    amount: Amount = 0
    currency: str = ""
    tax_codes: List[str] = []
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None
