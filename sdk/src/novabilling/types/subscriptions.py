"""Subscriptions, their usage, and events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Optional, Union

from .base import Amount, Json, Model
from .literals import EventStatus, SubscriptionStatus


class Subscription(Model):
    """A customer's plan. The running period is [`current_period_start`, `current_period_end`)."""

    id: str
    external_id: str = ""
    name: str = ""
    customer_id: str = ""
    plan_id: str = ""
    plan_code: str = ""
    status: Union[SubscriptionStatus, str] = "active"
    currency: str = ""
    billing_time: str = "calendar"
    subscription_at: Optional[datetime] = None
    started_at: Optional[datetime] = None
    trial_end: Optional[datetime] = None
    ending_at: Optional[datetime] = None
    separate_invoice: bool = False
    has_own_terms: bool = False
    paused_at: Optional[datetime] = None
    resumes_at: Optional[datetime] = None
    previous_subscription_id: Optional[str] = None
    plan_changes_at: Optional[datetime] = None
    next_plan_id: Optional[str] = None
    next_plan_code: Optional[str] = None
    cancel_at_period_end: bool = False
    cancel_at: Optional[datetime] = None
    cancel_requested_at: Optional[datetime] = None
    current_period_start: Optional[datetime] = None
    current_period_end: Optional[datetime] = None
    next_billing_at: Optional[datetime] = None
    canceled_at: Optional[datetime] = None
    terminated_at: Optional[datetime] = None
    metadata: Json = {}
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


class ChargeUsage(Model):
    """What a charge measured, and what that costs."""

    charge_id: Optional[str] = None
    metric_code: Optional[str] = None
    name: str = ""
    charge_model: Optional[str] = None
    units: Amount = 0
    events_count: Optional[int] = None
    amount: Amount = 0
    projected_units: Optional[Amount] = None
    projected_amount: Optional[Amount] = None
    steps: List[Dict[str, Any]] = []
    filters: List[Dict[str, Any]] = []
    groups: List[Dict[str, Any]] = []


class Usage(Model):
    """The usage of a subscription in [`from_`, `to`). `amount` is before tax."""

    subscription_id: str = ""
    external_subscription_id: Optional[str] = None
    from_: Optional[datetime] = None
    to: Optional[datetime] = None
    currency: str = ""
    amount: Amount = 0
    tax_amount: Amount = 0
    total_amount: Amount = 0
    projected_amount: Optional[Amount] = None
    events_count: Optional[int] = None
    invoice_id: Optional[str] = None
    invoice_number: Optional[str] = None
    invoice_status: Optional[str] = None
    charges: List[ChargeUsage] = []


class Event(Model):
    """Usage that was reported."""

    id: str = ""
    transaction_id: str = ""
    status: Union[EventStatus, str] = "accepted"
    reason: Optional[str] = None
    subscription_id: Optional[str] = None
    external_subscription_id: Optional[str] = None
    code: str = ""
    timestamp: Optional[datetime] = None
    received_at: Optional[datetime] = None
    properties: Json = {}
    precise_total_amount: Optional[Amount] = None
    late: bool = False


class EventResult(Model):
    """What became of an event: it counts (`accepted`), was known (`duplicate`), waits for its subscription or metric
    (`quarantined`), or was refused (`conflict`, `invalid`).
    """

    transaction_id: Optional[str] = None
    status: Union[EventStatus, str] = "accepted"
    reason: Optional[str] = None
    field: Optional[str] = None


class BatchResult(Model):
    """What became of a batch, one result per event in the order they were sent."""

    results: List[EventResult] = []
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    invalid: int = 0


class Alert(Model):
    """Whom to tell when usage or a balance passes a value."""

    id: str
    type: str = ""
    code: str = ""
    name: str = ""
    subscription_id: Optional[str] = None
    wallet_id: Optional[str] = None
    metric_id: Optional[str] = None
    thresholds: List[Dict[str, Any]] = []
    previous_value: Optional[Amount] = None
    last_checked_at: Optional[datetime] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None
